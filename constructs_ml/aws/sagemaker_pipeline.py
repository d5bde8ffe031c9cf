"""SageMakerPipeline: a model's steps, or an exported definition, on SageMaker Pipelines in the user's own stack."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_ml.aws.accounts import account_at, account_of
from constructs_ml.aws.pipeline_parts import JobRoles, slots_of
from constructs_ml.aws.places import place_of
from constructs_ml.compiler.exported import ROLE as EXPORTED_ROLE
from constructs_ml.compiler.exported import compile_exported_pipeline
from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.sagemaker.pipeline import PIPELINE, PIPELINE_ROLE, compile_sagemaker_pipeline
from constructs_ml.compiler.template import Compiled
from constructs_ml.contract import metrics, names
from constructs_ml.faults import refuse
from constructs_ml.spec.account import Account, RoleKind
from constructs_ml.spec.exported import ExportedPipeline
from constructs_ml.spec.pipeline import PipelineSpec


class _Started:
    """What can be done with a pipeline that is known by its name."""

    pipeline_name: str

    @cached_property
    def pipeline_arn(self) -> str:
        """The ARN, made from the name: CloudFormation gives the name alone."""
        stack = Stack.of(self)  # type: ignore[arg-type]  # only constructs mix it in
        return stack.format_arn(service="sagemaker", resource="pipeline", resource_name=self.pipeline_name)

    def grant_start_execution(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal start runs."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:StartPipelineExecution"], resource_arns=[self.pipeline_arn]
        )

    def metric_succeeded(self, **options: Any) -> cloudwatch.Metric:
        """Runs that succeeded. Options are those of `aws_cloudwatch.Metric`; the default is a sum over 5 minutes."""
        return self._metric(metrics.PIPELINE_SUCCEEDED, options)

    def metric_failed(self, **options: Any) -> cloudwatch.Metric:
        """Runs that failed."""
        return self._metric(metrics.PIPELINE_FAILED, options)

    def metric_duration(self, **options: Any) -> cloudwatch.Metric:
        """How long runs took, in milliseconds."""
        return self._metric(metrics.PIPELINE_DURATION, {"statistic": "Average", **options})

    def _metric(self, name: str, options: Mapping[str, Any]) -> cloudwatch.Metric:
        defaults = {"statistic": "Sum", "dimensions_map": metrics.pipeline_dimensions(self.pipeline_name)}
        return cloudwatch.Metric(namespace=metrics.PIPELINE_NAMESPACE, metric_name=name, **{**defaults, **options})


class NamedSageMakerPipeline(Construct, _Started):
    """A pipeline that another stack of the same account holds."""

    def __init__(self, scope: Construct, id: str, pipeline_name: str) -> None:
        super().__init__(scope, id)
        self.pipeline_name = pipeline_name


class SageMakerPipeline(Construct, JobRoles, _Started):
    """A pipeline on SageMaker Pipelines. What is not given is the platform's, found by its contract names.

    `role` runs the jobs instead of roles made here, as `Pipeline` has it; the pipeline itself keeps its own. A `topic`
    that is given must let EventBridge publish: a rule tells it of failed runs. An `ExportedPipeline` is deployed as it
    is, and takes `account` and `data_bucket` alone: roles, keys and networks of its jobs stand in the definition.
    Raises `SpecError` for steps that the service cannot express.

    Example: `SageMakerPipeline(self, "Training", churn.pipeline, vpc=vpc)`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        spec: PipelineSpec | ExportedPipeline,
        *,
        account: Account | None = None,
        data_bucket: s3.IBucket | None = None,
        artifact_bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        topic: sns.ITopic | None = None,
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
        if isinstance(spec, ExportedPipeline):
            self._refuse_given(
                artifact_bucket=artifact_bucket,
                key=key,
                topic=topic,
                vpc=vpc,
                subnets=subnets,
                security_groups=security_groups,
                role=role,
                commit=commit,
            )
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
        self._bring_in(place, lambda: self._compiled(place.prefix, slots.infrastructure, commit), slots.values, role)

    def _compiled(self, prefix: str, infrastructure: Infrastructure, commit: str | None) -> Compiled:
        if isinstance(self.spec, ExportedPipeline):
            return compile_exported_pipeline(self.spec, self.account, prefix=prefix, infrastructure=infrastructure)
        return compile_sagemaker_pipeline(
            self.spec, self.account, prefix=prefix, infrastructure=infrastructure, commit=commit
        )

    def _refuse_given(self, **given: object) -> None:
        """An export says itself how its jobs run: what would change nothing is refused."""
        for name, value in given.items():
            if value:
                allowed = "account and data_bucket"
                raise refuse("export-given", where=self.node.path, got=f"{name}=...", allowed=allowed, name=name)

    @classmethod
    def from_pipeline_name(
        cls, scope: Construct, id: str, *, model: str, name: str, account: Account | None = None
    ) -> NamedSageMakerPipeline:
        """A pipeline that another stack of the same account holds."""
        stage = account_of(scope, account).stage
        return NamedSageMakerPipeline(scope, id, names.sagemaker_pipeline(stage, model, name))

    @cached_property
    def pipeline_name(self) -> str:  # type: ignore[override]  # read when it is touched
        """The name; what uses it comes after the pipeline."""
        return str(self.crossing.ref(PIPELINE))

    @cached_property
    def role(self) -> iam.IRole:
        """The role of the pipeline itself."""
        exported = isinstance(self.spec, ExportedPipeline)
        return self._role("PipelineRole", EXPORTED_ROLE if exported else PIPELINE_ROLE)

    def _job_role(self, kind: RoleKind) -> iam.IRole:
        """An export names roles that exist: there are none of ours."""
        if isinstance(self.spec, ExportedPipeline):
            name, allowed = f"{kind}_role", "role, that of the pipeline"
            raise refuse("export-given", where=self.node.path, got=name, allowed=allowed, name=name)
        return super()._job_role(kind)
