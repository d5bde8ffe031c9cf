"""The example application's templates, for every account, as a reviewer and CloudFormation would judge them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apps.churn.app import build
from apps.churn.model import churn
from constructs_ml import Accounts, compile_pipeline
from constructs_ml.facts import images, regions
from tests.assemblies import synthesize, templates
from tests.support import ROOT

pytestmark = [pytest.mark.node, pytest.mark.slow]
LINT = str(Path(sys.executable).parent / "cfn-lint")
ACCOUNTS = Accounts.load(ROOT / "apps" / "churn" / "accounts.yaml")
REGION_OF = {account.stage: account.region for account in ACCOUNTS}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesized under cdk-nag: a finding that is not acknowledged fails every test of this file."""
    return synthesize(tmp_path_factory.mktemp("churn"), build, nag=True)


def test_every_account_has_its_platform_and_its_model(assembly: Path) -> None:
    wanted = {f"{stage}-{name}" for stage in REGION_OF for name in ("platform", "features", "churn")}
    assert set(templates(assembly)) == wanted - {"gov-features"}


@pytest.mark.parametrize("stage", sorted(REGION_OF))
def test_cfn_lint_finds_no_error_in_the_accounts_region(assembly: Path, stage: str) -> None:
    files = [str(path) for path in sorted(assembly.glob(f"assembly-{stage}/*.template.json"))]
    command = [
        LINT,
        "--regions",
        str(REGION_OF[stage]),
        "--non-zero-exit-code",
        "error",
        "-t",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]


def test_cfn_lint_finds_the_bad_twin(tmp_path: Path) -> None:
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "x", "DefinitionStrng": "{}"}}
    (tmp_path / "bad.json").write_text(json.dumps({"Resources": {"Bad": resource}}))
    done = subprocess.run([LINT, "-t", str(tmp_path / "bad.json")], capture_output=True, text=True)
    assert "DefinitionStrng" in done.stdout


def test_nothing_of_an_account_stands_in_a_template_but_what_its_file_gave(assembly: Path) -> None:
    registries = {registry for group in images.load("images")["registries"] for registry in group.values()}
    for name, template in templates(assembly).items():
        stage = name.split("-")[0]
        own = ACCOUNTS[stage]
        given = {own.id, *own.registry_readers}
        body = {key: value for key, value in template.items() if key != "Parameters" and key != "Rules"}
        text = json.dumps(body)
        assert set(re.findall(r"(?<![0-9a-f])\d{12}(?![0-9a-f])", text)) <= given | registries, name
        found = {region for region in regions.known() if re.search(rf"\b{region}\b", text)}
        assert found <= {own.region}, name
        assert set(re.findall(r"arn:(aws[a-z-]*):", text)) <= {regions.partition_of(str(own.region))}, name


def test_no_statement_is_full_access_and_every_wildcard_has_its_reason(assembly: Path) -> None:
    for name, template in templates(assembly).items():
        assert "FullAccess" not in json.dumps(template), name
        for key, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                statements = [
                    item
                    for policy in resource["Properties"]["Policies"]
                    for item in policy["PolicyDocument"]["Statement"]
                ]
                wild = any("*" in json.dumps(item["Resource"]) for item in statements)
                assert bool(resource["Metadata"].get("constructs-ml:accepted")) == wild, key


def test_templates_stay_far_below_the_limits(assembly: Path) -> None:
    for path in assembly.rglob("*.template.json"):
        assert path.stat().st_size < 900_000
        assert len(json.loads(path.read_text())["Resources"]) < 450


def test_two_synths_of_one_commit_are_the_same_byte_for_byte(assembly: Path, tmp_path: Path) -> None:
    again = synthesize(tmp_path, build, nag=True)
    first = {path.relative_to(assembly): path.read_bytes() for path in assembly.rglob("*") if _is_product(path)}
    second = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if _is_product(path)}
    assert first == second
    assert len(first) > 20


def test_what_was_compiled_is_what_was_synthesized(assembly: Path) -> None:
    for account in ACCOUNTS:
        result = compile_pipeline(churn.pipeline, account, prefix="Pipeline")
        made = templates(assembly)[f"{account.stage}-churn"]["Resources"]
        for key, resource in result.resources.items():
            assert made[key]["Type"] == resource["Type"]
            if "Asset" not in json.dumps(resource):
                assert made[key]["Properties"] == resource["Properties"], key


def _is_product(path: Path) -> bool:
    return path.is_file() and path.name != "validation-report.json"
