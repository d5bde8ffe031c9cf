"""SageMaker whole: what answers its API beside the store, in the order in which calls are looked at."""

from __future__ import annotations

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.events import StateChanges
from constructs_ml.rehearsal.sagemaker.feature_groups import FeatureGroups
from constructs_ml.rehearsal.sagemaker.feature_store import FeatureStore
from constructs_ml.rehearsal.sagemaker.lineage import Lineage
from constructs_ml.rehearsal.sagemaker.lineage_query import LineageQuery
from constructs_ml.rehearsal.sagemaker.lineage_trails import Trails
from constructs_ml.rehearsal.sagemaker.pipelines import Pipelines
from constructs_ml.rehearsal.sagemaker.references import References
from constructs_ml.rehearsal.sagemaker.registry import Registry
from constructs_ml.rehearsal.sagemaker.schedules import Schedules
from constructs_ml.rehearsal.sagemaker.search import Search
from constructs_ml.rehearsal.sagemaker.store import Store


class SageMaker:
    """Registry, events, lineage, features, schedules, search and pipelines over a store.

    Made right after the store: jobs and endpoints, parts of their own, put their operations over these.
    """

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self.references = References(account, store)
        self.changes = StateChanges(account, store)
        self.registry = Registry(account, store, self.changes)
        self.lineage = Lineage(account, store)
        LineageQuery(account, self.lineage)
        Trails(self.lineage, self.changes)
        FeatureGroups(account, store)
        FeatureStore(account, store)
        Schedules(account, store)
        Search(account, store)
        self.pipelines = Pipelines(account, store, self.changes)
