"""Pipeline: a model's steps as a state machine in the user's own stack."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from constructs_ml.aws.accounts import account_at, account_of
from constructs_ml.aws.pipeline_parts import JobRoles, slots_of
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.pipeline import STATE_MACHINE, STATES_ROLE, compile_pipeline
from constructs_ml.contract import names
from constructs_ml.drawing.drawing import Drawing
from constructs_ml.spec.account import Account
from constructs_ml.spec.graph import draw
from constructs_ml.spec.pipeline import PipelineSpec


class Pipeline(Construct, JobRoles):
    """A pipeline. What is not given is the platform's, found by its contract names.

    `runs_table` has the partition key `id`, a String.

    `role` runs the jobs instead of roles made here: our statements become one policy attached to it, unless
    it is `without_policy_updates()`; `required_policy` says what it needs. A fault of the account's settings
    is an error annotation on this construct, so that other stages still synthesize.

    Example: `Pipeline(self, "Training", churn.pipeline, vpc=vpc)`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        spec: PipelineSpec,
        *,
        account: Account | None = None,
        data_bucket: s3.IBucket | None = None,
        artifact_bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        topic: sns.ITopic | None = None,
        runs_table: dynamodb.ITable | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        security_groups: tuple[ec2.ISecurityGroup, ...] = (),
        role: iam.IRole | None = None,
        commit: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.spec = spec
        place = place_of(self)
        self.account = account_at(place, account)
        slots = slots_of(
            self,
            self.account,
            data_bucket=data_bucket,
            artifact_bucket=artifact_bucket,
            key=key,
            topic=topic,
            vpc=vpc,
            subnets=subnets,
            security_groups=security_groups,
            role=role,
        )
        slots.runs(runs_table)
        self._bring_in(
            place,
            lambda: compile_pipeline(
                spec, self.account, prefix=place.prefix, infrastructure=slots.infrastructure, commit=commit
            ),
            slots.values,
            role,
        )

    @classmethod
    def from_pipeline_name(
        cls, scope: Construct, id: str, *, model: str, name: str, account: Account | None = None
    ) -> sfn.IStateMachine:
        """The state machine of a pipeline that another stack of the same account holds."""
        stage = account_of(scope, account).stage
        return sfn.StateMachine.from_state_machine_name(scope, id, names.state_machine(stage, model, name))

    @property
    def drawing(self) -> Drawing:
        """The pipeline drawn, as Mermaid, SVG or HTML. Costs no message to jsii.

        Example: `pipeline.drawing.write("cdk.out/training.svg")`.
        """
        return draw(self.spec)

    @cached_property
    def state_machine(self) -> sfn.IStateMachine:
        """The state machine, for targets, alarms and grants."""
        return sfn.StateMachine.from_state_machine_arn(self, "StateMachine", self.crossing.ref(STATE_MACHINE))

    @cached_property
    def states_role(self) -> iam.IRole:
        """The role of the state machine."""
        return self._role("StatesRole", STATES_ROLE)

    def grant_start_execution(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal start runs."""
        return self.state_machine.grant_start_execution(grantee)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal follow runs: list, describe, and read their history."""
        return self.state_machine.grant_read(grantee)

    def metric_succeeded(self, **options: Any) -> cloudwatch.Metric:
        """Runs that succeeded. Options are those of `aws_cloudwatch.Metric`; the default is a sum over 5 minutes."""
        return self._metric("ExecutionsSucceeded", options)

    def metric_failed(self, **options: Any) -> cloudwatch.Metric:
        """Runs that failed."""
        return self._metric("ExecutionsFailed", options)

    def metric_duration(self, **options: Any) -> cloudwatch.Metric:
        """How long runs took, in milliseconds."""
        return self._metric("ExecutionTime", {"statistic": "Average", **options})

    def _metric(self, name: str, options: Mapping[str, Any]) -> cloudwatch.Metric:
        dimensions = {"StateMachineArn": self.crossing.ref(STATE_MACHINE)}
        defaults = {"statistic": "Sum", "dimensions_map": dimensions}
        return cloudwatch.Metric(namespace="AWS/States", metric_name=name, **{**defaults, **options})
