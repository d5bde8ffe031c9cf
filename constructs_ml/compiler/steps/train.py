"""A Train step: a training job, and the check of its final metrics."""

from __future__ import annotations

from constructs_ml.compiler import jobs
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.expressions import Text, key_of, literal
from constructs_ml.compiler.jumpstart import access
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.metrics import keep_metrics
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.template import Json
from constructs_ml.contract import container
from constructs_ml.spec.images import Image
from constructs_ml.spec.steps import Train
from constructs_ml.spec.values import JobName, ModelArtifact

# $0 is the entry and $@ are the hyperparameters: the shell gets them from ContainerArguments.
_START = (
    f"mkdir -p {container.TRAINING_CODE} && cd {container.TRAINING_CODE}"
    f" && tar -xzf {container.channel(container.CODE)}/*.gz"
    " && if [ -f requirements.txt ]; then python3 -m pip install -q -r requirements.txt; fi"
    ' && exec python3 "$0" "$@"'
)


def add(machine: Machine, step: Train, after: str) -> None:
    """The job and, where a condition compares them, the check of its final metrics."""
    context = machine.context
    wanted = context.metrics_of(step.name)
    kept = _selector(context, step)
    found = {name: f"$.FinalMetricDataList[?(@.MetricName=='{name}')].Value" for name in wanted}
    selector = kept | ({"found": {f"{key_of(name)}.$": path for name, path in found.items()}} if found else {})
    parameters = request(context, step)
    machine.expressions.put(parameters, "TrainingJobName", jobs.job_name(context, step.name))
    context.allow(*jobs.job_calls(context, "TrainingJob", step.name))
    machine.task(
        step.name,
        "sagemaker:createTrainingJob.sync",
        parameters,
        f"Check {step.name} metrics" if wanted else after,
        kept=selector,
        retry=retries("sagemaker", step.retry),
        seconds=jobs.state_timeout(step.spot.max_wait if step.spot else step.timeout),
    )
    if wanted:
        # The selector leaves each metric as a list of one number, or of none.
        lists = {name: result_path(step.name, f"found.{key_of(name)}") for name in wanted}
        numbers: dict[str, Json] = {f"{key_of(name)}.$": f"States.ArrayGetItem({at}, 0)" for name, at in lists.items()}
        places = {name: f"{at}[0]" for name, at in lists.items()}
        keep_metrics(machine, step.name, places, numbers, kept, after, "the training job's final metrics")


def request(context: Context, step: Train) -> dict[str, Json]:
    """The parameters of the job but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html."""
    parameters: dict[str, Json] = {
        "RoleArn": literal((jobs.role(context, "training"),)),
        "AlgorithmSpecification": _algorithm(context, step),
        "ResourceConfig": _resources(context, step),
        "OutputDataConfig": _output(context, step),
        "StoppingCondition": {"MaxRuntimeInSeconds": int(step.timeout.total_seconds())},
        "EnableNetworkIsolation": step.network.isolation,
        "EnableInterContainerTrafficEncryption": step.network.encrypt_between_containers,
        "Tags": jobs.job_tags(context, step.name),
        **jobs.experiment(step.experiment),
        **_optional(context, step),
    }
    sources = tuple(channel.source for channel in step.sources.values())
    resumes = step.spot is not None and step.spot.checkpoints
    context.jobs.append(
        Job(
            kind="training",
            step=step.name,
            sources=sources,
            images=(step.image,),
            network=step.network,
            resumes=resumes,
        )
    )
    return jobs.with_raw(context, step.name, "sagemaker:createTrainingJob", parameters, step.raw)


def _selector(context: Context, step: Train) -> dict[str, Json]:
    """What of the finished job the run keeps: only what later steps use."""
    kept: dict[str, Json] = {}
    if ModelArtifact(step.name) in context.used:
        kept["model.$"] = "$.ModelArtifacts.S3ModelArtifacts"
    if JobName(step.name) in context.used:
        kept["job.$"] = "$.TrainingJobName"
    return kept


def _optional(context: Context, step: Train) -> dict[str, Json]:
    """The parts of a request that are absent unless something was declared."""
    parts: dict[str, Json] = {}
    channels = _channels(context, step)
    if channels:
        parts["InputDataConfig"] = channels
    hyperparameters = context.expressions.put_all(step.hyperparameters) | _script_mode(context, step)
    if hyperparameters:
        parts["HyperParameters"] = hyperparameters
    environment = context.expressions.put_all({**_folders(context, step), **step.environment})
    if environment:
        parts["Environment"] = environment
    vpc = jobs.vpc(context, step)
    if vpc:
        parts["VpcConfig"] = vpc
    if step.job_retries:
        parts["RetryStrategy"] = {"MaximumRetryAttempts": step.job_retries}
    if step.spot:
        parts["EnableManagedSpotTraining"] = True
        parts["StoppingCondition"] = {
            "MaxRuntimeInSeconds": int(step.timeout.total_seconds()),
            "MaxWaitTimeInSeconds": int(step.spot.max_wait.total_seconds()),
        }
        if step.spot.checkpoints:
            checkpoint: dict[str, Json] = {"LocalPath": container.CHECKPOINTS}
            context.expressions.put(checkpoint, "S3Uri", context.expressions.output_uri(step.name, "checkpoints"))
            parts["CheckpointConfig"] = checkpoint
    return parts


def _algorithm(context: Context, step: Train) -> dict[str, Json]:
    algorithm: dict[str, Json] = {
        "TrainingImage": literal((jobs.image_uri(context, "training", step),)),
        "TrainingInputMode": "File",
    }
    if step.metrics:
        algorithm["MetricDefinitions"] = [{"Name": item.name, "Regex": literal((item.regex,))} for item in step.metrics]
    if _own_start(context, step):
        arguments: list[Text] = [(context.code[step.name].entry,)]
        for name, value in step.hyperparameters.items():
            arguments += [(f"--{name}",), context.expressions.text(value)]
        algorithm["ContainerEntrypoint"] = ["/bin/sh", "-c", _START]
        context.expressions.put_list(algorithm, "ContainerArguments", arguments)
    return algorithm


def _own_start(context: Context, step: Train) -> bool:
    """Whether we start the script ourselves: a team's own image has no SageMaker training toolkit."""
    return step.name in context.code and isinstance(step.image, Image)


def _script_mode(context: Context, step: Train) -> dict[str, Json]:
    """The hyperparameters by which the training toolkit in AWS's images finds the script."""
    if step.name not in context.code or isinstance(step.image, Image):
        return {}
    folder = container.channel(container.CODE)
    return {
        "sagemaker_program": context.code[step.name].entry,
        "sagemaker_submit_directory": literal((f"{folder}/", jobs.code_file(context, step.name))),
        "sagemaker_region": "${AWS::Region}",
    }


def _folders(context: Context, step: Train) -> dict[str, str]:
    """The variables that the toolkit sets in AWS's images, for scripts in a team's own image."""
    if not _own_start(context, step):
        return {}
    folders = {container.channel_variable(name): container.channel(name) for name in step.channels}
    return folders | {"SM_MODEL_DIR": container.MODEL, "SM_OUTPUT_DATA_DIR": container.OUTPUT_DATA}


def _channels(context: Context, step: Train) -> list[Json]:
    rendered = []
    for name, channel in step.sources.items():
        uri = context.expressions.text(channel.source)
        entry = _channel(context, name, uri, channel.distribution)
        entry["DataSource"]["S3DataSource"] |= access(channel.source)
        entry["InputMode"] = channel.mode
        if channel.content_type:
            entry["ContentType"] = channel.content_type
        if channel.compression != "None":
            entry["CompressionType"] = channel.compression
        if channel.shuffle_seed is not None:
            entry["ShuffleConfig"] = {"Seed": channel.shuffle_seed}
        rendered.append(entry)
    if step.name in context.code:
        uri = jobs.code_uri(context, step.name)
        rendered.append(_channel(context, container.CODE, uri, "FullyReplicated") | {"InputMode": "File"})
    return rendered


def _channel(context: Context, name: str, uri: Text, distribution: str) -> dict[str, Json]:
    source: dict[str, Json] = {"S3DataType": "S3Prefix", "S3DataDistributionType": distribution}
    context.expressions.put(source, "S3Uri", uri)
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _resources(context: Context, step: Train) -> dict[str, Json]:
    resources = jobs.cluster(context, "training", step)
    if step.warm_pool:
        resources["KeepAlivePeriodInSeconds"] = int(step.warm_pool.total_seconds())
    return resources


def _output(context: Context, step: Train) -> dict[str, Json]:
    output: dict[str, Json] = {}
    context.expressions.put(output, "S3OutputPath", context.expressions.output_uri(step.name, "model"))
    key = jobs.key(context)
    if key:
        output["KmsKeyId"] = literal((key,))
    return output
