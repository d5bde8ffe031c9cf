"""An AutoML step: a job that no integration waits for, its best candidate, and what its role does for itself."""

from __future__ import annotations

from datetime import timedelta

from constructs_ml.compiler import jobs, permissions, polling
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.metrics import keep_metrics
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, sub
from constructs_ml.contract import names
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.steps import AutoML, ImageClassification, Tabular, TextClassification, TimeSeriesForecasting
from constructs_ml.spec.values import JobName, Location, ModelArtifact, Output, Result

_JOBS = "a job's name ends in a part of a UUID, so that every run has its own"
# A name has 32 characters at most: the last group of a UUID, twelve random digits.
_UNIQUE = "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 4)"
_AROUND = timedelta(hours=1)
_BEST = "$.BestCandidate"
_NAMED = "AutoML names what it makes to explain its candidates"
_PULLED = "AutoML runs images of its own, from registries that AWS does not list"


def add(machine: Machine, step: AutoML, after: str) -> None:
    """Start the job, look at it until it has ended, and keep what later steps use of its best candidate."""
    context = machine.context
    compared = "objective" in context.metrics_of(step.name)
    kept = _kept(context, step)
    found: dict[str, Json] = {"found": {"objective.$": f"{_BEST}.FinalAutoMLJobObjectiveMetric.Value"}}
    poll = polling.Poll(
        start="aws-sdk:sagemaker:createAutoMLJobV2",
        look="aws-sdk:sagemaker:describeAutoMLJobV2",
        stop="aws-sdk:sagemaker:stopAutoMLJob",
        name="AutoMLJobName",
        status="$.AutoMLJobStatus",
        done=("Completed",),
        failed=("Failed", "Stopped"),
        exists="SageMaker.ResourceInUseException",
        deadline=step.timeout + _AROUND,
        kept=kept | (found if compared else {}),
        retry=step.retry,
        unique=_UNIQUE,
    )
    prefix = names.short_job_prefix(context.spec.model, step.name)
    following = f"Check {step.name} metrics" if compared else after
    polling.add(machine, step.name, poll, (prefix,), request(context, step), following)
    if compared:
        place = result_path(step.name, "found.objective")
        numbers = {"objective.$": place}
        keep_metrics(machine, step.name, {"objective": place}, numbers, kept, after, "the best candidate's objective")
    calls = ("CreateAutoMLJobV2", "DescribeAutoMLJobV2", "StopAutoMLJob", "AddTags")
    made = arn("sagemaker", f"automl-job/{prefix}-*")
    context.allow(Statement(tuple(f"sagemaker:{call}" for call in calls), (made,), because=_JOBS))


def _kept(context: Context, step: AutoML) -> dict[str, Json]:
    """What of the best candidate the run keeps: only what later steps use."""
    parts: dict[object, tuple[str, str]] = {
        ModelArtifact(step.name): (
            "model.$",
            f"States.ArrayGetItem({_BEST}.InferenceContainers[*].ModelDataUrl, 0)",
        ),
        Result(step.name, "candidate"): ("candidate.$", f"{_BEST}.CandidateName"),
        Result(step.name, "containers"): ("containers.$", f"{_BEST}.InferenceContainers"),
    }
    kept: dict[str, Json] = {key: path for item, (key, path) in parts.items() if item in context.used}
    by_metric = Metric(step.name, "objective") in context.used
    if JobName(step.name) in context.used and (kept or by_metric):
        kept["job.$"] = "$.AutoMLJobName"
    return kept


def request(context: Context, step: AutoML) -> dict[str, Json]:
    """The parameters of the job but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAutoMLJobV2.html."""
    channels = [_channel(context, step, "training", step.data)]
    if step.validation is not None:
        channels.append(_channel(context, step, "validation", step.validation))
    output: dict[str, Json] = {}
    context.expressions.put(output, "S3OutputPath", context.expressions.output_uri(step.name, "candidates"))
    key = jobs.key(context)
    opened: dict[str, Json] = {"KmsKeyId": literal((key,))} if key else {}
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "automl"),)),
        "AutoMLJobInputDataConfig": channels,
        "OutputDataConfig": output | opened,
        "SecurityConfig": _security(context, step),
        "Tags": jobs.job_tags(context, step.name),
    }
    if step.problem is not None:
        parameters["AutoMLProblemTypeConfig"] = _problem(step)
    if step.objective:
        parameters["AutoMLJobObjective"] = {"MetricName": step.objective}
    if step.validation_fraction is not None:
        parameters["DataSplitConfig"] = {"ValidationFraction": step.validation_fraction}
    written = Output(step.name, "candidates")
    sources: tuple[Location, ...] = (step.data, written) + ((step.validation,) if step.validation else ())
    context.jobs.append(
        Job(
            kind="automl",
            step=step.name,
            sources=sources,
            network=step.network,
            passes_role=True,
            more=tuple(_own_calls()),
        )
    )
    return jobs.with_raw(context, step.name, "aws-sdk:sagemaker:createAutoMLJobV2", parameters, step.raw)


def pull_of_candidates() -> list[Statement]:
    """Pull the images of AutoML's containers."""
    layers = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    everywhere = sub("arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*")
    _, token = permissions.pull([everywhere])
    return [Statement(layers, (everywhere,), because=_PULLED), token]


def _own_calls() -> list[Statement]:
    """What AutoML calls under the role that it is given, beside what each of its jobs does.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-autopilot-perms lists these as
    the least that the role needs; it names no resources.
    """
    verbs = {
        "model": ("CreateModel", "DescribeModel", "DeleteModel"),
        "endpoint-config": ("CreateEndpointConfig", "DescribeEndpointConfig", "DeleteEndpointConfig"),
        "endpoint": ("CreateEndpoint", "DescribeEndpoint", "DeleteEndpoint", "InvokeEndpoint"),
    }
    statements = [
        Statement(tuple(f"sagemaker:{call}" for call in calls), (arn("sagemaker", f"{kind}/*"),), because=_NAMED)
        for kind, calls in verbs.items()
    ]
    tagged = tuple(arn("sagemaker", f"{kind}/*") for kind in verbs)
    config = arn("sagemaker", "endpoint-config/*")
    groups = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TransformJobs")
    return [
        *statements,
        # Making an endpoint is judged on its configuration too.
        Statement(("sagemaker:CreateEndpoint",), (config,), because=_NAMED),
        Statement(("sagemaker:ListTags",), tagged, because=_NAMED),
        *(item for group in groups for item in permissions.logs(group)),
        permissions.publish(*groups),
        *pull_of_candidates(),
    ]


def _channel(context: Context, step: AutoML, kind: str, source: Location) -> Json:
    place: dict[str, Json] = {"S3DataType": step.data_type}
    context.expressions.put(place, "S3Uri", context.expressions.text(source))
    channel: dict[str, Json] = {"ChannelType": kind, "DataSource": {"S3DataSource": place}}
    return channel | ({"ContentType": step.content_type} if step.content_type else {})


def _security(context: Context, step: AutoML) -> dict[str, Json]:
    key, vpc = jobs.key(context), jobs.vpc(context, step)
    security: dict[str, Json] = {"EnableInterContainerTrafficEncryption": step.network.encrypt_between_containers}
    security |= {"VolumeKmsKeyId": literal((key,))} if key else {}
    return security | ({"VpcConfig": vpc} if vpc else {})


def _problem(step: AutoML) -> dict[str, Json]:
    """The problem as the API's union has it, with what ends the search."""
    criteria: dict[str, Json] = {"MaxAutoMLJobRuntimeInSeconds": int(step.timeout.total_seconds())}
    if step.candidate_timeout is not None:
        criteria["MaxRuntimePerTrainingJobInSeconds"] = int(step.candidate_timeout.total_seconds())
    ends: dict[str, Json] = {"CompletionCriteria": criteria}
    match step.problem:
        case Tabular() as tabular:
            if tabular.candidates is not None:
                criteria["MaxCandidates"] = tabular.candidates
            return {"TabularJobConfig": ends | _tabular(tabular)}
        case TextClassification(content=content, target=target):
            columns = {"ContentColumn": literal((content,)), "TargetLabelColumn": literal((target,))}
            return {"TextClassificationJobConfig": ends | columns}
        case TimeSeriesForecasting() as series:
            return {"TimeSeriesForecastingJobConfig": ends | _series(series)}
        case ImageClassification():
            return {"ImageClassificationJobConfig": ends}
    raise AssertionError(f"{step.problem!r} is no problem")


def _tabular(problem: Tabular) -> dict[str, Json]:
    parts = {"ProblemType": problem.kind, "Mode": problem.mode, "SampleWeightAttributeName": problem.weight}
    rendered: dict[str, Json] = {"TargetAttributeName": literal((problem.target,))}
    rendered |= {key: value for key, value in parts.items() if value is not None}
    if problem.algorithms:
        algorithms = [{"AutoMLAlgorithms": list(problem.algorithms)}]
        rendered["CandidateGenerationConfig"] = {"AlgorithmsConfig": algorithms}
    return rendered


def _series(problem: TimeSeriesForecasting) -> dict[str, Json]:
    columns: dict[str, Json] = {
        "TargetAttributeName": literal((problem.target,)),
        "TimestampAttributeName": literal((problem.timestamp,)),
        "ItemIdentifierAttributeName": literal((problem.item,)),
    }
    if problem.groups:
        columns["GroupingAttributeNames"] = [literal((name,)) for name in problem.groups]
    rendered: dict[str, Json] = {
        "ForecastFrequency": problem.frequency,
        "ForecastHorizon": problem.horizon,
        "TimeSeriesConfig": columns,
    }
    if problem.quantiles:
        rendered["ForecastQuantiles"] = list(problem.quantiles)
    if problem.holidays:
        rendered["HolidayConfig"] = [{"CountryCode": problem.holidays}]
    return rendered
