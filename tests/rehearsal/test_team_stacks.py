"""A team's own stacks, synthesized by CDK: deployed without node and by the genuine CLI, used, and destroyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from constructs_ml import SpecError
from constructs_ml.rehearsal import Rehearsed, rehearsal
from constructs_ml.rehearsal.cdk import Cdk, local_cdk
from tests.rehearsal.team import ACCOUNT, synthesized


def used(dev: Rehearsed) -> None:
    """What the stacks are for works: the machine writes, the bucket tells its queue, the pipeline trains in the VPC."""
    run = dev.wait_for(dev.start("team", number=21))
    assert (run.status, run.output) == ("SUCCEEDED", {"doubled": 42}), run
    queue = dev.client("sqs")
    url, arrived = queue.get_queue_url(QueueName="arrived")["QueueUrl"], list[str]()

    def told() -> bool:
        messages = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(message["Body"]) for message in messages]
        arrived.extend(record["s3"]["object"]["key"] for body in bodies for record in body.get("Records", []))
        return bool(arrived)

    assert dev.embedded.clock.poll(told, 10)
    assert arrived == ["in/a.csv"]
    trained = dev.wait_for(dev.start("dev-churn-training"))
    assert trained.status == "SUCCEEDED", trained
    (job,) = dev.parts.store.all("TrainingJob")
    subnets = dev.client("ec2").describe_subnets(SubnetIds=job.fields["VpcConfig"]["Subnets"])["Subnets"]
    assert {item["AvailabilityZone"] for item in subnets} == {"eu-central-1a", "eu-central-1b"}
    assert not dev.parts.iam.denied()


def gone(dev: Rehearsed) -> None:
    names = [item["Name"] for item in dev.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in names if name.startswith("shared-")]
    assert all(vpc["IsDefault"] for vpc in dev.client("ec2").describe_vpcs()["Vpcs"])


@pytest.mark.slow
def test_an_assembly_is_deployed_used_and_destroyed_without_node(tmp_path: Path) -> None:
    with rehearsal(synthesized(tmp_path), account=ACCOUNT) as dev:
        assert dev.stacks == ["Shared", "Team"]
        used(dev)
        dev.destroy()
        gone(dev)


@pytest.mark.slow
def test_the_genuine_cli_deploys_and_destroys_an_assembly(tmp_path: Path) -> None:
    program = local_cdk()
    assert program is not None, "no cdk CLI in node_modules: make sets it up"
    assembly = synthesized(tmp_path)
    with rehearsal(assembly, account=ACCOUNT, deployed=False) as dev:
        cdk = Cdk(dev.embedded, program)
        cdk.bootstrap()
        cdk.deploy(str(assembly), ["--all"], folder=tmp_path)
        used(dev)
        cdk.destroy(str(assembly), ["--all"], folder=tmp_path)
        gone(dev)


def test_an_assembly_of_another_account_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    assembly = synthesized(tmp_path)
    with pytest.raises(SpecError, match="assembly-empty"), rehearsal(assembly, account=replace(ACCOUNT, id="2" * 12)):
        pass
