"""What a rehearsal costs beside the scripts that it runs: churn in an embedded account, in this process.

Prints seconds of each part, and how many times longer the pipeline takes than its four scripts alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from apps.churn.data import write_csv
from apps.churn.model import ROOT, churn
from constructs_ml import Accounts
from constructs_ml.rehearsal.rehearsed import rehearsal
from constructs_ml.spec.model_settings import ModelSettings

_SCRIPTS = (("prepare.py", "--split-date", "1997-09-30"), ("train.py",), ("evaluate.py",), ("baseline.py",))
_CUSTOMER = (
    "purchases,weeks_since_last,weeks_since_first,mean_gap_weeks,mean_amount,total_amount,total_quantity,days_bought\n"
    "1,30,30,30,20,20,1,1\n"
)
_REQUESTS = 100


def main() -> None:
    """Run it once and print a line for each part."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "purchases.csv"
        write_csv(log)
        with _timed("the four scripts alone", seconds):
            _scripts(Path(folder), log)
        account = replace(
            Accounts.load(ROOT / "accounts.yaml")["dev"], models={churn.name: ModelSettings(monitors="none")}
        )
        with rehearsal(churn, account=account, deployed=False) as dev:
            with _timed("deploy 39 resources", seconds):
                dev.deploy()
            with _timed("the pipeline, from the arrival of data to its version", seconds):
                dev.put("raw/purchases.csv", log)
                dev.wait_for(churn.name)
            with _timed("pin, and the endpoint comes up", seconds):
                dev.pin(churn.name, dev.approve(churn.name))
            with _timed(f"{_REQUESTS} requests", seconds):
                for _ in range(_REQUESTS):
                    dev.invoke(churn.name, _CUSTOMER)
    for part, took in seconds.items():
        print(f"{took:8.2f} s  {part}")
    scripts, _, pipeline, *_ = seconds.values()
    print(f"{pipeline / scripts:8.2f} times the scripts alone: the pipeline in the embedded account")


@contextmanager
def _timed(part: str, seconds: dict[str, float]) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[part] = time.monotonic() - began


def _scripts(folder: Path, log: Path) -> None:
    for name in ("raw", "train", "test", "model", "data", "quality", "report"):
        (folder / name).mkdir()
    (folder / "raw" / "a.csv").write_bytes(log.read_bytes())
    environment = {**os.environ, "SM_MODEL_DIR": str(folder / "model"), "SM_CHANNEL_TRAIN": str(folder / "train")}
    read = ("raw", "model", "train", "test")
    environment |= {f"PROCESSING_INPUT_{name.upper()}": str(folder / name) for name in read}
    made = ("train", "test", "data", "quality", "report")
    environment |= {f"PROCESSING_OUTPUT_{name.upper()}": str(folder / name) for name in made}
    for script, *arguments in _SCRIPTS:
        command = [sys.executable, str(ROOT / "steps" / script), *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True, cwd=ROOT / "steps")
        if script == "train.py":
            packed = ["tar", "czf", "model.tar.gz", "model.joblib", "features.json"]
            subprocess.run(packed, cwd=folder / "model", check=True)


if __name__ == "__main__":
    main()
