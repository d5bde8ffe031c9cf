"""A pipeline of 200 steps: checked, compiled, and how large it becomes. Starts no node."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from benchmarks.models import ACCOUNT, median
from constructs_ml import S3, Input, PipelineSpec, Process, Sklearn, compile_pipeline
from constructs_ml.compiler.proofs import prove_template

COUNT, ROUNDS = 200, 9
LIMIT = 1_048_576
_CODE = Path(__file__).parent.parent / "tests" / "code"


def long_pipeline(count: int = COUNT) -> PipelineSpec:
    """Jobs in a row, each reading what the one before it wrote."""
    day = Input("day", default="1997-09-30")
    first = Process(
        name="step-0",
        image=Sklearn("1.4-2"),
        code="prepare.py",
        inputs={"raw": S3("raw/")},
        arguments=("--day", day),
        outputs=("data",),
    )
    steps = [first]
    for number in range(1, count):
        inputs = {"raw": steps[-1].output("data")}
        steps.append(dataclasses.replace(first, name=f"step-{number}", inputs=inputs))
    return PipelineSpec(name="long", model="churn", owner="growth", steps=tuple(steps), inputs=(day,), root=_CODE)


def main() -> None:
    """Print the medians, and the part of Step Functions' limit that the definition takes."""
    checking, compiling = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        spec = long_pipeline()
        checking.append(time.perf_counter() - started)
        started = time.perf_counter()
        compiled = compile_pipeline(spec, ACCOUNT, prefix="Long")
        compiling.append(time.perf_counter() - started)
    size = len(compiled.resources["LongStateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"][0])
    started = time.perf_counter()
    faults = prove_template(compiled.resources)
    proving = time.perf_counter() - started
    print(f"{COUNT} steps; medians of {ROUNDS} rounds")
    print(f"  spec checked   {median(checking) * 1000:6.1f} ms")
    print(f"  compiled       {median(compiling) * 1000:6.1f} ms")
    print(f"  proved         {proving * 1000:6.1f} ms, once, {len(faults)} faults")
    print(f"  definition     {size:,} characters, {size / LIMIT:.0%} of Step Functions' limit")


if __name__ == "__main__":
    main()
