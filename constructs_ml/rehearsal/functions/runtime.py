"""The program in a function's process: loads the handler and answers one invocation after the other.

Started as `python -I -S runtime.py`, so that a function finds its own package and boto3, as on AWS, and nothing else
that happens to be installed here. Errors are worded as AWS's own runtime words them
(https://github.com/aws/aws-lambda-python-runtime-interface-client). Standard library only.
"""

import decimal
import importlib
import importlib.util
import json
import logging
import os
import resource
import socket
import sys
import time
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

_Handler = Callable[[Any, Any], Any]
_request = {"id": ""}


class _FaultError(Exception):
    """What the runtime, not the function, found wrong."""

    def __init__(self, kind: str, message: str, trace: "list[str] | None" = None) -> None:
        super().__init__(message)
        self.error = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": trace or []}


class Context:
    """What a handler is given beside the event; https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    def __init__(self, given: "dict[str, Any]") -> None:
        client = json.loads(given["client_context"]) if given["client_context"] else None
        self.aws_request_id = given["id"]
        self.invoked_function_arn = given["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = client and SimpleNamespace(**{"custom": None, "env": None, "client": None, **client})
        self.tenant_id = None
        self._deadline = given["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """How long until the declared timeout."""
        return max(0, int(self._deadline - time.time() * 1000))

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))


class _Log(logging.StreamHandler):  # type: ignore[type-arg]
    """The handler that functions find on the root logger."""

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = _request["id"]
        return super().format(record)


def main() -> None:
    """Answer until the other end closes."""
    given = json.loads(os.environ.pop("REHEARSAL_RUNTIME"))
    sys.path[:0] = given["paths"]
    connection = socket.create_connection(("127.0.0.1", given["port"]))
    channel = connection.makefile("rwb")
    _send(channel, {"token": given["token"]})
    _set_up_logging()
    handler, error = _load(given)
    if error is not None:
        _print(error)
    _end(channel, given["token"], {"error": error})
    if handler is None:
        sys.exit(1)
    for line in channel:
        _end(channel, given["token"], _answer(handler, json.loads(line)))


def _load(given: "dict[str, Any]") -> "tuple[_Handler | None, dict[str, Any] | None]":
    try:
        return _handler(given["handler"], given["script"]), None
    except _FaultError as fault:
        return None, fault.error
    except Exception as failed:  # noqa: BLE001 - whatever the module raises is the function's error
        return None, _described(failed)


def _handler(name: str, script: str) -> _Handler:
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        raise _FaultError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    try:
        module = _script(script) if script else importlib.import_module(module_name.replace("/", "."))
    except ImportError as missing:
        text = f"Unable to import module '{module_name}': {missing}"
        raise _FaultError("Runtime.ImportModuleError", text) from missing
    except SyntaxError as wrong:
        trace = [f'  File "{wrong.filename}" Line {wrong.lineno}\n    {wrong.text}']
        text = f"Syntax error in module '{module_name}': {wrong}"
        raise _FaultError("Runtime.UserCodeSyntaxError", text, trace) from wrong
    found: _Handler | None = getattr(module, attribute, None)
    if found is None:
        raise _FaultError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return found


def _script(path: str) -> Any:
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("stand_in", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stand_in"] = module
    spec.loader.exec_module(module)
    return module


def _answer(handler: _Handler, given: "dict[str, Any]") -> "dict[str, Any]":
    _request["id"] = given["id"]
    try:
        answer = handler(json.loads(given["event"]), Context(given))
        return {"result": _encoded(answer)}
    except _FaultError as fault:
        error = {**fault.error, "requestId": given["id"]}
    except Exception as failed:  # noqa: BLE001 - whatever the handler raises is the function's error
        error = {**_described(failed), "requestId": given["id"]}
    _print(error)
    return {"error": error}


def _encoded(answer: Any) -> str:
    if isinstance(answer, bytes):
        return answer.decode(errors="replace")
    try:
        return json.dumps(answer, default=_number)
    except Exception as wrong:
        raise _FaultError("Runtime.MarshalError", f"Unable to marshal response: {wrong}") from wrong


def _number(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _described(failed: Exception) -> "dict[str, Any]":
    frames = [frame for frame in traceback.extract_tb(failed.__traceback__) if frame.filename != __file__]
    return {
        "errorMessage": str(failed),
        "errorType": type(failed).__name__,
        "requestId": "",
        "stackTrace": traceback.format_list(frames),
    }


def _print(error: "dict[str, Any]") -> None:
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}", "Traceback (most recent call last):"]
    sys.stdout.write("\n".join([*lines, *(trace.rstrip("\n") for trace in error["stackTrace"])]) + "\n")


def _set_up_logging() -> None:
    handler = _Log(sys.stdout)
    form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    handler.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S"))
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(handler)


def _end(channel: Any, token: str, message: "dict[str, Any]") -> None:
    """Mark in the output where the invocation ends, then say how it ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, f"{token}\n".encode())
    _send(channel, {**message, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})


def _send(channel: Any, message: "dict[str, Any]") -> None:
    channel.write(json.dumps(message).encode() + b"\n")
    channel.flush()


if __name__ == "__main__":
    main()
