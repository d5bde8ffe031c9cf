"""Every part of an embedded account, made in the order in which they build on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from constructs_ml.rehearsal.cloudformation import CloudFormation
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import Endpoints
from constructs_ml.rehearsal.events import Events
from constructs_ml.rehearsal.faults import Faults
from constructs_ml.rehearsal.functions import Functions
from constructs_ml.rehearsal.iam import Iam
from constructs_ml.rehearsal.jobs import Jobs
from constructs_ml.rehearsal.people import People
from constructs_ml.rehearsal.sagemaker.service import SageMaker
from constructs_ml.rehearsal.sagemaker.store import Store
from constructs_ml.rehearsal.services import Services
from constructs_ml.rehearsal.stand_ins import StandIn
from constructs_ml.rehearsal.states.states import States


@dataclass(frozen=True, slots=True)
class Parts:
    """The services of an account that do more than moto's."""

    iam: Iam
    faults: Faults
    store: Store
    sagemaker: SageMaker
    events: Events
    functions: Functions
    services: Services
    jobs: Jobs
    endpoints: Endpoints
    states: States
    cloudformation: CloudFormation
    people: People


def make_parts(account: EmbeddedAccount, stand_ins: Sequence[StandIn] = ()) -> Parts:
    """All parts, registered with the account, before it is opened."""
    iam, faults, store = Iam(account), Faults(account), Store(account)
    iam.tags_of.append(lambda arn: found.tags if (found := store.by_arn(arn)) else None)
    states = States(account)
    return Parts(
        iam=iam,
        faults=faults,
        store=store,
        sagemaker=SageMaker(account, store),
        events=Events(account),
        functions=Functions(account, stand_ins),
        services=Services(account, stand_ins, store),
        jobs=Jobs(account, store, stand_ins),
        endpoints=Endpoints(account, store, stand_ins),
        states=states,
        cloudformation=CloudFormation(account),
        people=People(account, states.waits),
    )
