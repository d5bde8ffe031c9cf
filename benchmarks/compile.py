"""Compiling 190 models, against json.dumps of the same templates. A ratio: machines differ, it hardly does."""

from __future__ import annotations

import json
import time

from benchmarks.models import ACCOUNT, COUNT, median, models
from constructs_ml.compiler.model import compile_model
from constructs_ml.compiler.template import Compiled

ROUNDS = 5


def compile_all() -> list[Compiled]:
    """Every template of every model: features, registry, pipeline, endpoint with its monitors, dashboard."""
    return [compiled for model in models() for compiled in compile_model(model, ACCOUNT)]


def main() -> None:
    """Print the ratio and what it is made of."""
    specs, compiling, dumping = [], [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        models()
        specs.append(time.perf_counter() - started)
        started = time.perf_counter()
        found = compile_all()
        compiling.append(time.perf_counter() - started)
        started = time.perf_counter()
        size = sum(len(json.dumps(dict(item.resources))) for item in found)
        dumping.append(time.perf_counter() - started)
    resources = sum(len(item.resources) for item in found)
    print(f"{COUNT} models, {resources:,} resources, {size / 1e6:.1f} MB of JSON; medians of {ROUNDS} rounds")
    print(f"  specs checked    {median(specs):.3f} s (within compiling)")
    print(f"  compiled         {median(compiling):.3f} s")
    print(f"  json.dumps       {median(dumping):.3f} s")
    print(f"  ratio            {median(compiling) / median(dumping):.1f}")


if __name__ == "__main__":
    main()
