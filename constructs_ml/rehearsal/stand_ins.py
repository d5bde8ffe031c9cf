"""What runs in the place of what cannot run on this machine: declared by the user, and said in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StandIn:
    """A Python script that runs in a container's or a job's place, under the same folders, variables and arguments.

    `of` is a glob over what it replaces: an image's URI ("*/xgboost:*"), or the kind and name of what another service
    runs ("lambda:resize", "glue:extract-*", "ecs:transform", "athena:*", "databrew:*", "emr-serverless:*",
    "compilation:*", "automl:*"). The first that fits is taken.
    """

    of: str
    script: Path

    def fits(self, what: str) -> bool:
        """Whether it stands in for `what`."""
        return fnmatchcase(what, self.of)


def stand_in(declared: Sequence[StandIn], what: str) -> StandIn | None:
    """The first declared stand-in for `what`."""
    return next((item for item in declared if item.fits(what)), None)
