"""The serving half of a model as idiomatic CDK code in Python: L2s where there are some, L1s where there are none."""

from __future__ import annotations

from aws_cdk import Duration, Fn, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

_ANALYZER = "048819808253.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-model-monitor-analyzer"


def build(stack: Stack, name: str, data: s3.IBucket, artifacts: s3.IBucket, topic: sns.ITopic) -> None:
    """Model, configuration, endpoint, scaling, alarms, two monitors, dashboard."""
    endpoint_name = f"dev-{name}"
    role = _role(stack, "ServingRole")
    artifacts.grant_read_write(role, f"{name}/*")
    alarms = _alarms(stack, endpoint_name, topic)
    endpoint = _endpoint(stack, name, endpoint_name, role, artifacts, alarms)
    target = scaling.ScalableTarget(
        stack,
        "Scaling",
        service_namespace=scaling.ServiceNamespace.SAGEMAKER,
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=f"endpoint/{endpoint.attr_endpoint_name}/variant/main",
        min_capacity=2,
        max_capacity=4,
    )
    target.scale_to_track_metric(
        "Invocations",
        target_value=500,
        predefined_metric=scaling.PredefinedMetric.SAGEMAKER_VARIANT_INVOCATIONS_PER_INSTANCE,
    )
    monitoring = _role(stack, "MonitoringRole")
    artifacts.grant_read_write(monitoring, f"{name}/*")
    data.grant_read(monitoring, "labels/*")
    watching = _monitors(stack, endpoint_name, endpoint, monitoring, artifacts, topic)
    dashboard = cloudwatch.Dashboard(stack, "Dashboard", dashboard_name=endpoint_name)
    dashboard.add_widgets(
        cloudwatch.GraphWidget(title="Requests", left=[_metric(endpoint_name, "Invocations", "Sum")]),
        cloudwatch.GraphWidget(title="Errors", left=[_metric(endpoint_name, "Invocation5XXErrors", "Sum")]),
        cloudwatch.GraphWidget(title="Latency", left=[_metric(endpoint_name, "ModelLatency", "p99")]),
        *(cloudwatch.AlarmWidget(title=alarm.node.id, alarm=alarm) for alarm in watching),
    )


def _role(stack: Stack, id: str) -> iam.Role:
    role = iam.Role(stack, id, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    for allowed in ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "cloudwatch:PutMetricData", "logs:PutLogEvents"):
        role.add_to_policy(iam.PolicyStatement(actions=[allowed], resources=["*"]))
    return role


def _metric(endpoint: str, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name=name,
        statistic=statistic,
        period=Duration.minutes(1),
        dimensions_map={"EndpointName": endpoint, "VariantName": "main"},
    )


def _alarms(stack: Stack, endpoint: str, topic: sns.ITopic) -> list[cloudwatch.Alarm]:
    found = []
    for id, name, statistic, threshold in (
        ("Errors", "Invocation5XXErrors", "Average", 0.01),
        ("Latency", "ModelLatency", "p99", 1_000_000),
    ):
        alarm = cloudwatch.Alarm(
            stack,
            id,
            metric=_metric(endpoint, name, statistic),
            threshold=threshold,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        found.append(alarm)
    return found


def _endpoint(
    stack: Stack, name: str, endpoint: str, role: iam.Role, artifacts: s3.IBucket, alarms: list[cloudwatch.Alarm]
) -> sagemaker.CfnEndpoint:
    package = f"arn:aws:sagemaker:eu-central-1:111111111111:model-package/dev-{name}/1"
    container = sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=package)
    model = sagemaker.CfnModel(stack, "Model", execution_role_arn=role.role_arn, primary_container=container)
    model.node.add_dependency(role)
    of = sagemaker.CfnEndpointConfig
    config = sagemaker.CfnEndpointConfig(
        stack,
        "Config",
        production_variants=[
            of.ProductionVariantProperty(
                variant_name="main",
                model_name=model.attr_model_name,
                initial_variant_weight=1,
                initial_instance_count=2,
                instance_type="ml.m5.large",
            )
        ],
        data_capture_config=of.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=100,
            destination_s3_uri=artifacts.s3_url_for_object(f"{name}/capture"),
            capture_options=[of.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")],
        ),
    )
    to = sagemaker.CfnEndpoint
    routing = to.TrafficRoutingConfigProperty(
        type="CANARY",
        canary_size=to.CapacitySizeProperty(type="CAPACITY_PERCENT", value=50),
        wait_interval_in_seconds=600,
    )
    return sagemaker.CfnEndpoint(
        stack,
        "Endpoint",
        endpoint_name=endpoint,
        endpoint_config_name=config.attr_endpoint_config_name,
        retain_all_variant_properties=True,
        deployment_config=to.DeploymentConfigProperty(
            blue_green_update_policy=to.BlueGreenUpdatePolicyProperty(traffic_routing_configuration=routing),
            auto_rollback_configuration=to.AutoRollbackConfigProperty(
                alarms=[to.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
            ),
        ),
    )


def _monitors(
    stack: Stack,
    name: str,
    endpoint: sagemaker.CfnEndpoint,
    role: iam.Role,
    artifacts: s3.IBucket,
    topic: sns.ITopic,
) -> list[cloudwatch.Alarm]:
    found = []
    data, quality = _definitions(stack, endpoint, role, artifacts)
    for kind, arn in (("DataQuality", data), ("ModelQuality", quality)):
        schedule = sagemaker.CfnMonitoringSchedule(
            stack,
            f"{kind}Schedule",
            monitoring_schedule_name=f"{name}-{kind}",
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_job_definition_name=Fn.select(1, Fn.split("/", arn)),
                monitoring_type=kind,
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression="cron(0 * ? * * *)"
                ),
            ),
        )
        schedule.node.add_dependency(endpoint)
        metric = cloudwatch.Metric(
            namespace="aws/sagemaker/Endpoints/data-metrics",
            metric_name="feature_baseline_drift_total_amount",
            dimensions_map={"Endpoint": name, "MonitoringSchedule": f"{name}-{kind}"},
        )
        alarm = metric.create_alarm(stack, f"{kind}Alarm", threshold=0.2, evaluation_periods=1)
        alarm.add_alarm_action(actions.SnsAction(topic))
        found.append(alarm)
    return found


def _definitions(
    stack: Stack, endpoint: sagemaker.CfnEndpoint, role: iam.Role, artifacts: s3.IBucket
) -> tuple[str, str]:
    one = sagemaker.CfnDataQualityJobDefinition
    data = one(
        stack,
        "DataQuality",
        role_arn=role.role_arn,
        data_quality_app_specification=one.DataQualityAppSpecificationProperty(image_uri=_ANALYZER),
        data_quality_job_input=one.DataQualityJobInputProperty(
            endpoint_input=one.EndpointInputProperty(
                endpoint_name=endpoint.attr_endpoint_name, local_path="/opt/ml/processing/input/endpoint"
            )
        ),
        data_quality_job_output_config=one.MonitoringOutputConfigProperty(
            monitoring_outputs=[
                one.MonitoringOutputProperty(
                    s3_output=one.S3OutputProperty(
                        local_path="/opt/ml/processing/output", s3_uri=artifacts.s3_url_for_object("monitoring/data")
                    )
                )
            ]
        ),
        job_resources=one.MonitoringResourcesProperty(
            cluster_config=one.ClusterConfigProperty(
                instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=30
            )
        ),
    )
    other = sagemaker.CfnModelQualityJobDefinition
    quality = other(
        stack,
        "ModelQuality",
        role_arn=role.role_arn,
        model_quality_app_specification=other.ModelQualityAppSpecificationProperty(
            image_uri=_ANALYZER, problem_type="BinaryClassification"
        ),
        model_quality_job_input=other.ModelQualityJobInputProperty(
            endpoint_input=other.EndpointInputProperty(
                endpoint_name=endpoint.attr_endpoint_name,
                local_path="/opt/ml/processing/input/endpoint",
                probability_attribute="churn",
            ),
            ground_truth_s3_input=other.MonitoringGroundTruthS3InputProperty(
                s3_uri=artifacts.s3_url_for_object("labels")
            ),
        ),
        model_quality_job_output_config=other.MonitoringOutputConfigProperty(
            monitoring_outputs=[
                other.MonitoringOutputProperty(
                    s3_output=other.S3OutputProperty(
                        local_path="/opt/ml/processing/output", s3_uri=artifacts.s3_url_for_object("monitoring/quality")
                    )
                )
            ]
        ),
        job_resources=other.MonitoringResourcesProperty(
            cluster_config=other.ClusterConfigProperty(
                instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=30
            )
        ),
    )
    return data.attr_job_definition_arn, quality.attr_job_definition_arn
