"""The genuine cdk CLI against the embedded account: it bootstraps, deploys and destroys as it would in AWS."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from constructs_ml.node import find
from constructs_ml.rehearsal.embedded import EmbeddedAccount


class CdkFailed(RuntimeError):  # noqa: N818 - said of the CLI's own failure
    """The CLI ended with an error; the text holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Cdk:
    """The CLI at `program`: a cdk of npm ("node_modules/aws-cdk/bin/cdk").

    `line` gets each line that it prints, as it prints it.
    """

    account: EmbeddedAccount
    program: Path
    line: Callable[[str], None] | None = None

    def bootstrap(self) -> None:
        """Bootstrap the account, in a folder without an app, so that nothing is synthesized for it."""
        with tempfile.TemporaryDirectory() as folder:
            self.run("bootstrap", f"aws://{self.account.id}/{self.account.region}", folder=Path(folder))

    def deploy(self, app: str, stacks: Sequence[str], *options: str, folder: Path | None = None) -> None:
        """Deploy stacks of an app: a command such as "python app.py", or the folder of an assembly."""
        always = ("--app", app, "--require-approval", "never", "--progress", "events")
        self.run("deploy", *stacks, *always, *options, folder=folder)

    def destroy(self, app: str, stacks: Sequence[str], *options: str, folder: Path | None = None) -> None:
        """Destroy stacks of an app."""
        self.run("destroy", *stacks, "--app", app, "--force", *options, folder=folder)

    def run(self, *arguments: str, folder: Path | None = None) -> list[str]:
        """Run the CLI; the lines that it printed. Raises `CdkFailed` with the last of them."""
        node = os.environ.get("JSII_NODE") or find()
        if node is None:
            raise CdkFailed('no node: install node 22 or newer, or pip install "constructs-ml[node]"')
        if not self.program.exists():
            raise CdkFailed(f"no cdk CLI at {self.program}: npm install aws-cdk@2.1148.1")
        environment = self.account.environment() | {
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_VALIDATION": "false",
            "CI": "true",
            "HOME": str(self.account.folder),
            "JSII_NODE": str(node),
            "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", "")])),
        }
        process = self.account.processes.start(
            f"cdk {arguments[0]}",
            [str(node), str(self.program.resolve()), *arguments],
            folder=folder or Path.cwd(),
            environment=environment,
            line=self.line,
        )
        code = process.wait()
        if code:
            tail = "\n".join(process.lines[-25:])
            raise CdkFailed(f"cdk {' '.join(arguments[:2])} ended with {code}:\n{tail}")
        return process.lines


def local_cdk() -> Path | None:
    """The cdk CLI of the folder's own node_modules, or None."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        program = folder / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if program.exists():
            return program
    return None
