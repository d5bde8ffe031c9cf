"""A local AWS account: moto's server in a process of its own, and the cdk CLI pointed at it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tools.environment import without_credentials

ROOT = Path(__file__).parent.parent
CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
_STARTS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class LocalAccount:
    """An account on this machine's loopback interface. Nothing of it outlives the process."""

    id: str
    region: str
    port: int

    @property
    def endpoint(self) -> str:
        """The address; the cdk CLI and S3's host names need the word localhost."""
        return f"http://localhost:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client of this account."""
        return boto3.client(service, region_name=self.region, endpoint_url=self.endpoint, **_KEYS)

    def cdk(self, *arguments: str, folder: Path) -> None:
        """Run the cdk CLI in `folder`. Raises `RuntimeError` with the end of its output when it fails."""
        node = os.environ.get("JSII_NODE") or "node"
        environment = {**without_credentials(), **self.environment()}
        done = subprocess.run(
            [node, str(CDK), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
            raise RuntimeError(f"cdk {' '.join(arguments)} failed with {done.returncode}:\n{tail}")

    def bootstrap(self) -> None:
        """Bootstrap the account, in a folder without an app so that nothing is synthesized for it."""
        with tempfile.TemporaryDirectory() as folder:
            self.cdk("bootstrap", f"aws://{self.id}/{self.region}", folder=Path(folder))

    def deploy(self, assembly: Path, stacks: Sequence[str], *options: str) -> None:
        """Deploy stacks of an assembly; `options` are the cdk CLI's own."""
        with tempfile.TemporaryDirectory() as folder:
            arguments = ("--app", str(assembly.resolve()), "--require-approval", "never", "--progress", "events")
            self.cdk("deploy", *stacks, *arguments, *options, folder=Path(folder))

    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to talk to this account and no other."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": _KEYS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": _KEYS["aws_secret_access_key"],
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }


_KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


@contextlib.contextmanager
def local_account(id: str, region: str) -> Iterator[LocalAccount]:
    """Start the account, and stop it whatever happens."""
    port = _free_port()
    environment = {**without_credentials(), "MOTO_ACCOUNT_ID": id, "MOTO_PORT": str(port)}
    command = [sys.executable, "-m", "tools.local_server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            _wait_for(port, server)
            yield LocalAccount(id, region, port)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the local account ended with {server.returncode}; try `python -m moto.server`")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the local account did not answer on port {port} within {_STARTS_WITHIN:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
