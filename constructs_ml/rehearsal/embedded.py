"""The embedded account: one AWS account on this machine, for as long as the rehearsal lasts."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.session import Session as BotocoreSession
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from constructs_ml.facts import regions
from constructs_ml.rehearsal.clock import Clock, stamp
from constructs_ml.rehearsal.gate import Gate, Server
from constructs_ml.rehearsal.hooks import Hook, hooked
from constructs_ml.rehearsal.isolation import staying, without_credentials
from constructs_ml.rehearsal.journal import Journal
from constructs_ml.rehearsal.outward import refuse_outward
from constructs_ml.rehearsal.principals import PERSON, SECRET, Principal, Principals
from constructs_ml.rehearsal.processes import Processes

_one, _making = threading.Lock(), threading.Lock()


class EmbeddedAccount:
    """What every part of a rehearsal shares: address, time, journal, principals, processes.

    Parts (CloudFormation, SageMaker, events, ...) are made with the account, register their operations with `gate`,
    their replacements in moto with `hook`, and what must end with `at_end`.
    """

    def __init__(self, id: str, region: str, *, acceleration: float = 60.0, port: int = 0) -> None:
        self.id, self.region = id, region
        self.partition = regions.partition_of(region, "rehearsal")
        self.clock, self.journal = Clock(acceleration), Journal()
        self.folder = Path(tempfile.mkdtemp(prefix="constructs-ml-"))
        self.principals, self.processes = Principals(), Processes(self.folder)
        self.gate = Gate(id, region, self.principals)
        self.gate.before.append(refuse_outward)
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.buses: list[Callable[[dict[str, Any]], None]] = []
        self.trust: list[Callable[[Principal], None]] = []
        self.authorities: list[Callable[[Principal, str, str, Mapping[str, str]], None]] = []
        self._wanted_port = port
        self._hooks: list[tuple[Hook, Any]] = []
        self._ends: list[Callable[[], None]] = []
        self.port = 0
        why = "codes that botocore's models leave out, such as ThrottlingException, are answers all the same"
        self.hook("moto.core.errors", "warn", lambda *_, **__: None, why)

    @property
    def endpoint(self) -> str:
        """The address: the cdk CLI and S3 need the word localhost."""
        return f"http://localhost:{self.port}"

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """Every place where moto is extended."""
        return tuple(hook for hook, _ in self._hooks)

    def hook(self, owner: str, attribute: str, replacement: Any, why: str) -> None:
        """Replace an attribute of moto while the account runs; `owner` is "module" or "module:Class"."""
        self._hooks.append((Hook(owner, attribute, why), replacement))

    def at_end(self, end: Callable[[], None]) -> None:
        """Call `end` when the account stops, the last first."""
        self._ends.append(end)

    def emit(self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        """Put an event of an AWS service on the default bus: `emit("aws.sagemaker", "SageMaker ... Change", {...})`."""
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self.id,
            "time": stamp(self.clock.now()),
            "region": self.region,
            "resources": list(resources),
            "detail": dict(detail),
        }
        for bus in self.buses:
            bus(event)

    def assume(self, role: str, service: str, session: str = "") -> Principal:
        """A role as a service assumes it; refused as AWS refuses it where the role does not trust the service."""
        principal = self.principals.assume(role, service, session)
        for trusted in self.trust:
            trusted(principal)
        return principal

    def authorize(self, principal: Principal, action: str, resource: str, **context: str) -> None:
        """Refuse with a `ServiceError` what the principal's deployed policies do not allow.

        For what a service does with a role beside the calls that pass the gate: `.sync`'s rules, pulls of images.
        """
        for authority in self.authorities:
            authority(principal, action, resource, context)

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account: `arn("sagemaker", "model/churn")`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def client(self, service: str, principal: Principal = PERSON, *, region: str | None = None) -> Any:
        """A boto3 client of this account, with parameter validation, as a principal."""
        return _client(self.endpoint, service, principal.access_key, region or self.region)

    def environment(self, principal: Principal = PERSON, declared: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program needs in its environment to talk to this account, as this principal, and to no other.

        Whatever it declares itself, this wins over it; its PATH alone is its own.
        """
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            **staying(declared or {}),
            "AWS_ACCESS_KEY_ID": principal.access_key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Open the account, and close it whatever happens. moto's state is global: one account a process."""
        if not _one.acquire(blocking=False):
            raise RuntimeError("an embedded account runs in this process already; one at a time")
        try:
            _forget()
            with without_credentials(), hooked(self._hooks):
                server = Server(self.gate, self._wanted_port)
                self.port = server.port
                self.journal.write("account", self.id, f"answers at {self.endpoint}", region=self.region)
                try:
                    yield
                finally:
                    self._stop(server)
        finally:
            _one.release()

    def _stop(self, server: Server) -> None:
        """Stop everything, the last first; what fails does not keep the rest from ending."""
        with contextlib.ExitStack() as ends:
            ends.callback(self.journal.write, "account", self.id, "closed")
            ends.callback(_forget)
            ends.callback(_client.cache_clear)
            ends.callback(server.stop)
            ends.callback(self.processes.stop)
            for end in self._ends:
                ends.callback(end)
            ends.callback(self.clock.stop)


@lru_cache(maxsize=256)
def _client(endpoint: str, service: str, key: str, region: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=900, max_pool_connections=64, proxies={})
    keys = {"aws_access_key_id": key, "aws_secret_access_key": SECRET}
    with _making:  # a session is not safe to make clients from several threads
        return _session().client(service, region_name=region, endpoint_url=endpoint, config=config, **keys)


@cache
def _session() -> Any:
    """A session that reads no file and no profile of the user's; its clients get their keys here."""
    session = BotocoreSession(session_vars={"profile": (None, None, None, None)})
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    return boto3.Session(botocore_session=session)


def _forget() -> None:
    """Empty every backend of moto."""
    BackendDict.reset()
    reset_model_data()
