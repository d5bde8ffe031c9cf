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

import yaml
from rich.console import Console
from rich.table import Column, Table

from apps.churn.data import write_csv
from apps.churn.model import churn
from constructs_ml import Accounts, mermaid
from constructs_ml.contract import names
from constructs_ml.review.assembly import read_assembly
from constructs_ml.review.changes import compare
from tools.interpreter import Run, run
from tools.local_account import ROOT, LocalAccount, local_account
from tools.local_inventory import LACKS, NO, inventory
from tools.local_jobs import Jobs

STAGE = "dev"
REPORT = ROOT / "demo.json"
console = Console(highlight=False, width=120 if os.environ.get("CI") else None)


def main() -> int:
    """Run the demo; the exit code says whether a model was registered and its endpoint came up."""
    report: dict[str, Any] = {"stage": STAGE, "seconds": {}}
    account = Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")[STAGE]
    assert account.id is not None
    assert account.region is not None
    folder = Path(tempfile.mkdtemp(prefix="constructs-ml-"))
    assembly, pinned = folder / "first", folder / "second"
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
            if report["run"]["model_packages"]:
                with _part("pin the registered version, and ask what that changes", report):
                    report["changes"] = _pin(folder, assembly, pinned)
                with _part(f"deploy {STAGE} again with the cdk CLI", report):
                    # moto finds no change set of a stack that is there, and loses the parameters that cdk would keep.
                    local.deploy(pinned, [f"{STAGE}/*"], "--method=direct", "--no-previous-parameters")
                with _part("ask the account for the endpoint", report):
                    _resources(local, pinned, of="Endpoint")
                    report["endpoint"] = _endpoint(local)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
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


def _synthesize(assembly: Path, accounts: Path | None = None) -> dict[str, int]:
    """Every account's templates, by their bytes; `accounts` is another file of accounts than the example's."""
    environment = {**os.environ, "CDK_OUTDIR": str(assembly), "CDK_VALIDATION": "false"}
    if accounts is not None:
        environment["CDK_CONTEXT_JSON"] = json.dumps({"accounts": str(accounts)})
    done = subprocess.run(
        [sys.executable, "-m", "apps.churn.app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"synthesis failed:\n{done.stderr[-3000:]}")
    sizes = {path.name: path.stat().st_size for path in sorted(assembly.rglob("*.template.json"))}
    if accounts is None:
        table = Table("template", "bytes", box=None)
        for name, size in sizes.items():
            table.add_row(name, f"{size:,}")
        console.print(table)
    return sizes


def _resources(local: LocalAccount, assembly: Path, of: str = "") -> list[dict[str, str]]:
    """Every resource of the deployed templates, or of one construct, and whether the account has it."""
    rows = [row for row in inventory(local, assembly / f"assembly-{STAGE}") if row["logical_id"].startswith(of)]
    table = Table(Column("resource", overflow="fold"), Column("type", overflow="fold"), "in the account", box=None)
    for row in rows:
        table.add_row(row["logical_id"], row["type"], row["there"])
    console.print(table)
    lacking = sorted({row["type"] for row in rows if row["there"] == LACKS})
    console.print(f"  types that moto lacks, and that are not here therefore: {', '.join(lacking)}")
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


def _pin(folder: Path, before: Path, after: Path) -> list[dict[str, str]]:
    """Pin version 1 in a copy of the accounts file, synthesize with it, and tell what the deployment will do."""
    content = yaml.safe_load((ROOT / "apps" / "churn" / "accounts.yaml").read_text())
    content["accounts"][STAGE]["models"] = {churn.name: {"pins": {"main": 1}, "monitors": "none"}}
    accounts = folder / "accounts.yaml"
    accounts.write_text(yaml.safe_dump(content))
    _synthesize(after, accounts)
    table = Table("resource", "type", "verdict", box=None)
    found = compare(read_assembly(before), read_assembly(after))
    for change in found:
        table.add_row(change.logical_id, change.type, change.verdict)
    console.print(table)
    return [{"logical_id": item.logical_id, "type": item.type, "verdict": item.verdict} for item in found]


def _endpoint(local: LocalAccount) -> dict[str, Any]:
    """The endpoint as the account describes it, down to the version that its model serves."""
    client = local.client("sagemaker")
    found = client.describe_endpoint(EndpointName=names.endpoint(STAGE, churn.name))
    config = client.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    model = client.describe_model(ModelName=variant["ModelName"])
    serves = model["PrimaryContainer"]["ModelPackageName"]
    console.print(f"  {found['EndpointName']} is {found['EndpointStatus']} and serves {serves}")
    return {"name": found["EndpointName"], "status": found["EndpointStatus"], "variant": variant, "serves": serves}


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
    serves = report.get("endpoint", {}).get("serves")
    if ended["status"] == "SUCCEEDED" and serves in [package["arn"] for package in ended["model_packages"]]:
        console.print(f"  endpoint: {report['endpoint']['name']} serves the registered version")
        return 0
    console.print(f"[red]the run ended as {ended['status']}: {ended['error']} {ended['cause']}", markup=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
