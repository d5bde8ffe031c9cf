"""What a construct compiled to, in the tree: its L1s, its faults, and what a role that is given needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_ml.aws.crossing import Crossing, Resources, bring_in
from constructs_ml.aws.places import Place
from constructs_ml.aws.refused import attempt
from constructs_ml.aws.roles import attach
from constructs_ml.compiler.template import Compiled, Json, fill
from constructs_ml.faults import AccountError, refuse


class BroughtIn:
    """Mixed into constructs that bring resources in, or that their account's settings may refuse."""

    compiled: Compiled
    _given_role: iam.IRole | None = None
    _refused: AccountError | None = None
    _crossing: Crossing | None = None
    _slots: dict[str, Any]

    def _bring_in(
        self, place: Place, compile: Callable[[], Compiled], slots: dict[str, Any], role: iam.IRole | None = None
    ) -> None:
        """Compile and bring the resources in; attach to a given role what it needs."""
        scope = cast("Construct", self)
        self._given_role, self._slots = role, slots
        tried = attempt(scope, compile)
        self._refused = tried.refused
        if tried.compiled is None:
            return
        self.compiled = tried.compiled
        if not tried.compiled.resources:
            return
        self._crossing = bring_in(place, tried.compiled, slots)
        if role is not None:
            attach(scope, role, self.required_policy, self._crossing)

    @property
    def is_there(self) -> bool:
        """Whether there are resources: an account may refuse them, or not have said enough for them yet."""
        return self._crossing is not None

    @property
    def crossing(self) -> Crossing:
        """The resources in the tree. Raises the account's faults, or a `SpecError` where there are none yet."""
        if self._refused:
            raise self._refused
        if self._crossing is None:
            where = cast("Construct", self).node.path
            raise refuse("resources-absent", where=where, got="no pinned version", allowed="is_there asked before")
        return self._crossing

    @property
    def resources(self) -> Resources:
        """The L1s by part, such as `resources["State machine"]`."""
        return Resources(self.crossing)

    @property
    def required_policy(self) -> Json:
        """What a role given by the user needs, as a policy document with CloudFormation values."""
        assets = self.crossing.assets
        return {"Version": "2012-10-17", "Statement": fill(list(self.compiled.required), self._slots, assets)}
