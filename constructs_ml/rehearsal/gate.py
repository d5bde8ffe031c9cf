"""The front door: every request of every client passes here, is looked at, and goes to our services or to moto's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError, Watcher
from constructs_ml.rehearsal.principals import Principals
from constructs_ml.rehearsal.protocol import answer, buffered, parse, service_of, signed
from constructs_ml.rehearsal.refusals import Refusal, body_of, of_moto, unknown_key, unsigned

_LOOPBACK = "127.0.0.1"
_Start = Callable[[str, list[tuple[str, str]]], Any]
_log = logging.getLogger(__name__)


class Gate:
    """A WSGI application in front of moto's.

    `before` sees each call first and may refuse it; `after` sees each call that succeeded. A service that is served
    here is served whole: an operation that it lacks is refused by name. A request that bears no key of this account
    is refused before anyone sees it.
    """

    def __init__(self, account: str, region: str, principals: Principals) -> None:
        self._account, self._region, self._principals = account, region, principals
        self._services: dict[str, dict[str, Handler]] = {}
        self._operations: dict[tuple[str, str], Handler] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self.before: list[Watcher] = []
        self.after: list[Watcher] = []

    @property
    def services(self) -> frozenset[str]:
        """The services that are served here, whole."""
        return frozenset(self._services)

    @property
    def operations(self) -> frozenset[tuple[str, str]]:
        """The operations of other services that are answered here."""
        return frozenset(self._operations)

    def serve(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Answer a whole service by these handlers, by operation; further calls add operations."""
        self._services.setdefault(service, {}).update(handlers)

    def override(self, service: str, operation: str, handler: Handler) -> None:
        """Answer one operation of a service that moto serves otherwise."""
        self._operations[service, operation] = handler

    def __call__(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        """Answer one request."""
        key, region, name = signed(environ)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        body = buffered(environ)
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return _refuse(of_moto(), "", environ, start)
        if not name:
            return _refuse(unsigned(), "", environ, start)
        service = service_of(name, environ.get("PATH_INFO", ""))
        principal = self._principals.of(key)
        if principal is None:
            return _refuse(unknown_key(service, environ), service, environ, start)
        found = parse(service, environ, body)
        if found is None:
            return self._pass_on(environ, start)
        call = Call(service, found[0], found[1], principal, region or self._region)
        return self._answer(call, environ, start)

    def _answer(self, call: Call, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        try:
            for watcher in tuple(self.before):
                watcher(call)
            handler = self._handler(call)
            if handler is None:
                return self._answer_by_moto(call, environ, start)
            result = handler(call)
            for watcher in tuple(self.after):
                watcher(call)
        except ServiceException as refused:
            result = refused
        except Exception as failed:  # noqa: BLE001 - whatever fails here is the caller's answer
            _log.exception("%s failed", call.action)
            result = ServiceError("InternalFailure", f"{call.action} failed in the embedded account: {failed!r}")
        return _write(call, result, environ, start)

    def _answer_by_moto(self, call: Call, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        seen: list[str] = []

        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            seen.append(status)
            return start(status, headers, *rest)

        body = list(self._moto.get_application(environ)(environ, begin))
        if seen and seen[0].startswith("2"):
            for watcher in tuple(self.after):
                watcher(call)
        return body

    def _handler(self, call: Call) -> Handler | None:
        found = self._operations.get((call.service, call.operation))
        if found is not None or call.service not in self._services:
            return found
        try:
            return self._services[call.service][call.operation]
        except KeyError:
            text = f"the embedded account does not have {call.action}"
            raise ServiceError("UnsupportedOperation", text) from None

    def _pass_on(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        found: Iterable[bytes] = self._moto.get_application(environ)(environ, start)
        return found


def _refuse(refusal: Refusal, service: str, environ: Mapping[str, Any], start: _Start) -> Iterable[bytes]:
    """Answer 403: the caller is no one of this account."""
    code, _, kind = refusal
    body = b"" if environ.get("REQUEST_METHOD") == "HEAD" else body_of(refusal, service)
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), "x-amzn-ErrorType": code}
    start("403 Forbidden", list(headers.items()))
    return [body]


def _write(call: Call, result: Json, environ: Mapping[str, Any], start: _Start) -> Iterable[bytes]:
    status, headers, body = answer(call.service, call.operation, result, environ.get("CONTENT_TYPE", ""))
    headers["Content-Length"] = str(len(body))
    start(f"{status} {'OK' if status < 300 else 'Error'}", list(headers.items()))
    return [body]


class _Quiet(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """Say nothing: the journal tells what matters."""


class Server:
    """The gate on a port of the loopback interface, in threads of this process."""

    def __init__(self, gate: Gate, port: int = 0) -> None:
        self._server = make_server(_LOOPBACK, port, gate, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="gate", daemon=True)
        self.port: int = self._server.server_port
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
