"""What a function is deployed as: all that decides how its process looks, and what moto forgets of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.stand_ins import StandIn, stand_in

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
RESERVED = (
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
)
_ENVIRONMENT_BYTES = 4096
_FORGOTTEN = ("DeadLetterConfig", "LoggingConfig")
_MODELS, _BACKEND = "moto.awslambda.models:LambdaFunction", "moto.awslambda.models:LambdaBackend"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A function's version as its processes see it; processes of an equal configuration are alike."""

    name: str
    version: str
    arn: str
    role: str
    runtime: str
    handler: str
    timeout: float
    memory_mb: int
    code: str
    layers: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    log_group: str
    script: Path | None = None

    @property
    def log_stream(self) -> str:
        """How its log streams begin behind the date."""
        own = self.log_group == f"/aws/lambda/{self.name}"
        return f"{'' if own else self.name}[{self.version}]"

    @property
    def unable(self) -> str:
        """Why it cannot run on this machine; empty if it can."""
        if self.script is not None or self.runtime.startswith("python"):
            return ""
        what = f"its runtime is {self.runtime}" if self.runtime else "it is a container image"
        return (
            f"{self.name} does not run in the embedded account: {what}, and Python functions alone run here; "
            f'declare StandIn(of="lambda:{self.name}", script=...), a Python file with the handler'
        )


def configuration(function: LambdaFunction, stand_ins: Sequence[StandIn]) -> Configuration:
    """A function's configuration, with the stand-in that is declared for it."""
    declared = stand_in(stand_ins, f"lambda:{function.function_name}")
    logging = told(function).get("LoggingConfig") or {}
    handler = function.handler or "handler.handler"
    if declared is not None:
        handler = f"{declared.script.stem}.{handler.rpartition('.')[2]}"
    return Configuration(
        name=function.function_name,
        version=str(function.version),
        arn=function.function_arn,
        role=function.role,
        runtime=function.run_time or "",
        handler=handler,
        timeout=float(function.timeout),
        memory_mb=int(function.memory_size),
        code=function.code_sha_256,
        layers=tuple(layer["Arn"] for layer in function.layers),
        environment=tuple(sorted((key, str(value)) for key, value in function.environment_vars.items())),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{function.function_name}",
        script=Path(declared.script).resolve() if declared else None,
    )


def told(function: LambdaFunction) -> dict[str, Any]:
    """What the function was declared with and moto does not keep."""
    kept: dict[str, Any] = function.__dict__.setdefault("_rehearsal", {})
    return kept


def mend(account: EmbeddedAccount) -> None:
    """Keep what moto forgets, and refuse what Lambda refuses and moto takes."""
    update, describe = LambdaFunction.update_configuration, LambdaFunction.get_configuration
    why = "moto does not keep where a function logs and where its dead letters go"
    account.hook(_MODELS, "__init__", _kept_at_creation(LambdaFunction.__init__), why)
    account.hook(_MODELS, "update_configuration", _kept_at_update(update), why)
    account.hook(_MODELS, "get_configuration", _described(describe), why)
    put = LambdaBackend.put_function_event_invoke_config
    why = "moto keeps the first settings of asynchronous calls for ever"
    account.hook(_BACKEND, "put_function_event_invoke_config", _replaced(put, merged=False), why)
    account.hook(_BACKEND, "update_function_event_invoke_config", _replaced(put, merged=True), why)
    account.gate.before.append(lambda call: _check(account, call))


def _kept_at_creation(make: Callable[..., None]) -> Callable[..., None]:
    def made(function: LambdaFunction, account_id: str, spec: dict[str, Any], *rest: Any, **named: Any) -> None:
        make(function, account_id, spec, *rest, **named)
        function.__dict__["_rehearsal"] = {key: spec[key] for key in _FORGOTTEN if spec.get(key)}

    return made


def _kept_at_update(update: Callable[..., Any]) -> Callable[..., Any]:
    def updated(function: LambdaFunction, changes: dict[str, Any]) -> Any:
        if "Environment" in changes:
            changes["Environment"] = {"Variables": (changes["Environment"] or {}).get("Variables") or {}}
        kept = told(function) | {key: changes[key] for key in _FORGOTTEN if key in changes}
        function.__dict__["_rehearsal"] = kept
        return update(function, changes)

    return updated


def _described(describe: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def described(function: LambdaFunction, *given: Any, **named: Any) -> dict[str, Any]:
        found = describe(function, *given, **named)
        group = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
        extra = told(function)
        found["LoggingConfig"] = group | (extra.get("LoggingConfig") or {})
        if extra.get("DeadLetterConfig"):
            found["DeadLetterConfig"] = extra["DeadLetterConfig"]
        return found

    return described


def _replaced(put: Callable[..., dict[str, Any]], *, merged: bool) -> Callable[..., dict[str, Any]]:
    def kept(backend: LambdaBackend, name: str, config: dict[str, Any]) -> dict[str, Any]:
        known = backend.get_function(name).event_invoke_config
        before = known[-1].config if known and merged else {}
        known.clear()
        return put(backend, name, {**before, **config})

    return kept


def _check(account: EmbeddedAccount, call: Call) -> None:
    """Refuse a declaration that Lambda refuses."""
    if call.service != "lambda" or call.operation not in ("CreateFunction", "UpdateFunctionConfiguration"):
        return
    _check_variables((call.parameters.get("Environment") or {}).get("Variables") or {})
    role = call.parameters.get("Role")
    if role:
        try:
            account.assume(role, "lambda.amazonaws.com", session=call.parameters["FunctionName"])
        except ServiceError as refused:
            text = "The role defined for the function cannot be assumed by Lambda."
            raise ServiceError("InvalidParameterValueException", text) from refused


def _check_variables(variables: Mapping[str, str]) -> None:
    reserved = sorted(set(variables) & set(RESERVED))
    if reserved:
        text = (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
        raise ServiceError("InvalidParameterValueException", text)
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in variables.items())
    if size > _ENVIRONMENT_BYTES:
        text = (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {size} bytes"
        )
        raise ServiceError("InvalidParameterValueException", text)
