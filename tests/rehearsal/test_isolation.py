"""Nothing leaves the machine: no real credentials, no address but the loopback, nothing running at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from constructs_ml.rehearsal.embedded import EmbeddedAccount

ROOT = Path(__file__).parents[2]
REAL = {
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "a-real-secret",
    "AWS_SESSION_TOKEN": "a-real-token",
    "AWS_PROFILE": "production",
    "AWS_ENDPOINT_URL": "https://sts.amazonaws.com",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
}
SCRIPT = """
import sys, time
from pathlib import Path
from constructs_ml.rehearsal.embedded import EmbeddedAccount
account = EmbeddedAccount("111111111111", "eu-central-1")
with account.running():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    command, environment = [sys.executable, "-c", program], {"MARK": sys.argv[1]}
    job = account.processes.start("job", command, folder=Path.cwd(), environment=environment)
    print(account.port, flush=True)
    time.sleep(600)
"""

WHOLE = """
import os, sys, time
from constructs_ml.rehearsal import rehearsal
from tests.rehearsal.small import small
from tests.support import account
if __name__ == "__main__":
    with rehearsal(small(), account=account(), acceleration=120) as dev:
        assert dev.wait_for(dev.start("small")).status == "SUCCEEDED"
        dev.pin("small", dev.approve("small"))
        assert dev.invoke("small", "hello").body == "hello well"
        dev.start("small", mode="endless")
        trains = lambda: any("goes on and on" in line for job in dev.embedded.processes.running() for line in job.lines)
        assert dev.embedded.clock.poll(trains, 60)
        print(dev.embedded.folder, dev.embedded.port, *(job.id for job in dev.embedded.processes.running()), flush=True)
        time.sleep(600)
"""


def alive(processes: list[int]) -> list[int]:
    """Those that run, and those that run below them; a zombie has no command any more."""
    found = []
    for id in processes:
        folder = Path("/proc") / str(id)
        try:
            if (folder / "cmdline").read_bytes():
                children = (folder / "task" / str(id) / "children").read_text().split()
                found += [id, *alive([int(child) for child in children])]
        except OSError:
            continue
    return found


def marked(mark: str) -> list[int]:
    """The processes that have a mark in their environment or command."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if f"MARK={mark}".encode() in told:
                found.append(int(folder.name))
    return found


def test_real_credentials_and_proxies_in_the_environment_are_never_used(account, monkeypatch):
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    reached: list[object] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: object) -> None:
        reached.append(address)
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", watched)
    keys: list[str] = []
    account.gate.before.append(lambda call: keys.append(call.principal.access_key))
    with account.running():
        for service in ("s3", "sts", "sagemaker-runtime"):
            client = account.client(service)
            assert client.meta.endpoint_url == account.endpoint
        account.client("s3").list_buckets()
        assert account.client("sts").get_caller_identity()["Account"] == account.id
    assert reached
    assert {address[0] for address in reached if isinstance(address, tuple)} <= {"127.0.0.1", "::1", "localhost"}
    assert "AKIAREALREALREALREAL" not in keys


def test_nothing_of_aws_stands_in_the_environment_while_an_account_is_open(account, monkeypatch):
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    with account.running():
        found = {name for name in os.environ if name.startswith("AWS_")} - {"AWS_CA_BUNDLE"}
        assert found == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}
        account.client("ecr").create_repository(repositoryName="images")  # moto makes a client of its own there
    assert {name: os.environ[name] for name in REAL} == REAL


def test_a_default_session_that_was_made_before_has_no_keys_while_an_account_is_open(account, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, REAL[name])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session())
    before = boto3.DEFAULT_SESSION
    assert before.get_credentials().access_key == REAL["AWS_ACCESS_KEY_ID"]
    with account.running(), pytest.raises(NoCredentialsError):
        boto3.client("s3", endpoint_url=account.endpoint).list_buckets()
    assert boto3.DEFAULT_SESSION is before


def test_an_end_that_fails_does_not_keep_the_rest_from_ending(account, tmp_path):
    ended: list[str] = []

    def fail() -> None:
        raise RuntimeError("cannot end")

    account.at_end(lambda: ended.append("first"))
    account.at_end(fail)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(RuntimeError, match="cannot end"), account.running():
        account.processes.start("job", command, folder=tmp_path, environment=account.environment())
    assert ended == ["first"]
    assert account.processes.ids("job")
    assert account.processes.running() == []
    port = account.port
    with socket.socket() as probe, pytest.raises(OSError, match=r"refused|reset"):
        probe.connect(("127.0.0.1", port))


def test_a_process_of_the_account_gets_its_keys_and_nothing_of_ours(account, monkeypatch, tmp_path):
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    with account.running():
        program = "import os; print(sorted(os.environ.items()))"
        command = [sys.executable, "-c", program]
        process = account.processes.start("env", command, folder=tmp_path, environment=account.environment())
        assert process.wait(20) == 0
    said = "\n".join(process.lines)
    assert account.endpoint in said
    for secret in ("AKIAREALREALREALREAL", "a-real-secret", "a-real-token", "production", "192.0.2.1"):
        assert secret not in said


def test_the_server_listens_on_the_loopback_interface_alone(account):
    with account.running():
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        own = [line[1] for line in listening if line[3] == "0A" and line[1].endswith(f":{account.port:04X}")]
        assert own == [f"0100007F:{account.port:04X}"]


def test_a_port_is_free_again_when_the_account_is_closed(account):
    with account.running():
        port = account.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_rehearsal_that_is_killed_leaves_no_process_and_no_port(tmp_path):
    mark = f"constructs-ml-{os.getpid()}-{time.monotonic_ns()}"
    command = [sys.executable, "-c", SCRIPT, mark]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as rehearsal:
        assert rehearsal.stdout is not None
        port = int(rehearsal.stdout.readline())
        deadline = time.monotonic() + 20
        while len(marked(mark)) < 3 and time.monotonic() < deadline:  # the guard, the job, and the job's own child
            time.sleep(0.05)
        assert len(marked(mark)) >= 3
        rehearsal.send_signal(signal.SIGKILL)
        rehearsal.wait(10)
    deadline = time.monotonic() + 20
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked(mark) == []
    with socket.socket() as probe, pytest.raises(OSError, match=r"refused|reset"):
        probe.connect(("127.0.0.1", port))


@pytest.mark.slow
def test_a_rehearsal_that_is_killed_while_it_trains_and_serves_leaves_nothing(tmp_path):
    command, environment = [sys.executable, "-c", WHOLE], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as rehearsal:
        assert rehearsal.stdout is not None
        folder, *numbers = rehearsal.stdout.readline().split()
        port, *guards = map(int, numbers)
        assert Path(folder).is_dir()
        every = alive(guards)
        assert len(guards) >= 2  # those of the job and of the model server
        assert len(every) >= 2 * len(guards)  # each guard with what it guards
        rehearsal.send_signal(signal.SIGKILL)
        rehearsal.wait(10)
    deadline = time.monotonic() + 30
    while alive(every) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(every) == []
    assert not Path(folder).exists()
    with socket.socket() as probe, pytest.raises(OSError, match=r"refused|reset"):
        probe.connect(("127.0.0.1", port))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_what_still_runs_is_stopped_when_the_account_is_closed(account: EmbeddedAccount, tmp_path: Path):
    with account.running():
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        process = account.processes.start("job", command, folder=tmp_path, environment=account.environment())
        assert process.running
    assert not process.running
