"""CallService: one call of any AWS service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar, Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_duration, check_name, check_tuple
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import Retry
from constructs_ml.spec.steps.common import check_result_key, result_of
from constructs_ml.spec.values import VALUES, Result, TaskToken

_CALL = re.compile(r"[a-z0-9-]+:[a-z][A-Za-z0-9]*")
_PATH = re.compile(r"\$(\.[A-Za-z0-9_-]+|\[[0-9]+\])+")
_ARN = re.compile(r"arn:\$\{AWS::Partition\}:[a-z0-9-]+:[^:]*:[^:]*:.+")
Wait = Literal["response", "job", "token"]


@dataclass(frozen=True, slots=True)
class Until:
    """A call is made again, after 15 seconds and then ever later up to 4 minutes, until its answer has a status.

    `status` is the path of the status in the answer; one of `done` goes on, one of `failed` or no end before the
    `deadline` (at most 90 days) ends the run by the failure path.
    """

    status: str
    _: KW_ONLY
    done: tuple[str, ...]
    failed: tuple[str, ...] = ()
    deadline: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        where = f"Until({self.status!r})"
        check_fields(self, where)
        if not isinstance(self.status, str) or not _PATH.fullmatch(self.status):
            raise refuse("keep-path", where=where, got=repr(self.status), allowed="$.Path.In.Answer")
        check_tuple("done", self.done, where, str)
        check_tuple("failed", self.failed, where, str)
        if not self.done or set(self.done) & set(self.failed):
            got = f"done={self.done!r}, failed={self.failed!r}"
            raise refuse("until-status", where=where, got=got, allowed="statuses in done=, none of them in failed=")
        check_duration("deadline", self.deadline, where, timedelta(seconds=15), timedelta(days=90))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallService:
    """Calls a service and keeps what `keep` names of the answer, each by its path there.

    `call` is the service and action as Step Functions writes them, such as "sqs:sendMessage". Values may stand
    anywhere in `parameters`, inside objects and lists too, and `${AWS::Region}` and its like in any text.
    `wait` is for the response, for the end of the job that the call starts, or for somebody who answers with the
    `TaskToken()` that stands in the parameters. `on` are the ARNs of what the call needs that its parameters do not
    tell; `because` is demanded when one of them holds a wildcard. With `until` the call is made again until its answer
    has a status: `keep` is then of that answer.

    >>> from constructs_ml import CallService, Input
    >>> ask = CallService(name="ask", call="dynamodb:getItem", keep={"owner": "$.Item.Owner.S"},
    ...                   parameters={"TableName": "models", "Key": {"Name": {"S": Input("model")}}})
    >>> ask.result("owner")
    Result(step='ask', key='owner')
    """

    leaves: ClassVar[tuple[type, ...]] = (Result,)

    name: str
    call: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    wait: Wait = "response"
    until: Until | None = None
    keep: Mapping[str, str] = field(default_factory=dict)
    on: tuple[str, ...] = ()
    because: str = ""
    retry: Retry | None = None
    timeout: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        if not isinstance(self.call, str) or not _CALL.fullmatch(self.call):
            allowed = "service:action as Step Functions writes it, such as sqs:sendMessage"
            raise refuse("service-call", where=where, got=repr(self.call), allowed=allowed)
        if self.wait not in ("response", "job", "token"):
            raise refuse("kind", where=where, got=repr(self.wait), allowed=("response", "job", "token"), field="wait")
        tokens = sum(isinstance(value, TaskToken) for value in _leaves(self.parameters, f"{where}, parameters"))
        if (self.wait == "token") != bool(tokens):
            got = f"wait={self.wait!r} and {tokens} TaskToken()"
            raise refuse("task-token", where=where, got=got, allowed='wait="token" with TaskToken() in parameters')
        if self.until is not None and self.wait != "response":
            got = f"until= and wait={self.wait!r}"
            raise refuse("until-status", where=where, got=got, allowed='until= with wait="response"')
        for key, path in self.keep.items():
            check_result_key(key, f"{where}, keep")
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                raise refuse("keep-path", where=f"{where}, keep {key!r}", got=repr(path), allowed="$.Path.In.Answer")
        check_tuple("on", self.on, where, str)
        for arn in self.on:
            if not _ARN.fullmatch(arn):
                allowed = "arn:${AWS::Partition}:service:${AWS::Region}:${AWS::AccountId}:resource"
                raise refuse("call-on", where=where, got=repr(arn), allowed=allowed)
        wild = [arn for arn in self.on if "*" in arn]
        if wild and not self.because:
            raise refuse("permission-wildcard", where=where, got=wild, allowed="because= with a reason, or no wildcard")
        check_duration("timeout", self.timeout, where, timedelta(seconds=1), timedelta(days=365))
        object.__setattr__(self, "parameters", _frozen(self.parameters))
        object.__setattr__(self, "keep", _frozen(self.keep))

    @property
    def result_keys(self) -> tuple[str, ...]:
        """What `keep` names."""
        return tuple(self.keep)

    def result(self, key: str) -> Result:
        """What `keep` names so."""
        return result_of(self.name, key, self.result_keys)


def _leaves(value: object, where: str) -> Iterator[object]:
    """The values in nested JSON. Raises `SpecError` for what is neither JSON nor a value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not key or key.endswith(".$"):
                raise refuse("call-json", where=where, got=repr(key), allowed="names of members, as text without .$")
            yield from _leaves(item, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{where}[{index}]")
    elif value is None or isinstance(value, (*VALUES, TaskToken)):
        yield value
    else:
        raise refuse("call-json", where=where, got=repr(value), allowed="JSON, with values anywhere in it")


def _frozen(value: object) -> object:
    """Nested JSON that cannot change any more."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value
