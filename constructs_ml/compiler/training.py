"""What the requests of training jobs and the definitions of tuning jobs have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_ml.compiler import jobs, mlflow, permissions
from constructs_ml.compiler.channels import channels
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import Text, literal
from constructs_ml.compiler.infrastructure import arn
from constructs_ml.compiler.job_roles import places_of
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Json, dumps
from constructs_ml.contract import container
from constructs_ml.facts import instances
from constructs_ml.spec import distributed
from constructs_ml.spec.distributed import SMDistributedDataParallel, Torchrun
from constructs_ml.spec.images import Algorithm, Image
from constructs_ml.spec.jobs import FileSystem
from constructs_ml.spec.steps import Train

_FILE_SYSTEM = {
    "EFS": ("elasticfilesystem", ("DescribeFileSystems", "DescribeMountTargets")),
    "FSxLustre": ("fsx", ("DescribeFileSystems",)),
}


def common(context: Context, step: Train, own: Mapping[str, Json], hyperparameters: str) -> dict[str, Json]:
    """The members that both requests have; what the job touches is told to its role.

    `own` are those of one request alone; `hyperparameters` is the member in which they travel.
    """
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "training"),)),
        "AlgorithmSpecification": _algorithm(context, step),
        "ResourceConfig": _resources(context, step),
        "OutputDataConfig": _output(context, step),
        "StoppingCondition": _stopping(step),
        "EnableNetworkIsolation": step.network.isolation,
        "EnableInterContainerTrafficEncryption": step.network.encrypt_between_containers,
        **own,
        **_optional(context, step, hyperparameters),
    }
    _check(context, step)
    context.jobs.append(_job(context, step))
    return parameters


def own_start(context: Context, step: Train) -> bool:
    """Whether we start the script ourselves: a team's own image has no SageMaker training toolkit."""
    return step.name in context.code and isinstance(step.image, Image)


def _hyperparameters(context: Context, step: Train) -> dict[str, Json]:
    """The step's own, and those by which the training toolkit in AWS's images finds and starts the script."""
    rendered = context.expressions.put_all(step.hyperparameters)
    if step.name not in context.code or isinstance(step.image, Image):
        return rendered
    folder = container.channel(container.CODE)
    rendered |= {
        "sagemaker_program": context.code[step.name].entry,
        "sagemaker_submit_directory": literal((f"{folder}/", jobs.code_file(context, step.name))),
        "sagemaker_region": "${AWS::Region}",
    }
    return rendered | context.expressions.put_all(_distribution(context, step))


def _distribution(context: Context, step: Train) -> dict[str, str]:
    found = distributed.hyperparameters(step.distributed)
    if isinstance(step.distributed, (Torchrun, SMDistributedDataParallel)):
        found["sagemaker_instance_type"] = jobs.first_type(context, "training", step) or "unknown"
    if found and step.compute.groups:
        found["sagemaker_distribution_instance_groups"] = dumps(list(step.compute.group_names))
    return found


def _check(context: Context, step: Train) -> None:
    """What only the account decides: the type that a library needs, and whether a file system can be reached."""
    where = context.where(step.name)
    chosen = jobs.first_type(context, "training", step)
    if isinstance(step.distributed, SMDistributedDataParallel) and chosen and chosen not in instances.DATA_PARALLEL:
        context.faults.add("distributed-instance", where=where, got=chosen, allowed=instances.DATA_PARALLEL)
    mounted = any(isinstance(channel.source, FileSystem) for channel in step.sources.values())
    if mounted and context.infrastructure.subnets is None and not step.network.subnets:
        context.faults.add("file-system-vpc", where=where, got="no network", allowed="network: of the account, or vpc=")


def _job(context: Context, step: Train) -> Job:
    sources = [channel.source for channel in step.sources.values() if not isinstance(channel.source, FileSystem)]
    given = step.checkpoints if not isinstance(step.checkpoints, bool) else None
    own = step.checkpoints is True or (step.spot is not None and step.spot.checkpoints)
    more = [*_mounts(step), *mlflow.statements(context, step.mlflow)]
    if given is not None:
        sources.append(given)
        more += [permissions.write(bucket, prefix) for bucket, prefix in places_of(context, given)]
    return Job(
        kind="training",
        step=step.name,
        sources=tuple(sources),
        images=() if isinstance(step.image, Algorithm) else (step.image,),
        network=step.network,
        resumes=own and given is None,
        more=tuple(more),
    )


def _mounts(step: Train) -> Iterator[Statement]:
    """SageMaker looks at the file systems that it mounts."""
    for channel in step.sources.values():
        source = channel.source
        if isinstance(source, FileSystem):
            service, calls = _FILE_SYSTEM[source.kind]
            name = source.id if isinstance(source.id, str) else "*"
            because = "a run is given the file system" if name == "*" else ""
            actions = tuple(f"{service}:{call}" for call in calls)
            yield Statement(actions, (arn(service, f"file-system/{name}"),), because=because)


def _optional(context: Context, step: Train, hyperparameters: str) -> dict[str, Json]:
    """The parts of a request that are absent unless something was declared."""
    parts: dict[str, Json] = {}
    found = channels(context, step)
    if found:
        parts["InputDataConfig"] = found
    fixed = _hyperparameters(context, step)
    if fixed:
        parts[hyperparameters] = fixed
    logged = mlflow.environment(context, step.name, step.mlflow)
    environment = context.expressions.put_all({**_folders(context, step), **logged, **step.environment})
    if environment:
        parts["Environment"] = environment
    vpc = jobs.vpc(context, step)
    if vpc:
        parts["VpcConfig"] = vpc
    if step.job_retries:
        parts["RetryStrategy"] = {"MaximumRetryAttempts": step.job_retries}
    if step.spot:
        parts["EnableManagedSpotTraining"] = True
    place = _checkpoints(context, step)
    if place is not None:
        checkpoint: dict[str, Json] = {"LocalPath": container.CHECKPOINTS}
        context.expressions.put(checkpoint, "S3Uri", place)
        parts["CheckpointConfig"] = checkpoint
    return parts


def _checkpoints(context: Context, step: Train) -> Text | None:
    """Where checkpoints are kept: in a given place, in the run's own, or nowhere."""
    if not isinstance(step.checkpoints, bool):
        return context.expressions.text(step.checkpoints)
    if step.checkpoints or (step.spot and step.spot.checkpoints):
        return context.expressions.output_uri(step.name, "checkpoints")
    return None


def _algorithm(context: Context, step: Train) -> dict[str, Json]:
    if isinstance(step.image, Algorithm):
        algorithm: dict[str, Json] = {"AlgorithmName": step.image.name}
    else:
        algorithm = {"TrainingImage": literal((jobs.image_uri(context, "training", step, step.image),))}
    algorithm["TrainingInputMode"] = step.input_mode
    if step.metrics:
        algorithm["MetricDefinitions"] = [{"Name": item.name, "Regex": literal((item.regex,))} for item in step.metrics]
    return algorithm


def _folders(context: Context, step: Train) -> dict[str, str]:
    """The variables that the toolkit sets in AWS's images, for scripts in a team's own image."""
    if not own_start(context, step):
        return {}
    folders = {container.channel_variable(name): container.channel(name) for name in step.channels}
    return folders | {"SM_MODEL_DIR": container.MODEL, "SM_OUTPUT_DATA_DIR": container.OUTPUT_DATA}


def _resources(context: Context, step: Train) -> dict[str, Json]:
    resources = jobs.cluster(context, "training", step)
    if step.warm_pool:
        resources["KeepAlivePeriodInSeconds"] = int(step.warm_pool.total_seconds())
    if step.compute.training_plan:
        resources["TrainingPlanArn"] = step.compute.training_plan
    return resources


def _stopping(step: Train) -> dict[str, Json]:
    condition: dict[str, Json] = {"MaxRuntimeInSeconds": int(step.timeout.total_seconds())}
    if step.spot:
        condition["MaxWaitTimeInSeconds"] = int(step.spot.max_wait.total_seconds())
    return condition


def _output(context: Context, step: Train) -> dict[str, Json]:
    output: dict[str, Json] = {}
    context.expressions.put(output, "S3OutputPath", context.expressions.output_uri(step.name, "model"))
    key = jobs.key(context)
    if key:
        output["KmsKeyId"] = literal((key,))
    if not step.compress_model:
        output["CompressionType"] = "NONE"
    return output
