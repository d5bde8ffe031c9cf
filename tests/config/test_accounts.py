"""accounts.yaml: what is read, and how every fault is told with its place."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from constructs_ml import S3, Accounts, ModelSettings, Rolling, SpecError
from constructs_ml.config import accounts_schema
from constructs_ml.facts import regions
from constructs_ml.spec.account import Account, AccountNetwork, InstanceRules
from constructs_ml.spec.model_settings import PackageVersion
from tests.support import ROOT

# Digits of another script, which some regular expressions take for digits.
ARABIC = '"' + "\u0661" * 12 + '"'

GOOD = """\
accounts:
  dev:
    id: "111111111111"
    region: eu-central-1
  gov:
    id: "222222222222"
    region: us-gov-west-1
    network: {subnets: [subnet-0a1b2c3d], security_groups: [sg-0a1b2c3d]}
    permissions_boundary: arn:aws-us-gov:iam::222222222222:policy/Boundary
    key_arn: arn:aws-us-gov:kms:us-gov-west-1:222222222222:key/0a1b-2c3d
    instances: {training: ml.m5.large, allowed: [ml.m5.large], most: 3}
    notify: [a@example.com]
    existing_customer: [model-monitor]
    tags: {team: growth}
"""


def one(*lines: str, region: str = "eu-central-1") -> str:
    """A file with one account; further lines of it begin in the fifth."""
    return f'accounts:\n  dev:\n    id: "111111111111"\n    region: {region}\n' + "".join(f"    {x}\n" for x in lines)


def load(folder: Path, text: str) -> Accounts:
    (folder / "accounts.yaml").write_text(text, encoding="utf-8")
    return Accounts.load(folder / "accounts.yaml")


def faults(folder: Path, text: str) -> list[tuple[str, str]]:
    """Each fault's id and where it is, without the folder."""
    with pytest.raises(SpecError) as refused:
        load(folder, text)
    return [(fault.id, fault.where.removeprefix(f"{folder}/accounts.yaml")) for fault in refused.value.faults]


def test_accounts_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    accounts = load(tmp_path, GOOD)
    assert [account.stage for account in accounts] == ["dev", "gov"]
    assert len(accounts) == 2


def test_defaults_are_those_of_the_account(tmp_path: Path) -> None:
    dev = load(tmp_path, GOOD)["dev"]
    assert (dev.network, dev.key_arn, dev.destroyable, dev.notify) == (None, None, False, ())
    assert dev.log_retention_days == 365
    assert dev.instances == InstanceRules()


def test_everything_that_is_said_arrives(tmp_path: Path) -> None:
    gov = load(tmp_path, GOOD)["gov"]
    assert gov.network == AccountNetwork(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",))
    assert gov.instances == InstanceRules(training="ml.m5.large", allowed=("ml.m5.large",), most=3)
    assert gov.existing_customer == ("model-monitor",)
    assert gov.tags == {"team": "growth"}
    assert gov.where.endswith("accounts.yaml:5:3: accounts.gov")


def test_anchors_say_a_thing_once(tmp_path: Path) -> None:
    text = GOOD.replace("region: eu-central-1", "region: eu-central-1\n    tags: &tags {team: growth}").replace(
        "tags: {team: growth}\n", "tags: *tags\n", 1
    )
    assert load(tmp_path, text)["gov"].tags == {"team": "growth"}


def test_a_merged_mapping_yields_to_the_accounts_own_keys(tmp_path: Path) -> None:
    text = """\
accounts:
  dev: &common
    id: "111111111111"
    region: eu-central-1
    notify: [a@example.com]
  prod:
    <<: *common
    id: "222222222222"
"""
    prod = load(tmp_path, text)["prod"]
    assert (prod.id, prod.region, prod.notify) == ("222222222222", "eu-central-1", ("a@example.com",))


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_follows_from_the_region(region: str, partition: str, tmp_path: Path) -> None:
    key = f"arn:{partition}:kms:{region}:111111111111:key/0a1b2c3d"
    boundary = f"arn:{partition}:iam::111111111111:policy/team/Boundary"
    dev = load(tmp_path, one(f"key_arn: {key}", f"permissions_boundary: {boundary}", region=region))["dev"]
    assert (dev.key_arn, dev.permissions_boundary) == (key, boundary)
    assert regions.partition_of(dev.region or "") == partition


@pytest.mark.parametrize(
    "line",
    [
        "key_arn: arn:aws:kms:eu-central-1:111111111111:key/mrk-0a1b2c3d4e5f",
        "permissions_boundary: arn:aws:iam::aws:policy/PowerUserAccess",
        "network:",
        "log_retention_days: 3653",
        "notify: []",
        'tags: {"1": "yes", empty: ""}',
        "instances: {training: ml.p4d.24xlarge, most: 100}",
    ],
)
def test_what_aws_allows_is_allowed(line: str, tmp_path: Path) -> None:
    assert load(tmp_path, one(line))["dev"].id == "111111111111"


def test_a_number_with_a_leading_zero_is_an_id_when_it_has_quotes(tmp_path: Path) -> None:
    assert load(tmp_path, one().replace("111111111111", "012345670123"))["dev"].id == "012345670123"


def test_a_missing_stage_is_never_another_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no such stage\n  got:     'prod'\n  allowed: dev, gov"):
        load(tmp_path, GOOD)["prod"]


def test_a_misspelt_stage_is_told_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"'dve' \(did you mean dev\?\)"):
        load(tmp_path, GOOD)["dve"]


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
accounts:
  dev:
    id: 111111111111
    region: eu-centrl-1
    instnces: {}
  Prod:
    id: "222222222222"
    region: us-east-1
    key_arn: arn:aws:kms:eu-west-1:222222222222:key/0a1b2c3d
    notify: [nobody, a@example.com]
    log_retention_days: 8
    tags: {aws:team: growth, cost: 7}
"""
    assert faults(tmp_path, text) == [
        ("accounts-quotes", ":3:5: accounts.dev.id"),
        ("region", ":4:5: accounts.dev.region"),
        ("accounts-unknown", ":5:5: accounts.dev.instnces"),
        ("accounts-value", ":6:3: accounts.Prod"),
        ("accounts-key", ":9:5: accounts.Prod.key_arn"),
        ("accounts-value", ":10:14: accounts.Prod.notify.0"),
        ("accounts-value", ":11:5: accounts.Prod.log_retention_days"),
        ("accounts-value", ":12:12: accounts.Prod.tags.aws:team"),
        ("accounts-quotes", ":12:30: accounts.Prod.tags.cost"),
    ]


def test_every_doubled_key_is_told(tmp_path: Path) -> None:
    text = one("region: eu-west-1", "tags: {team: a, team: b}") + "  dev: {}\n"
    assert faults(tmp_path, text) == [
        ("accounts-duplicate", ":5:5: accounts.dev.region"),
        ("accounts-duplicate", ":6:21: accounts.dev.tags.team"),
        ("accounts-duplicate", ":7:3: accounts.dev"),
    ]


def test_a_number_is_shown_as_it_was_written_not_as_yaml_read_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match='such as "012345670123"'):
        load(tmp_path, one().replace('"111111111111"', "012345670123"))


@pytest.mark.parametrize(
    ("line", "id", "where", "got", "allowed"),
    [
        ("destroyabl: true", "accounts-unknown", ":5:5: accounts.dev.destroyabl", "did you mean destroyable?", "tags"),
        ("instances: {mots: 3}", "accounts-unknown", ":5:17: accounts.dev.instances.mots", "mean most?", "training"),
        ("network: {vpc: a}", "accounts-missing", ":5:5: accounts.dev.network.subnets", "nothing", "subnets:"),
        ("instances: {most: 0}", "accounts-value", ":5:17: accounts.dev.instances.most", "0", "or equal to 1"),
        ("instances: {most: 2.5}", "accounts-value", ":5:17: accounts.dev.instances.most", "2.5", "a whole number"),
        ("instances: {allowed: [m5.large]}", "accounts-value", ":5:27: accounts.dev.instances.allowed.0", "m5", "ml"),
        ("instances: [ml.m5.large]", "accounts-value", ":5:5: accounts.dev.instances", "a list", "a mapping"),
        ("network: vpc-1", "accounts-value", ":5:5: accounts.dev.network", "'vpc-1'", "a mapping"),
        (
            "network: {subnets: [], security_groups: [sg-0a1b2c3d]}",
            "accounts-value",
            ":5:15: accounts.dev.network.subnets",
            "nothing",
            "at least 1",
        ),
        (
            "network: {subnets: [vpc-0a1b2c3d], security_groups: [sg-0a1b2c3d]}",
            "accounts-value",
            ":5:25: accounts.dev.network.subnets.0",
            "vpc-0a1b2c3d",
            "subnet-",
        ),
        (
            "key_arn: arn:aws:kms:eu-central-1:222222222222:key/0a1b",
            "accounts-key",
            ":5:5: accounts.dev.key_arn",
            ":222222222222:",
            ":111111111111:",
        ),
        ("key_arn: alias/data", "accounts-value", ":5:5: accounts.dev.key_arn", "alias/data", "arn:aws"),
        (
            "permissions_boundary: arn:aws-cn:iam::111111111111:policy/B",
            "accounts-boundary",
            ":5:5: accounts.dev.permissions_boundary",
            "arn:aws-cn:",
            "arn:aws:iam::111111111111:policy/",
        ),
        (
            "permissions_boundary: arn:aws:iam::222222222222:policy/B",
            "accounts-boundary",
            ":5:5: accounts.dev.permissions_boundary",
            "222222222222",
            "arn:aws:iam::111111111111:policy/",
        ),
        ("log_retention_days: '30'", "accounts-value", ":5:5: accounts.dev.log_retention_days", "'30'", "30, 60"),
        ("noncurrent_data_days: 0", "accounts-value", ":5:5: accounts.dev.noncurrent_data_days", "0", "equal to 1"),
        ("notify: a@example.com", "accounts-value", ":5:5: accounts.dev.notify", "a@example.com", "a list"),
        ("notify: [a@b.co, a@b.co]", "accounts-value", ":5:5: accounts.dev.notify", "a@b.co", "each value once"),
        ("registry_readers: [222222222222]", "accounts-quotes", ":5:24: accounts.dev.registry_readers.0", "2", '"2'),
        ("registry_readers: ['22']", "accounts-value", ":5:24: accounts.dev.registry_readers.0", "'22'", "{12}"),
        ("destroyable: 1", "accounts-value", ":5:5: accounts.dev.destroyable", "1", "true or false"),
        (
            "existing_customer: [clarify, model-moniter]",
            "accounts-closed",
            ":5:34: accounts.dev.existing_customer.1",
            "did you mean model-monitor?",
            "model-monitor",
        ),
        ("tags: {live: yes}", "accounts-quotes", ":5:12: accounts.dev.tags.live", "yes", '"yes"'),
        (
            "tags: {since: 2024-01-01}",
            "accounts-quotes",
            ":5:12: accounts.dev.tags.since",
            "2024-01-01",
            '"2024-01-01"',
        ),
        ("tags: {1: one}", "accounts-quotes", ":5:12: accounts.dev.tags.1", "1", '"1"'),
        (
            "tags: {'constructs-ml:model': a}",
            "accounts-value",
            ":5:12: accounts.dev.tags.constructs-ml:model",
            "c",
            "aws:",
        ),
        ("<<: {destroyabl: true}", "accounts-unknown", ":5:10: accounts.dev.destroyabl", "destroyable?", "tags"),
    ],
)
def test_a_fault_says_where_it_is_what_it_got_and_what_is_allowed(
    line: str, id: str, where: str, got: str, allowed: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as refused:
        load(tmp_path, one(line))
    fault = refused.value.faults[0]
    assert (fault.id, fault.where) == (id, f"{tmp_path}/accounts.yaml{where}")
    assert got in fault.got
    assert allowed in fault.allowed


@pytest.mark.parametrize("stage", ["Prod", "1st", "a_b", "a" * 17, '""', "-"])
def test_a_stage_that_cannot_be_part_of_a_name_is_told(stage: str, tmp_path: Path) -> None:
    assert faults(tmp_path, one().replace("dev:", f"{stage}:"))[0][0] in {"accounts-value", "accounts-yaml"}


@pytest.mark.parametrize("id", ['"1111"', '"1111111111111"', '"11111111111a"', ARABIC, "null", "[]"])
def test_an_id_that_is_not_twelve_digits_is_told(id: str, tmp_path: Path) -> None:
    assert faults(tmp_path, one().replace('"111111111111"', id)) == [("accounts-value", ":3:5: accounts.dev.id")]


@pytest.mark.parametrize("key", ["id", "region"])
def test_a_missing_key_names_its_account(key: str, tmp_path: Path) -> None:
    text = "".join(line for line in one().splitlines(keepends=True) if f"{key}:" not in line)
    assert faults(tmp_path, text) == [("accounts-missing", f":2:3: accounts.dev.{key}")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        ("# nothing\n", ""),
        ("accounts: [\n", ":2:1"),
        ("accounts: *nowhere\n", ":1:11"),
        ("accounts:\n\tdev: {}\n", ":2:1"),
        ("accounts: {}\n---\naccounts: {}\n", ":2:1"),
        ("accounts: !!python/object/apply:os.getcwd []\n", ":1:11"),
        ("accounts: \x01\n", ""),
        ("accounts: 2024-13-45\n", ""),
        ("accounts:\n  ? [dev]\n  : {}\n", ":2:5: accounts"),
        ("accounts: &all\n  dev: *all\n", ":2:3: accounts.dev"),
        ("accounts:\n  <<: dev\n", ":2:7"),
    ],
)
def test_what_is_no_yaml_is_told(text: str, where: str, tmp_path: Path) -> None:
    assert faults(tmp_path, text) == [("accounts-yaml", where)]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("accounts: {}\n", ":1:1: accounts"),
        ("accounts: []\n", ":1:1: accounts"),
        ("accounts:\n", ":1:1: accounts"),
        ("accounts: {dev: }\n", ":1:12: accounts.dev"),
        ("- dev\n", ":1:1"),
        ("dev\n", ":1:1"),
    ],
)
def test_what_holds_no_accounts_is_told(text: str, where: str, tmp_path: Path) -> None:
    assert faults(tmp_path, text) == [("accounts-value", where)]


def test_a_misspelt_root_is_both_missing_and_unknown(tmp_path: Path) -> None:
    assert faults(tmp_path, one().replace("accounts:", "acounts:")) == [
        ("accounts-missing", ":1:1: accounts"),
        ("accounts-unknown", ":1:1: acounts"),
    ]


@pytest.mark.parametrize("content", [b"accounts: \xff\n", None])
def test_a_file_that_cannot_be_read_is_told(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "accounts.yaml").write_bytes(content)
    with pytest.raises(SpecError, match="accounts file cannot be read"):
        Accounts.load(tmp_path / "accounts.yaml")


def test_what_an_account_says_of_a_model_is_read(tmp_path: Path) -> None:
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-churn/3"
    found = load(
        tmp_path,
        one(
            "models:",
            "  churn:",
            f'    pins: {{main: 7, other: "{arn}", third: s3://models/churn/3/model.tar.gz}}',
            "    run: run-7",
            "    instance_type: ml.m5.xlarge",
            "    deployment: {kind: rolling, percent: 25, bake_minutes: 5, timeout_minutes: 60}",
            "    monitors: none",
            "    features: none",
        ),
    )["dev"].model("churn")
    assert found.pins == {
        "main": PackageVersion(7),
        "other": PackageVersion(3, "dev-churn", "111111111111", "eu-central-1"),
        "third": S3("s3://models/churn/3/model.tar.gz"),
    }
    assert (found.run, found.instance_type, found.monitors, found.features) == ("run-7", "ml.m5.xlarge", "none", "none")
    assert found.deployment == Rolling(percent=25, bake=timedelta(minutes=5), timeout=timedelta(hours=1))
    assert load(tmp_path, one())["dev"].model("churn") == ModelSettings()


@pytest.mark.parametrize(
    ("line", "id", "place"),
    [
        ("pins: {main: 0}", "number-range", ":7:16: accounts.dev.models.churn.pins.main"),
        ("pins: {main: latest}", "pin-form", ":7:16: accounts.dev.models.churn.pins.main"),
        ("pins: {main: true}", "pin-form", ":7:16: accounts.dev.models.churn.pins.main"),
        ("pins: {Main: 1}", "accounts-value", ":7:16: accounts.dev.models.churn.pins.Main"),
        ("pin: {main: 1}", "accounts-unknown", ":7:9: accounts.dev.models.churn.pin"),
        ("run: 7", "accounts-quotes", ":7:9: accounts.dev.models.churn.run"),
        ("monitors: off", "accounts-value", ":7:9: accounts.dev.models.churn.monitors"),
        ("instance_type: m5.large", "accounts-value", ":7:9: accounts.dev.models.churn.instance_type"),
        ("inputs: {Rows: 1}", "accounts-value", ":7:18: accounts.dev.models.churn.inputs.Rows"),
        ("inputs: [rows]", "accounts-value", ":7:9: accounts.dev.models.churn.inputs"),
        ("deployment: canary", "accounts-value", ":7:9: accounts.dev.models.churn.deployment"),
        ("deployment: {kind: canary}", "deployment-step", ":7:9: accounts.dev.models.churn.deployment"),
        ("deployment: {kind: canary, percent: 60}", "number-range", ":7:9: accounts.dev.models.churn.deployment"),
        (
            "deployment: {kind: all-at-once, percent: 10}",
            "accounts-value",
            ":7:9: accounts.dev.models.churn.deployment",
        ),
        (
            "deployment: {kind: canary, prcent: 10}",
            "accounts-unknown",
            ":7:36: accounts.dev.models.churn.deployment.prcent",
        ),
        (
            "deployment: {kind: linear, percent: 10, bake_minutes: -1}",
            "accounts-value",
            ":7:49: accounts.dev.models.churn.deployment.bake_minutes",
        ),
    ],
)
def test_what_an_account_says_wrongly_of_a_model_is_told_with_its_place(
    tmp_path: Path, line: str, id: str, place: str
) -> None:
    assert faults(tmp_path, one("models:", "  churn:", f"    {line}")) == [(id, place)]


def test_no_fault_speaks_of_the_classes_behind_the_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        load(tmp_path, one("network: 1", "instances: 1", "tags: 1", "notify: {}"))
    assert not any(word in str(refused.value) for word in ("Item", "pydantic", "dictionary", "instance of"))


def test_only_loading_accounts_imports_yaml_and_pydantic() -> None:
    code = "import sys, constructs_ml; from constructs_ml import Train, compile_pipeline; "
    code += "print([name for name in ('yaml', 'pydantic') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_schema_for_editors_has_every_key_of_an_account() -> None:
    keys = set(accounts_schema()["$defs"]["AccountItem"]["properties"])
    assert keys == {field.name for field in fields(Account)} - {"stage", "where"}


def test_the_module_writes_the_schema_that_is_committed() -> None:
    command = [sys.executable, "-m", "constructs_ml.config"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert written == (ROOT / "docs" / "accounts.schema.json").read_text()


def test_the_page_tells_every_key() -> None:
    page = (ROOT / "docs" / "accounts.md").read_text()
    definitions = accounts_schema()["$defs"]
    items = ("AccountItem", "InstancesItem", "ModelItem", "DeploymentItem")
    for key in {key for item in items for key in definitions[item]["properties"]} - {"instances"}:
        assert re.search(rf"^\| .*[`.]{key}`", page, re.MULTILINE), key


def test_each_file_on_the_page_loads_and_its_fault_is_the_one_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "accounts.md").read_text()
    files = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [[account.stage for account in load(tmp_path, text)] for text in files] == [["dev", "prod"]] * 2
    monkeypatch.chdir(tmp_path)
    Path("accounts.yaml").write_text(one().replace('"111111111111"', "012345670123"))
    with pytest.raises(SpecError) as refused:
        Accounts.load("accounts.yaml")
    assert f"```text\n{refused.value}\n```" in page


def test_an_account_gives_defaults_to_inputs(tmp_path: Path) -> None:
    given = "inputs: {application: 00f1a2b3, rows: 3, share: 0.5, fast: true, cities: [Bern, {name: Basel}]}"
    settings = load(tmp_path, one("models:", "  churn:", f"    {given}"))["dev"].model("churn")
    assert dict(settings.inputs) == {
        "application": "00f1a2b3",
        "rows": 3,
        "share": 0.5,
        "fast": True,
        "cities": ("Bern", {"name": "Basel"}),
    }
    assert settings.inputs["fast"] is True
