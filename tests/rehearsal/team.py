"""A team's own app: two stacks of AWS's constructs that refer to each other, and a pipeline among them."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from constructs_ml import S3, Account, Compute, PipelineSpec, Sklearn, Train
from constructs_ml.aws.pipeline import Pipeline

ACCOUNT = Account(stage="dev", id="111111111111", region="eu-central-1")
DOUBLE = "def handle(event, context):\n    return {'doubled': 2 * event['number']}\n"
WRITE = (
    "import os\nimport boto3\ndef handle(event, context):\n"
    "    boto3.client('s3').put_object(Bucket=os.environ['BUCKET'], Key='in/a.csv', Body=str(event['doubled']))\n"
    "    return event\n"
)
TRAIN = "import os, pathlib\n(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'model.txt').write_text('learned')\n"


class Shared(Stack):
    """A key, a bucket that tells a queue what arrives, and a network."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=Environment(account=ACCOUNT.id, region=ACCOUNT.region))
        self.key = kms.Key(self, "Key", removal_policy=RemovalPolicy.DESTROY, enable_key_rotation=True)
        self.bucket = s3.Bucket(
            self,
            "Data",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            removal_policy=RemovalPolicy.DESTROY,
            auto_delete_objects=True,
            enforce_ssl=True,
        )
        queue = sqs.Queue(self, "Queue", queue_name="arrived", visibility_timeout=Duration.seconds(60))
        arrived, told = s3.EventType.OBJECT_CREATED, notifications.SqsDestination(queue)
        self.bucket.add_event_notification(arrived, told, s3.NotificationKeyFilter(prefix="in/"))
        zones = [f"{ACCOUNT.region}{letter}" for letter in "ab"]
        self.vpc = ec2.Vpc(self, "Vpc", availability_zones=zones, nat_gateways=1)


class Team(Stack):
    """A function inline and one of a folder, a state machine of both, and a pipeline with all that is shared."""

    def __init__(self, scope: Construct, id: str, shared: Shared, folder: Path) -> None:
        super().__init__(scope, id, env=Environment(account=ACCOUNT.id, region=ACCOUNT.region))
        code = folder / "write"
        code.mkdir()
        (code / "index.py").write_text(WRITE)
        (folder / "train.py").write_text(TRAIN)
        python = functions.Runtime.PYTHON_3_12
        double = functions.Function(
            self, "Double", runtime=python, handler="index.handle", code=functions.Code.from_inline(DOUBLE)
        )
        write = functions.Function(
            self,
            "Write",
            runtime=python,
            handler="index.handle",
            code=functions.Code.from_asset(str(code)),
            environment={"BUCKET": shared.bucket.bucket_name},
        )
        shared.bucket.grant_read_write(write)
        first = tasks.LambdaInvoke(self, "Doubled", lambda_function=double, payload_response_only=True)
        both = first.next(tasks.LambdaInvoke(self, "Written", lambda_function=write, payload_response_only=True))
        body = sfn.DefinitionBody.from_chainable(both)
        sfn.StateMachine(self, "Machine", state_machine_name="team", definition_body=body)
        train = Train(
            name="train",
            image=Sklearn("1.4-2"),
            code="train.py",
            channels={"train": S3("in/")},
            compute=Compute(instance_type="ml.m5.large"),
        )
        Pipeline(
            self,
            "Training",
            PipelineSpec(name="training", model="churn", owner="growth", root=folder, steps=(train,)),
            account=Account(stage="dev"),
            data_bucket=shared.bucket,
            artifact_bucket=shared.bucket,
            key=shared.key,
            vpc=shared.vpc,
            topic=sns.Topic(self, "Notices"),
        )


def synthesized(folder: Path) -> Path:
    """The assembly of the app."""
    app = App(outdir=str(folder / "assembly"))
    Team(app, "Team", Shared(app, "Shared"), folder)
    app.synth()
    return folder / "assembly"
