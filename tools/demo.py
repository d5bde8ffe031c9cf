"""The main job, on this machine: synthesize churn for every account, deploy dev, run its steps on real data."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from apps.churn.data import write_csv
from apps.churn.model import churn
from constructs_ml import Accounts, mermaid
from constructs_ml.contract import names
from tools.interpreter import Run, run
from tools.local_account import ROOT, LocalAccount, local_account
from tools.local_inventory import NO, inventory
from tools.local_jobs import Jobs

STAGE = "dev"
REPORT = ROOT / "demo.json"
console = Console(highlight=False, width=120 if os.environ.get("CI") else None)


def main() -> int:
    """Run the demo; the exit code says whether a model was registered."""
    report: dict[str, Any] = {"stage": STAGE, "seconds": {}}
    account = Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")[STAGE]
    assert account.id is not None
    assert account.region is not None
    assembly = Path(tempfile.mkdtemp(prefix="constructs-ml-"))
    try:
        with _part("synthesize every account", report):
            report["templates"] = _synthesize(assembly)
        with local_account(account.id, account.region) as local:
            console.print(f"  a local account {local.id} in {local.region} answers at {local.endpoint}")
            with _part("bootstrap with the cdk CLI", report):
                local.bootstrap()
            with _part(f"deploy {STAGE} with the cdk CLI", report):
                local.deploy(assembly, [f"{STAGE}/*"])
            with _part("ask the account what it has", report):
                report["resources"] = _resources(local, assembly)
            with _part("put the purchase log into the data bucket", report):
                report["data"] = _bring_data(local)
            with _part("run the deployed pipeline", report):
                report["run"] = _run(local, assembly, report["data"])
    finally:
        shutil.rmtree(assembly, ignore_errors=True)
    REPORT.write_text(json.dumps(report, indent=1, default=str) + "\n")
    return _conclude(report)


@contextlib.contextmanager
def _part(title: str, report: dict[str, Any]) -> Iterator[None]:
    """One part of the demo: what it does, and how long it took."""
    console.rule(f"[bold]{title}", align="left")
    started = time.monotonic()
    with console.status(title):
        yield
    report["seconds"][title] = round(time.monotonic() - started, 1)
    console.print(f"  [dim]{report['seconds'][title]} s[/dim]")


def _synthesize(assembly: Path) -> dict[str, int]:
    """Every account's templates, by their bytes."""
    environment = {**os.environ, "CDK_OUTDIR": str(assembly), "CDK_VALIDATION": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "apps.churn.app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"synthesis failed:\n{done.stderr[-3000:]}")
    sizes = {path.name: path.stat().st_size for path in sorted(assembly.rglob("*.template.json"))}
    table = Table("template", "bytes", box=None)
    for name, size in sizes.items():
        table.add_row(name, f"{size:,}")
    console.print(table)
    return sizes


def _resources(local: LocalAccount, assembly: Path) -> list[dict[str, str]]:
    """Every resource of the deployed templates, and whether the account has it."""
    rows = inventory(local, assembly / f"assembly-{STAGE}")
    table = Table("resource", Column("type", no_wrap=True), Column("in the account", no_wrap=True), box=None)
    for row in rows:
        table.add_row(row["logical_id"], row["type"], row["there"])
    console.print(table)
    missing = [row["logical_id"] for row in rows if row["there"] == NO]
    if missing:
        raise RuntimeError(f"the deployment left out {', '.join(missing)}")
    return rows


def _bring_data(local: LocalAccount) -> dict[str, Any]:
    bucket, key = names.data_bucket(STAGE, local.id, local.region), "raw/purchases.csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "purchases.csv"
        rows = write_csv(path)
        local.client("s3").upload_file(str(path), bucket, key)
    console.print(f"  {rows:,} purchases at s3://{bucket}/{key}")
    return {"uri": f"s3://{bucket}/{key}", "purchases": rows}


def _run(local: LocalAccount, assembly: Path, data: dict[str, Any]) -> dict[str, Any]:
    """The deployed definition, run state by state; every job is a process on this machine."""
    client = local.client("stepfunctions")
    wanted = names.state_machine(STAGE, churn.name, churn.pipeline.name)
    arn = next(
        item["stateMachineArn"] for item in client.list_state_machines()["stateMachines"] if item["name"] == wanted
    )
    definition = json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])
    # moto has no ModelPackageGroup in CloudFormation; the group of the template is made by its API.
    group = names.model_package_group(STAGE, churn.name)
    local.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    jobs = Jobs(local, sorted(assembly.glob(f"assembly-{STAGE}/*.template.json")))
    console.print(mermaid(churn.pipeline), style="dim", markup=False)
    ended = run(definition, {"data": data["uri"]}, jobs.answer, name="demo")
    _show(ended, jobs)
    versions = local.client("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    metrics = (ended.output or {}).get("steps", {}).get("evaluate", {}).get("metrics", {})
    return {
        "status": ended.status,
        "error": ended.error,
        "cause": ended.cause,
        "states": ended.states,
        "steps": jobs.done,
        "metrics": metrics,
        "gate": str(churn.pipeline.steps[-1].when),  # type: ignore[union-attr]  # the last step is the gate
        "model_packages": [
            {"arn": item["ModelPackageArn"], "approval": item["ModelApprovalStatus"]} for item in versions
        ],
    }


def _show(ended: Run, jobs: Jobs) -> None:
    table = Table("state", "what ran", "seconds", box=None)
    times = {step["state"]: step for step in jobs.done if "seconds" in step}
    for state in ended.states:
        step = times.get(state)
        table.add_row(state, step["service"] if step else "", f"{step['seconds']}" if step else "")
    console.print(table)
    for step in jobs.done:
        if "log" in step:
            console.print(f"  [bold]{step['state']}[/bold] ({step['name']})")
            for line in step["log"]:
                console.print(f"    {line}", markup=False)


def _conclude(report: dict[str, Any]) -> int:
    ended = report["run"]
    console.rule("[bold]result", align="left")
    console.print(f"  gate: {ended['gate']}; measured: {ended['metrics']}")
    for package in ended["model_packages"]:
        console.print(f"  registered: {package['arn']} ({package['approval']})")
    console.print(f"  everything in numbers: {REPORT.name}")
    if ended["status"] == "SUCCEEDED" and ended["model_packages"]:
        return 0
    console.print(f"[red]the run ended as {ended['status']}: {ended['error']} {ended['cause']}", markup=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
