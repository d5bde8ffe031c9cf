"""Checks that several kinds of steps share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.images import Algorithm, ContainerImage, Image
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.values import Input, Result

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
    if not _KEY.fullmatch(name):
        raise refuse(
            "metric-name",
            where=where,
            got=repr(name),
            allowed="letters, digits and _, not beginning with a digit",
            name=name,
        )


def check_job_code(
    code: str | PurePath | Code | None, image: ContainerImage | Algorithm, where: str, *, runs_alone: bool
) -> None:
    """AWS's general-purpose framework images do nothing without code."""
    needs_code = not isinstance(image, (Image, Algorithm)) and not (image.family == "xgboost" and runs_alone)
    if code is None and needs_code:
        raise refuse(
            "code-needed",
            where=where,
            got="no code=",
            allowed="a script or a folder of code",
            image=type(image).__name__,
        )


def check_result_key(key: str, where: str) -> None:
    """A key of the run's data that a path can name."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise refuse("result-key", where=where, got=repr(key), allowed="letters, digits and _")


def result_of(step: str, key: str, known: tuple[str, ...] | None = None) -> Result:
    """A reference to a named result of a step; `known` None means that the step cannot tell its keys."""
    where = f"{step}.result({key!r})"
    check_result_key(key, where)
    if known is not None and key not in known:
        raise refuse("result-unknown", where=where, got=repr(key), allowed=known, step=step, name=key)
    return Result(step, key)


def check_service_name(field: str, value: object, pattern: re.Pattern[str], where: str, allowed: str) -> None:
    """The name of something that exists in the account: a text of the service's form, or an input that holds one."""
    if isinstance(value, Input):
        sound = value.type == "String"
    else:
        sound = isinstance(value, str) and bool(pattern.fullmatch(value))
    if not sound:
        raise refuse("service-name", where=where, got=f"{field}={value!r}", allowed=f"{allowed}, or a String input")
