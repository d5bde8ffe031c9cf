"""Every combination of endpoint, policy, scaling and capture: refused with AWS's reason, or clean CloudFormation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_ml.compiler.template import Compiled
from tests.support import ROOT, pinned, served
from tools.combinations import Cell, cells, table

CELLS = tuple(cells())
ALLOWED = tuple(cell for cell in CELLS if not cell.refusals())
LINT = str(Path(sys.executable).parent / "cfn-lint")


def built(cell: Cell) -> Compiled:
    pins = {variant.name: 3 for variant in cell.build().variants}
    return served(cell.build(), pinned(**pins))


def test_there_is_a_cell_for_every_combination() -> None:
    assert len(CELLS) == 6 * 4 * 6 * 2
    assert len(set(CELLS)) == len(CELLS)


@pytest.mark.parametrize("cell", ALLOWED, ids=str)
def test_an_allowed_cell_compiles_to_what_it_says(cell: Cell) -> None:
    found = built(cell).resources
    endpoint, config = found["EndpointEndpoint"]["Properties"], found["EndpointConfig"]["Properties"]
    serverless = cell.kind in ("serverless", "provisioned")
    assert ("DeploymentConfig" in endpoint) != serverless
    if not serverless:
        policy = endpoint["DeploymentConfig"]
        routing = policy.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {}).get("Type")
        shown = {"AllAtOnce": "ALL_AT_ONCE", "Canary": "CANARY", "Linear": "LINEAR", "Rolling": None}
        assert routing == shown[cell.policy]
        assert ("RollingUpdatePolicy" in policy) == (cell.policy == "Rolling")
    assert ("DataCaptureConfig" in config) == cell.capture
    targets = [item for item in found.values() if item["Type"].endswith("ScalableTarget")]
    assert len(targets) == (0 if cell.scaling == "none" else len(config["ProductionVariants"]))


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.refusals()], ids=str)
def test_a_refused_cell_says_why(cell: Cell) -> None:
    assert all(fault.why and fault.allowed for fault in cell.refusals())


def test_the_page_is_what_the_rules_say() -> None:
    assert (ROOT / "docs" / "endpoint-combinations.md").read_text() == table()


@pytest.mark.slow
def test_every_allowed_cell_is_clean_for_cfn_lint(tmp_path: Path) -> None:
    for number, cell in enumerate(ALLOWED):
        resources = {
            key: {name: value for name, value in item.items() if name != "Metadata"}
            for key, item in built(cell).resources.items()
        }
        (tmp_path / f"{number}.json").write_text(json.dumps({"Resources": resources}))
    command = [LINT, "--regions", "eu-central-1", "--non-zero-exit-code", "error", "-t", str(tmp_path / "*.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]
