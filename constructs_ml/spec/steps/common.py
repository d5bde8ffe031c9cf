"""Checks that several kinds of steps share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.images import ContainerImage, Image
from constructs_ml.spec.jobs import Code

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_environment(environment: Mapping[str, object], where: str, *, own: int = 0) -> None:
    """Names of environment variables as the services accept them; `own` more are set by the library."""
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            raise refuse(
                "environment-name",
                where=where,
                got=repr(name),
                allowed="letters, digits and _, not beginning with a digit",
            )
    most = limits.ENVIRONMENT_VARIABLES - own
    if len(environment) > most:
        raise refuse(
            "number-range",
            quantity="the number of environment variables",
            where=where,
            got=len(environment),
            allowed=f"at most {most}",
        )


def check_metric_key(name: str, where: str) -> None:
    """A key of a metrics file that a path can name."""
    if not _METRIC_KEY.fullmatch(name):
        raise refuse(
            "metric-name",
            where=where,
            got=repr(name),
            allowed="letters, digits and _, not beginning with a digit",
            name=name,
        )


def check_job_code(code: str | PurePath | Code | None, image: ContainerImage, where: str, *, runs_alone: bool) -> None:
    """AWS's general-purpose framework images do nothing without code."""
    needs_code = not isinstance(image, Image) and not (image.family == "xgboost" and runs_alone)
    if code is None and needs_code:
        raise refuse(
            "code-needed",
            where=where,
            got="no code=",
            allowed="a script or a folder of code",
            image=type(image).__name__,
        )
