"""The whole pipeline on this machine: `python -m apps.known_case.rehearse`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from apps.known_case.model import NAME, known_case
from constructs_ml import Accounts
from constructs_ml.rehearsal import Rehearsed, Run, StandIn, rehearsal

ROOT = Path(__file__).parent
DAYS = (date(2026, 11, 19), date(2026, 11, 20))
# What cannot run on a laptop: a Spark cluster, a container, a GPU.
STAND_INS = (
    StandIn("glue:orders-extract-*", ROOT / "stand_ins" / "extract.py"),
    StandIn("ecs:*transform*", ROOT / "containers" / "transform" / "transform.py"),
    StandIn("*/pytorch-training:*", ROOT / "stand_ins" / "train.py"),
    StandIn("*/pytorch-inference:*", ROOT / "stand_ins" / "serve.py"),
)


@contextmanager
def rehearsed() -> Iterator[Rehearsed]:
    """The stage dev, deployed, beside what its account has already."""
    account = Accounts.load(ROOT / "accounts.yaml")["dev"]
    with rehearsal(known_case, account=account, stand_ins=STAND_INS) as dev:
        exists(dev, str(account.model(NAME).inputs["job"]), str(account.model(NAME).inputs["cluster"]))
        yield dev


def exists(dev: Rehearsed, job: str, cluster: str) -> None:
    """What the README says must exist in an account."""
    bucket = dev.put("jobs/extract.py", ROOT / "jobs" / "extract.py").split("/")[2]
    objects = ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"]
    glue = role(dev, job, "glue.amazonaws.com", [*objects, "logs:*"])
    script = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/jobs/extract.py"}
    dev.client("glue").create_job(Name=job, Role=glue, Command=script)
    dev.client("ecs").create_cluster(clusterName=cluster)
    serving = [*objects[:2], "kms:Decrypt", "ecr:*", "logs:*", "cloudwatch:PutMetricData"]
    role(dev, f"{NAME}-serving", "sagemaker.amazonaws.com", serving)


def role(dev: Rehearsed, name: str, service: str, actions: list[str]) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    rights = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam = dev.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(rights))
    return str(made)


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def orders(day: date, number: int = 400) -> str:
    """Orders of one day: the dearer, the likelier they come back."""
    chance = np.random.default_rng(7)
    lines = ["day,quantity,amount,returned,email,address"]
    for _ in range(number):
        amount = chance.uniform(5, 200)
        returned = int(chance.random() < amount / 250)
        lines.append(f"{day},{chance.integers(1, 6)},{amount:.2f},{returned},someone@example.com,1 Some Street")
    return "\n".join(lines) + "\n"


def play(dev: Rehearsed) -> tuple[Run, str]:
    """Two days of orders arrive and the pipeline is started; its run, and what the endpoint says of two orders."""
    for day in DAYS:
        dev.put(f"raw/{day}/orders.csv", orders(day))
    dev.start(NAME)
    run = dev.wait_for(NAME)
    if run.status != "SUCCEEDED":
        return run, ""
    waiter = dev.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=NAME, WaiterConfig={"Delay": 1})
    ask = dev.client("sagemaker-runtime").invoke_endpoint
    answer = ask(EndpointName=NAME, ContentType="text/csv", Body="2,190.0,4\n2,6.0,4\n")
    return run, answer["Body"].read().decode()


def main() -> None:
    with rehearsed() as dev:
        print(*play(dev), sep="\n")


if __name__ == "__main__":
    main()
