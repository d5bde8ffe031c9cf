"""Dashboard: one page of CloudWatch for a model."""

from __future__ import annotations

from constructs import Construct

from constructs_ml.aws.accounts import account_at
from constructs_ml.aws.brought import BroughtIn
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.dashboard import compile_dashboard
from constructs_ml.contract import names
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec


class Dashboard(Construct, BroughtIn):
    """The runs of a model's pipeline, its endpoint, and what its monitors measure, as far as the account has them."""

    def __init__(self, scope: Construct, id: str, model: ModelSpec, *, account: Account | None = None) -> None:
        super().__init__(scope, id)
        place = place_of(self)
        self.account = account_at(place, account)
        self.dashboard_name = names.dashboard(self.account.stage, model.name)
        self._bring_in(place, lambda: compile_dashboard(model, self.account, prefix=place.prefix), {})
