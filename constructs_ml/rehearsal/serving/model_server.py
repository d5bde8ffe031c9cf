"""Serves one model over HTTP with the functions of the user's script, under the local Python.

Started as `python -P model_server.py PORT_FILE MODEL_DIR CODE_DIR flask|toolkit`: it loads the model, opens a port of
the loopback interface and writes its number into PORT_FILE. The two flavours answer as AWS's containers do:
`flask` as https://github.com/aws/sagemaker-scikit-learn-container/blob/master/src/sagemaker_sklearn_container/serving.py
on https://github.com/aws/sagemaker-containers, `toolkit` as
https://github.com/aws/sagemaker-inference-toolkit/blob/master/src/sagemaker_inference/transformer.py.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import io
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
_HTML = "text/html; charset=utf-8"
_BROKEN = """<!doctype html>
<html lang=en>
<title>500 Internal Server Error</title>
<h1>Internal Server Error</h1>
<p>The server encountered an internal error and was unable to complete your request. \
Either the server is overloaded or there is an error in the application.</p>
"""
_OWN = ("transform_fn", "input_fn", "predict_fn", "output_fn")


class UnsupportedFormatError(Exception):
    """A content type that nothing here reads or writes."""


def decode(body: Any, content_type: str, flask: bool) -> Any:
    """A request's body as a numpy array, as the containers' default input_fn reads it."""
    import numpy as np

    if content_type == NPY:
        return np.load(io.BytesIO(body), allow_pickle=True)
    if content_type == JSON:
        found = np.array(json.loads(body))
    elif content_type == CSV and flask:
        found = np.array(list(csv.reader(io.StringIO(body), strict=True))).squeeze()
    elif content_type == CSV:
        found = np.genfromtxt(io.StringIO(body), delimiter=",")
    else:
        raise UnsupportedFormatError(content_type)
    return found.astype(np.float32) if flask else found


def encode(found: Any, accept: str) -> str | bytes:
    """A prediction in the format that the caller accepts, as the containers' default output_fn writes it."""
    import numpy as np

    if accept == JSON:
        return json.dumps(found, default=lambda value: value.tolist())
    if accept == CSV:
        array, text = np.array(found), io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(array.reshape(-1, 1) if array.ndim <= 1 else array)
        return text.getvalue()
    if accept == NPY:
        buffer = io.BytesIO()
        np.save(buffer, found)
        return buffer.getvalue()
    raise UnsupportedFormatError(accept)


class Model:
    """The loaded model and the functions around it."""

    def __init__(self, model_dir: str, code_dir: str, flask: bool) -> None:
        self.flask = flask
        self.accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        sys.path.insert(0, code_dir)
        program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
        script = importlib.import_module(program.removesuffix(".py").replace("/", "."))
        self.own: dict[str, Any] = {name: getattr(script, name, None) for name in _OWN}
        if self.own["transform_fn"] and any(self.own[name] for name in _OWN[1:]):
            raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        if not hasattr(script, "model_fn"):
            raise NotImplementedError("Please provide a model_fn implementation.")
        self.model = self._call(script.model_fn, model_dir)
        self._turn = threading.Lock()  # a worker of the containers answers one request at a time

    def answer(self, body: bytes, content_type: str | None, accept: str | None) -> tuple[int, bytes, str]:
        """Status, body and content type."""
        sent, wanted = content_type or JSON, accept if accept and accept != "*/*" else self.accept
        try:
            given = body.decode("utf-8") if sent in (JSON, CSV) else body
            with self._turn:
                found, by_default = self._transform(given, sent, wanted)
        except UnsupportedFormatError as refused:
            traceback.print_exc()
            trace = traceback.format_exc()
            text = {"error": "UnsupportedFormatError", "error-message": str(refused), "stack-trace": trace}
            return 415 if str(refused) == sent else 406, json.dumps(text).encode(), JSON
        except Exception as failed:  # noqa: BLE001 - whatever the script raises is the answer
            traceback.print_exc()
            return (500, _BROKEN.encode(), _HTML) if self.flask else (500, _failure(failed), JSON)
        made = wanted if by_default or not self.flask else _HTML  # Flask's own type for what a script returns bare
        if isinstance(found, tuple):
            found, made = found[0], found[1]
        return 200, found if isinstance(found, bytes) else str(found).encode(), made

    def _transform(self, given: str | bytes, content_type: str, accept: str) -> tuple[Any, bool]:
        """What the functions return, and whether the default output function made it."""
        own = self.own
        if own["transform_fn"]:
            return self._call(own["transform_fn"], self.model, given, content_type, accept), False
        if own["input_fn"]:
            data = self._call(own["input_fn"], given, content_type)
        else:
            data = decode(given, content_type, self.flask)
        if own["predict_fn"]:
            found = self._call(own["predict_fn"], data, self.model)
        else:
            found = self.model.predict(data) if hasattr(self.model, "predict") else self.model(data)
        if own["output_fn"]:
            return self._call(own["output_fn"], found, accept), False
        return encode(found, accept), True

    def _call(self, function: Callable[..., Any], *given: Any) -> Any:
        """The toolkit hands its context to functions that take one argument more; there is none here."""
        wanted = len(inspect.signature(function).parameters)
        return function(*given, None) if not self.flask and wanted == len(given) + 1 else function(*given)


def _failure(failed: Exception) -> bytes:
    return f"{failed}\n{traceback.format_exc()}".encode()


class Handler(BaseHTTPRequestHandler):
    """The routes of a serving container: /ping and /invocations."""

    protocol_version = "HTTP/1.1"
    model: Model

    def do_GET(self) -> None:
        """The health check."""
        self._reply(200 if self.path == "/ping" else 404, b"", JSON)

    def do_POST(self) -> None:
        """A request for predictions."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/invocations":
            self._reply(*self.model.answer(body, self.headers.get("Content-Type"), self.headers.get("Accept")))
        else:
            self._reply(404, b"", JSON)

    def _reply(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests are not printed: the output is the script's."""


def main(port_file: str, model_dir: str, code_dir: str, flavour: str) -> None:
    """Load, open the port, tell it, answer until the end."""
    Handler.model = Model(model_dir, code_dir, flavour == "flask")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_port))
    os.replace(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
