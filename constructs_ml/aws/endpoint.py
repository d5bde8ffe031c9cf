"""Endpoint: a model's pinned versions behind one stable name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_ml.aws.accounts import account_at
from constructs_ml.aws.brought import BroughtIn
from constructs_ml.aws.networks import chosen_network
from constructs_ml.aws.places import place_of
from constructs_ml.aws.slots import Slots
from constructs_ml.compiler.endpoint import ROLE, compile_endpoint
from constructs_ml.compiler.infrastructure import of_platform
from constructs_ml.contract import metrics, names
from constructs_ml.spec.account import Account
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Code
from constructs_ml.spec.monitors import Monitor


class EndpointHandle:
    """An endpoint by its name: for grants and metrics."""

    def __init__(self, endpoint_name: str) -> None:
        self.endpoint_name = endpoint_name

    @property
    def endpoint_arn(self) -> str:
        return f"arn:{Aws.PARTITION}:sagemaker:{Aws.REGION}:{Aws.ACCOUNT_ID}:endpoint/{self.endpoint_name}"

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a principal send requests, streamed answers included."""
        actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        return iam.Grant.add_to_principal(grantee=grantee, actions=actions, resource_arns=[self.endpoint_arn])

    def metric_invocations(self, *, variant: str = "main", **options: Any) -> cloudwatch.Metric:
        """Requests of a variant. Options are those of `aws_cloudwatch.Metric`; the default is a sum over 1 minute."""
        return self._metric(metrics.INVOCATIONS, variant, {"statistic": "Sum", **options})

    def metric_server_errors(self, *, variant: str = "main", **options: Any) -> cloudwatch.Metric:
        """The share of a variant's requests that ended in 5XX, 0 to 1."""
        return self._metric(metrics.SERVER_ERRORS, variant, options)

    def metric_client_errors(self, *, variant: str = "main", **options: Any) -> cloudwatch.Metric:
        """The share of a variant's requests that ended in 4XX, 0 to 1."""
        return self._metric(metrics.CLIENT_ERRORS, variant, options)

    def metric_model_latency(self, *, variant: str = "main", **options: Any) -> cloudwatch.Metric:
        """How long a variant's model took to answer, in microseconds; p99 unless said."""
        return self._metric(metrics.MODEL_LATENCY, variant, {"statistic": "p99", **options})

    def _metric(self, name: str, variant: str, options: Mapping[str, Any]) -> cloudwatch.Metric:
        dimensions = metrics.variant_dimensions(self.endpoint_name, variant)
        defaults = {"statistic": "Average", "period": Duration.minutes(1), "dimensions_map": dimensions}
        return cloudwatch.Metric(namespace=metrics.ENDPOINT_NAMESPACE, metric_name=name, **{**defaults, **options})


class Endpoint(Construct, EndpointHandle, BroughtIn):
    """A pinned endpoint, its alarms, its scaling and its monitors. What is not given is the platform's.

    Until its account pins a version it has no resources, and says so in a warning. `images` are those that versions
    of the model were registered with, so that its role may pull them and no other, and `fetched` the inference code
    of versions that SageMaker Pipelines registers (`ModelSpec.fetched_code`); `role` runs the containers instead of
    one made here, and `required_policy` says what it needs. Code paths are relative to `root`.

    Example: `Endpoint(self, "Endpoint", churn.endpoint, model="churn", owner="growth", images=churn.images)`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        spec: EndpointSpec,
        *,
        model: str,
        owner: str,
        account: Account | None = None,
        monitors: Sequence[Monitor] = (),
        images: tuple[ContainerImage, ...] = (),
        fetched: tuple[Code, ...] = (),
        root: Path = Path(),
        user_tags: Mapping[str, str] | None = None,
        data_bucket: s3.IBucket | None = None,
        artifact_bucket: s3.IBucket | None = None,
        key: kms.IKey | None = None,
        topic: sns.ITopic | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        security_groups: tuple[ec2.ISecurityGroup, ...] = (),
        role: iam.IRole | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.spec = spec
        place = place_of(self)
        self.account = account_at(place, account)
        self.endpoint_name = names.endpoint(self.account.stage, model)
        slots = Slots(of_platform(self.account))
        slots.buckets(data_bucket, artifact_bucket, key)
        slots.topic(topic)
        if vpc is not None:
            slots.network(*chosen_network(self, vpc, subnets, security_groups))
        given = slots.role_arn(role) if role is not None else None
        self._bring_in(
            place,
            lambda: compile_endpoint(
                spec,
                self.account,
                model=model,
                owner=owner,
                prefix=place.prefix,
                infrastructure=slots.infrastructure,
                monitors=monitors,
                images=images,
                fetched=fetched,
                root=root,
                user_tags=user_tags,
                role=given,
            ),
            slots.values,
            role,
        )

    @cached_property
    def role(self) -> iam.IRole:
        """The role of the containers: the one given, or the one made here."""
        return self._given_role or iam.Role.from_role_name(self, "ContainerRole", self.crossing.ref(ROLE))

    @staticmethod
    def from_endpoint_name(endpoint_name: str) -> EndpointHandle:
        """An endpoint that exists in the account already."""
        return EndpointHandle(endpoint_name)
