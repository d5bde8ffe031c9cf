"""One IAM action that a state makes, and on what."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.compiler.proofs.texts import Text


@dataclass(frozen=True, slots=True)
class Call:
    """One IAM action on one resource. `where` is the state; `passed_to` is the service that gets a passed role.

    `resources` are the spellings that its ARN may have; none means that the definition does not tell the resource,
    and a single open one that IAM knows no narrower resource than `*`. An `optional` call is one that some runs or
    some accounts make: a role may allow it, on the resource or on a part of it, and does not have to.
    """

    action: str
    resources: tuple[Text, ...]
    where: str
    passed_to: str = ""
    optional: bool = False

    def __str__(self) -> str:
        on = ""
        if self.resources:
            on = f" on {'*' if self.resources[0].is_anything else self.resources[0]}"
        return f"{self.action}{on}" + (f" to {self.passed_to}" if self.passed_to else "")

    @property
    def verb(self) -> str:
        """The action without its service: `CreateTrainingJob`."""
        return self.action.partition(":")[2]
