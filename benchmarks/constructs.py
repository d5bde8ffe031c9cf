"""190 models through the constructs, against idiomatic L2 code for the same resources; construction and synthesis.

python -m benchmarks.constructs            190 models
python -m benchmarks.constructs 20         fewer
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from aws_cdk import App, Environment, Stack

from apps.churn.model import churn
from benchmarks import l2
from benchmarks.models import ACCOUNT, COUNT, median, models
from constructs_ml import ModelStack, compile_pipeline

ROUNDS = 3
_ENV = Environment(account=ACCOUNT.id, region=ACCOUNT.region)


def ours(app: App, count: int) -> None:
    """A stack a model."""
    for model in models(count):
        ModelStack(app, model.name, model, account=ACCOUNT, commit="a" * 40)


def theirs(app: App, count: int) -> None:
    """The same models in L2 code."""
    states = sagemaker_states()
    for model in models(count):
        l2.build(Stack(app, model.name, env=_ENV), model.name, states)


def sagemaker_states() -> dict[str, Any]:
    """The SageMaker states of the example, so that both sides write definitions of the same size."""
    found = compile_pipeline(churn.pipeline, ACCOUNT, prefix="P").resources["PStateMachine"]
    definition = json.loads(found["Properties"]["DefinitionString"]["Fn::Sub"][0])
    wanted = ("prepare", "train", "evaluate", "Read evaluate metrics", "baseline", "register")
    left_out = ("Next", "Catch", "Retry")
    return {
        name: {key: value for key, value in definition["States"][name].items() if key not in left_out}
        for name in wanted
    }


def timed(build: Callable[[App, int], None], count: int) -> float:
    """Seconds to build and synthesize, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder)
        started = time.perf_counter()
        build(app, count)
        app.synth()
        return time.perf_counter() - started


def main(count: int) -> None:
    """Print the ratio."""
    timed(ours, 1)
    timed(theirs, 1)
    pairs = []
    for number in range(ROUNDS):
        pairs.append((timed(ours, count), timed(theirs, count)))
        print(f"  round {number + 1}: constructs {pairs[-1][0]:.2f} s, L2 {pairs[-1][1]:.2f} s", flush=True)
    ratio = median([mine / other for mine, other in pairs])
    print(f"{count} models; median of {ROUNDS} rounds: constructs take {ratio:.2f} of the L2 code's time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
