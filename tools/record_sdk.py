"""Record what the SDK's objects look like, for the tests that run without it: `make record-sdk`."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "tests" / "sdk" / "recorded"
VERSION = RECORDED / "version.json"
CODE = ROOT / "tests" / "code"


def main() -> None:
    from tools.sdk_objects import recordings

    RECORDED.mkdir(parents=True, exist_ok=True)
    for name, text in recordings(CODE).items():
        (RECORDED / f"{name}.json").write_text(text)
    VERSION.write_text(json.dumps({"sagemaker": version("sagemaker")}) + "\n")


if __name__ == "__main__":
    main()
