"""`constructs-ml pipeline`: show a pipeline, start it, watch it run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from constructs_ml.cli.common import Model, load_model, refusing
from constructs_ml.cli.executions import Machine, machine_of, on_states
from constructs_ml.cli.inputs import given_inputs
from constructs_ml.cli.tables import pipeline_view, progress_view
from constructs_ml.config import Accounts
from constructs_ml.drawing.drawing import form_of
from constructs_ml.drawing.progress import Progress
from constructs_ml.spec.graph import draw, read_progress
from constructs_ml.spec.pipeline import PipelineSpec

app = typer.Typer(no_args_is_help=True, help="Pipelines: drawn, started, watched.")
_Stage = Annotated[str, typer.Option(help="The stage of the accounts file whose account it is.")]
_Accounts = Annotated[Path, typer.Option(help="The accounts file.")]
_Output = Annotated[Path | None, typer.Option(help="Write the drawing: .svg, .html or .mmd.")]
_Every = Annotated[float, typer.Option(min=0, help="Seconds between two looks at the run.")]
_WHERE = Path("accounts.yaml")


@app.command()
def show(model: Model, output: _Output = None) -> None:
    """Show the steps of a model's pipeline, or write its drawing. Needs no account, no network and no node."""
    spec = refusing(partial(load_model, model)).pipeline
    drawing = draw(spec)
    if output:
        refusing(partial(drawing.write, output))
    else:
        Console(emoji=False, highlight=False).print(pipeline_view(spec, drawing.graph))


@app.command()
def run(
    model: Model,
    stage: _Stage,
    accounts: _Accounts = _WHERE,
    input: Annotated[list[str] | None, typer.Option(help="name=value; once for each input of the run.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Watch the run until it ends.")] = False,
    every: _Every = 5.0,
) -> None:
    """Start a run of the deployed pipeline and print the ARN of its execution."""
    spec = refusing(lambda: on_states(load_model(model)))
    given = refusing(partial(given_inputs, spec, input or ()))
    machine = refusing(lambda: machine_of(spec, Accounts.load(accounts)[stage]))
    arn = refusing(partial(machine.start, given))
    typer.echo(arn)
    if watch:
        _follow(spec, machine, arn, every=every)


@app.command()
def watch(
    model: Model,
    stage: _Stage,
    accounts: _Accounts = _WHERE,
    execution: Annotated[str | None, typer.Option(help="The execution's name; without it, the latest.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print how the run stands and end.")] = False,
    output: _Output = None,
    every: _Every = 5.0,
) -> None:
    """Watch a run, step by step, until it ends. Ends with 1 if the run did not succeed."""
    if output:
        refusing(partial(form_of, output))  # before the run is over
    spec = refusing(lambda: on_states(load_model(model)))
    machine = refusing(lambda: machine_of(spec, Accounts.load(accounts)[stage]))
    arn = refusing(partial(machine.execution, execution))
    _follow(spec, machine, arn, every=every, once=once, output=output)


def _follow(
    spec: PipelineSpec, machine: Machine, arn: str, *, every: float, once: bool = False, output: Path | None = None
) -> None:
    """Show a run until it ends, write its drawing, and end with 1 if it failed."""
    console = Console(emoji=False, highlight=False)
    title = f"{spec.name} of {spec.model}, {arn.rpartition(':')[2]}"
    looks = _looks(spec, machine, arn, every)
    progress = next(looks)
    if once or not progress.running:
        console.print(progress_view(title, progress))
    else:
        with Live(progress_view(title, progress), console=console, auto_refresh=False) as live:
            for progress in looks:
                live.update(progress_view(title, progress), refresh=True)
    if output:
        refusing(partial(draw(spec, progress=progress).write, output))
    raise typer.Exit(0 if progress.running or progress.status == "SUCCEEDED" else 1)


def _looks(spec: PipelineSpec, machine: Machine, arn: str, every: float) -> Iterator[Progress]:
    """How the run stands, again and again until it has ended."""
    while True:
        events = refusing(partial(machine.events, arn))
        progress = refusing(partial(read_progress, spec, events, now=datetime.now(UTC)))
        yield progress
        if not progress.running:
            return
        time.sleep(every)
