"""Orders to come, learned from the orders of one day: the whole pipeline, and nothing of any account."""

from datetime import timedelta
from pathlib import Path

from constructs_ml import (
    S3,
    Compute,
    Container,
    Execution,
    FargateTask,
    Function,
    GlueJob,
    Image,
    Input,
    LambdaTask,
    ModelSpec,
    Permission,
    PyTorch,
    Retry,
    Spot,
    Train,
)

NAME, ROOT, HOUR = "known-case", Path(__file__).parent, timedelta(hours=1)
MINE = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:%s/" + NAME
again = Retry(attempts=2, interval=timedelta(seconds=15), backoff=4)

# Names that differ between accounts: accounts.yaml gives them.
job, cluster = Input("job"), Input("cluster")
extracted, transformed = (S3(f"{place}/") / Execution("name") for place in ("extracted", "transformed"))

prepare = LambdaTask(
    name="prepare",
    function=Function(code="functions/prepare", reads=(S3("raw/"),)),
    payload={"data": S3("raw/")},
    retry=again,
)
day = prepare.result("day")
extract = GlueJob(
    name="extract",
    job=job,
    arguments={"from": S3("raw/") / day, "to": extracted},
    retry=again,
    timeout=2 * HOUR,
)
transform = FargateTask(
    name="transform",
    task=Container(
        image=Image("known-case-transform:1.0"),
        cpu=2048,
        memory_mb=8192,
        reads=(S3("extracted/"),),
        writes=(S3("transformed/"),),
    ),
    cluster=cluster,
    environment={"FROM": extracted, "TO": transformed, "DAY": day, "LOG_LEVEL": "info"},
    retry=again,
    timeout=2 * HOUR,
)
train = Train(
    name="train",
    image=PyTorch("2.3"),
    code="steps/train.py",
    channels={"train": transformed},
    hyperparameters={"epochs": 20},
    compute=Compute(instance_type="ml.g4dn.xlarge"),
    spot=Spot(max_wait=8 * HOUR),
    retry=again,
    timeout=4 * HOUR,
)
own = "the function names models and their configurations after the job that trained them"
deploy = LambdaTask(
    name="deploy",
    function=Function(
        code="functions/deploy",
        environment={"ENDPOINT": NAME, "ROLE": f"{NAME}-serving", "INSTANCE_TYPE": "ml.g4dn.xlarge"},
        permissions=(
            Permission(
                actions=("sagemaker:DescribeTrainingJob",), resources=(f"{MINE % 'training-job'}-*",), because=own
            ),
            Permission(
                actions=("sagemaker:CreateModel", "sagemaker:CreateEndpointConfig"),
                resources=(f"{MINE % 'model'}-*", f"{MINE % 'endpoint-config'}-*"),
                because=own,
            ),
            Permission(
                actions=("sagemaker:CreateEndpoint", "sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpoint"),
                resources=(MINE % "endpoint", f"{MINE % 'endpoint-config'}-*"),
                because=own,
            ),
            Permission(
                actions=("iam:PassRole",),
                resources=(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{NAME}-serving",),
            ),
        ),
    ),
    payload={"job": train.job_name, "model": train.model},
    retry=again,
)

known_case = ModelSpec(
    name=NAME, owner="growth", root=ROOT, inputs=(job, cluster), steps=(prepare, extract, transform, train, deploy)
)
