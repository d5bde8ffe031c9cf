"""The main job, on this machine: churn's dev is deployed by the cdk CLI, its data arrives, and the rest follows.

The pipeline starts by itself, trains, passes the gate and registers; the version is approved, pinned and served; a
retrained one goes out under the endpoint's deployment policy. `demo.json` holds the numbers, `rehearsal.html` the page.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from apps.churn.data import write_csv
from apps.churn.model import churn
from constructs_ml import Accounts
from constructs_ml.contract import names
from constructs_ml.rehearsal.cdk import Cdk
from constructs_ml.rehearsal.rehearsed import AnyRun, Rehearsed, rehearsal
from constructs_ml.rehearsal.report import page
from constructs_ml.rehearsal.report.terminal import Narrator
from constructs_ml.rehearsal.report.told import Told, tell
from constructs_ml.review.assembly import read_assembly
from constructs_ml.review.changes import compare

STAGE = "dev"
ROOT = Path(__file__).parent.parent
REPORT, PAGE = ROOT / "demo.json", ROOT / "rehearsal.html"
_ACCOUNTS = ROOT / "apps" / "churn" / "accounts.yaml"
_REQUESTS, _PAUSE, _EARLY = 12, 0.25, "1998-03-31"


@dataclass(slots=True)
class Demo:
    """The demo as it proceeds: `report` is what becomes demo.json."""

    rehearsed: Rehearsed
    console: Console
    folder: Path
    report: dict[str, Any] = field(default_factory=lambda: {"stage": STAGE, "seconds": {}})

    @contextlib.contextmanager
    def part(self, title: str) -> Iterator[None]:
        """One part: what it does, and how long it took."""
        self.console.rule(f"[bold]{title}", align="left")
        began = time.monotonic()
        yield
        self.report["seconds"][title] = round(time.monotonic() - began, 1)
        self.console.print(f"  [dim]{self.report['seconds'][title]} s[/dim]")

    @property
    def cdk(self) -> Cdk:
        return Cdk(self.rehearsed.embedded, ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk")

    def deploy(self, assembly: Path) -> None:
        """Deploy the stage with the cdk CLI."""
        self.cdk.deploy(str(assembly), [f"{STAGE}/*"], folder=self.folder)

    def run(self, key: str, file: Path) -> AnyRun:
        """Bring data; the pipeline starts by itself; the run, when it has ended."""
        uri = self.rehearsed.put(key, file)
        self.console.print(f"  {file.stat().st_size:,} bytes at {uri}")
        run = self.rehearsed.wait_for(churn.name)
        steps = (run.output or {}).get("steps", {})
        metrics = steps.get("evaluate", {}).get("metrics", {})
        self.console.print(f"  run {run.name}: {run.status} in {run.seconds:.1f} s; measured {metrics}", markup=False)
        told = {"name": run.name, "arn": run.arn, "status": run.status, "seconds": run.seconds, "states": run.states}
        told |= {"data": uri, "metrics": metrics, "error": run.error, "cause": run.cause}
        self.report.setdefault("executions", []).append(told)
        if run.status != "SUCCEEDED":
            raise RuntimeError(f"the run ended as {run.status}: {run.error}: {run.cause}")
        return run

    def pin(self, version: int, before: Path) -> Path:
        """Pin a version in a copy of the accounts file, synthesize with it, and tell what the deployment will do."""
        content = yaml.safe_load(_ACCOUNTS.read_text())
        content["accounts"][STAGE]["models"] = {churn.name: {"pins": {"main": version}, "monitors": "none"}}
        accounts, after = self.folder / "accounts.yaml", self.folder / f"pinned-{version}"
        accounts.write_text(yaml.safe_dump(content))
        synthesize(after, accounts)
        table = Table("resource", "type", "verdict", box=None)
        found = compare(read_assembly(before), read_assembly(after))
        for change in found:
            table.add_row(change.logical_id, change.type, change.verdict)
        self.console.print(table)
        changes = [{"logical_id": item.logical_id, "type": item.type, "verdict": item.verdict} for item in found]
        self.report.setdefault("changes", {})[str(version)] = changes
        return after

    def ask(self, rows: Sequence[str], header: str) -> None:
        """Send customers to the endpoint, and keep what it answers."""
        endpoint = self.rehearsed.client("sagemaker").describe_endpoint(EndpointName=names.endpoint(STAGE, churn.name))
        variant = endpoint["ProductionVariants"][0]
        self.console.print(f"  {endpoint['EndpointName']} is {endpoint['EndpointStatus']}")
        table = Table("customer", "answer: probability of churn", box=None)
        for row in rows:
            began = time.monotonic()
            answer = self.rehearsed.invoke(churn.name, f"{header}\n{row}\n")
            told: dict[str, Any] = {"request": row, "answer": float(answer.body), "variant": answer.variant}
            told |= {
                "milliseconds": round((time.monotonic() - began) * 1000, 1),
                "config": endpoint["EndpointConfigName"],
            }
            self.report.setdefault("requests", []).append(told)
            table.add_row(row.partition(",")[0], f"{told['answer']:.4f}")
        self.console.print(table)
        self.report["endpoint"] = {"name": endpoint["EndpointName"], "status": endpoint["EndpointStatus"]}
        self.report["endpoint"] |= {"config": endpoint["EndpointConfigName"], "variant": variant["VariantName"]}

    @contextlib.contextmanager
    def traffic(self, rows: Sequence[str], header: str) -> Iterator[None]:
        """Send customers to the endpoint all the while, and count which configuration answered how often."""
        journal, done = self.rehearsed.embedded.journal, threading.Event()
        first = len(journal)

        def send() -> None:
            for row in itertools.cycle(rows):
                self.rehearsed.invoke(churn.name, f"{header}\n{row}\n")
                if done.wait(_PAUSE):
                    return

        with ThreadPoolExecutor(1, "traffic") as pool:
            sent = pool.submit(send)
            try:
                yield
            finally:
                done.set()
        sent.result()  # a request that failed fails the demo
        answered = [entry.detail for entry in journal.entries()[first:] if entry.kind == "invocation"]
        self.report["canary"] = dict(Counter(detail["config"] for detail in answered))
        for config, number in self.report["canary"].items():
            self.console.print(f"  {config} answered {number} requests")

    def customers(self, run: AnyRun) -> tuple[str, list[str]]:
        """The header and the first customers that the run held out: real ones, whom the model has not seen."""
        bucket = names.artifact_bucket(STAGE, self.rehearsed.embedded.id, self.rehearsed.embedded.region)
        prefix = names.output_prefix(churn.name, churn.pipeline.name, run.name, "prepare", "test")
        body = self.rehearsed.client("s3").get_object(Bucket=bucket, Key=f"{prefix}test.csv")["Body"].read().decode()
        header, *rows = body.splitlines()
        return header, rows[:_REQUESTS]


def synthesize(assembly: Path, accounts: Path | None = None) -> dict[str, int]:
    """Every account's templates, by their bytes; `accounts` is another file of accounts than the example's."""
    environment = {**os.environ, "CDK_OUTDIR": str(assembly), "CDK_VALIDATION": "false"}
    if accounts is not None:
        environment["CDK_CONTEXT_JSON"] = json.dumps({"accounts": str(accounts)})
    done = subprocess.run(
        [sys.executable, "-m", "apps.churn.app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"synthesis failed:\n{done.stderr[-3000:]}")
    return {path.name: path.stat().st_size for path in sorted(assembly.rglob("*.template.json"))}


@contextlib.contextmanager
def played(console: Console, folder: Path) -> Iterator[Demo]:
    """Play the demo to its last part, or to the one that fails; the account is open when it is handed over."""
    account = Accounts.load(_ACCOUNTS)[STAGE]
    with rehearsal(churn, account=account, deployed=False) as rehearsed:
        demo = Demo(rehearsed, console, folder)
        embedded = rehearsed.embedded
        demo.report |= {"account": embedded.id, "region": embedded.region, "port": embedded.port, "pid": os.getpid()}
        with embedded.journal.read_along(Narrator(console)):
            try:
                _play(demo)
            except Exception as failed:  # noqa: BLE001 - what happened until then is told all the same
                demo.report["failed"] = f"{type(failed).__name__}: {failed}"
                console.print(demo.report["failed"], style="red", markup=False)
        yield demo


def _play(demo: Demo) -> None:
    first, early, late = demo.folder / "first", demo.folder / "early.csv", demo.folder / "late.csv"
    with demo.part("synthesize every account"):
        demo.report["templates"] = synthesize(first)
    with demo.part("bootstrap the embedded account with the cdk CLI"):
        demo.cdk.bootstrap()
    with demo.part(f"deploy {STAGE} with the cdk CLI"):
        demo.deploy(first)
    with demo.part("the purchase log arrives, and the pipeline starts by itself"):
        demo.report["purchases"] = [write_csv(early, until=_EARLY), write_csv(late)]
        run = demo.run("raw/1998-03/purchases.csv", early)
    with demo.part("approve the version, pin it, deploy: the endpoint comes up"):
        assembly = demo.pin(_approve(demo), first)
        demo.deploy(assembly)
    header, rows = demo.customers(run)
    with demo.part("real customers are sent to the endpoint"):
        demo.ask(rows, header)
    with demo.part("a newer log arrives, and a second version is trained"):
        demo.run("raw/1998-06/purchases.csv", late)
    with demo.part("approve and pin it, deploy: it goes out as a canary, under traffic"):
        assembly = demo.pin(_approve(demo), assembly)
        with demo.traffic(rows, header):
            demo.deploy(assembly)
    with demo.part("the same customers again"):
        demo.ask(rows, header)


def _approve(demo: Demo) -> int:
    version = demo.rehearsed.approve(churn.name, why="played by the demo")
    known = demo.rehearsed.versions(churn.name)
    demo.report["versions"] = [
        {"arn": item["ModelPackageArn"], "approval": item["ModelApprovalStatus"]} for item in known
    ]
    return version


def main() -> int:
    """Play the demo, write demo.json and the page; the exit code says whether all of it happened."""
    console = Console(highlight=False, width=120 if os.environ.get("CI") else None)
    with tempfile.TemporaryDirectory(prefix="constructs-ml-") as folder, played(console, Path(folder)) as demo:
        told = tell(demo.rehearsed, demo.report["seconds"])
        PAGE.write_text(page.render(told), encoding="utf-8")
        demo.report |= numbers(demo, told)
        REPORT.write_text(json.dumps(demo.report, indent=1, default=str) + "\n")
        console.rule("[bold]result", align="left")
        requests, denied = demo.report.get("requests", []), told.iam.denied
        console.print(f"  {len(told.runs)} runs, {len(requests)} requests, {len(denied)} denied calls")
        console.print(f"  everything in numbers: {REPORT}", soft_wrap=True)
        console.print(f"  the page: {PAGE}", soft_wrap=True)
        return 1 if denied or "failed" in demo.report else 0


def numbers(demo: Demo, told: Told | None = None) -> dict[str, Any]:
    """What the rehearsal tells in numbers, but for what the demo has told in more detail itself."""
    found = (told or tell(demo.rehearsed, demo.report["seconds"])).to_json()
    return {key: value for key, value in found.items() if key not in demo.report}


if __name__ == "__main__":
    sys.exit(main())
