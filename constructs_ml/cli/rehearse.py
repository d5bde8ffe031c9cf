"""`constructs-ml rehearse`: deploy a model to an account on this machine, bring its data, and watch it run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from constructs_ml.cli.common import Model, load_model, refusing
from constructs_ml.cli.inputs import given_inputs
from constructs_ml.config import Accounts
from constructs_ml.faults import refuse

if TYPE_CHECKING:
    from constructs_ml.rehearsal import Rehearsed

_Many = list[str] | None


def rehearse(
    model: Model,
    stage: Annotated[str, typer.Option(help="The stage of the accounts file.")] = "dev",
    accounts: Annotated[Path, typer.Option(help="The accounts file.")] = Path("accounts.yaml"),
    app: Annotated[
        str,
        typer.Option(help="Deploy with the cdk CLI: an app's command, such as 'python app.py', or an assembly."),
    ] = "",
    put: Annotated[_Many, typer.Option(help="KEY=FILE: put a file into the data bucket.")] = None,
    start: Annotated[bool, typer.Option("--start", help="Start the pipeline by hand.")] = False,
    input: Annotated[_Many, typer.Option(help="name=value; an input of the run that --start starts.")] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Approve the version that was registered, pin it, and deploy again.")
    ] = False,
    request: Annotated[Path | None, typer.Option(help="Send this file to the endpoint, as text/csv.")] = None,
    stand_in: Annotated[_Many, typer.Option(help="GLOB=SCRIPT: what runs in the place of an image or a job.")] = None,
    acceleration: Annotated[float, typer.Option(min=1, help="By how much pauses are shortened.")] = 60.0,
    patience: Annotated[float, typer.Option(min=1, help="The longest wait for a run, in seconds.")] = 600.0,
    report: Annotated[Path, typer.Option(help="The page that tells what happened.")] = Path("rehearsal.html"),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the account open until Ctrl-C.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell every resource and state.")] = False,
) -> None:
    """Deploy a model to an account on this machine, bring data, and watch its pipeline run. Needs no credentials."""
    try:
        from constructs_ml.rehearsal import StandIn, rehearsal
    except ModuleNotFoundError as missing:
        Console(stderr=True, soft_wrap=True, emoji=False).print(str(missing), style="red", markup=False)
        raise typer.Exit(2) from None
    from constructs_ml.rehearsal.report import page
    from constructs_ml.rehearsal.report.quiet import quiet
    from constructs_ml.rehearsal.report.terminal import Narrator
    from constructs_ml.rehearsal.report.told import tell

    brought = bool(put or start)
    _check_options(app, report, input=bool(input), start=start, approve=approve, brought=brought)
    console = Console(emoji=False, highlight=False)
    spec = refusing(partial(load_model, model))
    account = refusing(lambda: Accounts.load(accounts)[stage])
    given = refusing(partial(given_inputs, spec.pipeline, input or ())) if start else {}
    files = [(key, Path(file)) for key, file in refusing(partial(_pairs, "--put", put or ()))]
    refusing(partial(_check_files, [*files, *([("--request", request)] if request else [])]))
    scripts = [(of, Path(script)) for of, script in refusing(partial(_pairs, "--stand-in", stand_in or ()))]
    refusing(partial(_check_files, scripts))
    stand_ins = [StandIn(of, script) for of, script in scripts]
    seconds: dict[str, float] = {}
    with (
        quiet(console, verbose=verbose),
        Narrator(console, verbose) as narrator,
        rehearsal(spec, account=account, stand_ins=stand_ins, acceleration=acceleration, deployed=False) as rehearsed,
        rehearsed.embedded.journal.read_along(narrator),
    ):
        console.print(f"account {account.id} in {account.region} answers at {rehearsed.embedded.endpoint}")
        good = True
        try:
            with _part("deploy", seconds):
                _deploy(rehearsed, app, console)
            with _part("run", seconds):
                for key, file in files:
                    rehearsed.put(key, file)
                if start:
                    rehearsed.start(spec.name, **given)
                if files or start:
                    good = _wait(rehearsed, spec.name, patience, console)
            if approve and good:
                with _part("approve and pin", seconds):
                    rehearsed.pin(spec.name, rehearsed.approve(spec.name))
            if request and good:
                with _part("request", seconds):
                    console.print(rehearsed.invoke(spec.name, request.read_bytes()).body, markup=False, soft_wrap=True)
        except Exception as failed:  # noqa: BLE001 - whatever happened, the page tells what led to it
            console.print(str(failed) or repr(failed), style="red", markup=False, soft_wrap=True)
            good = False
        told = tell(rehearsed, seconds)
        report.write_text(page.render(told), encoding="utf-8")
        console.print(f"the page: {report}", markup=False, soft_wrap=True)
        if keep:
            _hold(rehearsed, console)
    raise typer.Exit(0 if good and not told.iam.denied else 1)


def _check_options(app: str, report: Path, *, input: bool, start: bool, approve: bool, brought: bool) -> None:
    """Refuse options that do not go together, before anything is opened."""
    if input and not start:
        raise typer.BadParameter("an input is for the run that --start starts: add --start", param_hint="--input")
    if app and approve:
        text = "--approve pins in what is compiled here: pin in the accounts file, and deploy the app again"
        raise typer.BadParameter(text, param_hint="--app")
    if approve and not brought:
        text = "a version is approved when a run registered one: add --put or --start"
        raise typer.BadParameter(text, param_hint="--approve")
    if not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {report.parent}", param_hint="--report")


def _deploy(rehearsed: Rehearsed, app: str, console: Console) -> None:
    """With the cdk CLI where an app is given, else what is compiled here."""
    if not app:
        rehearsed.deploy()
        return
    from constructs_ml.rehearsal.cdk import Cdk, local_cdk

    cdk = Cdk(rehearsed.embedded, local_cdk() or Path("node_modules/aws-cdk/bin/cdk"))
    console.print("  cdk bootstrap", style="dim")
    cdk.bootstrap()
    console.print(f"  cdk deploy {rehearsed.account.stage}/*", style="dim")
    cdk.deploy(app, [f"{rehearsed.account.stage}/*"])


def _wait(rehearsed: Rehearsed, model: str, patience: float, console: Console) -> bool:
    """Wait for the run that was started, and for those that began meanwhile; say why one failed."""
    ended = [rehearsed.wait_for(model, seconds=patience)]
    while len(ended) < len(rehearsed.runs(model)):
        ended.append(rehearsed.wait_for(model, seconds=patience))
    failed = [run for run in ended if run.status != "SUCCEEDED"]
    for run in failed:
        console.print(f"{run}", style="red", markup=False, soft_wrap=True)
    return not failed


def _hold(rehearsed: Rehearsed, console: Console) -> None:
    """Say how other programs reach the account, and wait for Ctrl-C."""
    for name, value in rehearsed.embedded.environment().items():
        if name != "PATH":
            console.print(f"export {name}={value}", markup=False, soft_wrap=True)
    console.print("the account stays open; Ctrl-C closes it")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


@contextlib.contextmanager
def _part(title: str, seconds: dict[str, float]) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[title] = round(time.monotonic() - began, 2)


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise refuse("rehearse-pair", where=option, got=repr(text), allowed="NAME=FILE")
        found.append((name, value))
    return found


def _check_files(files: Sequence[tuple[str, Path]]) -> None:
    for where, file in files:
        if not file.is_file():
            raise refuse("rehearse-file", where=where, got=str(file), allowed="a file that is there")
