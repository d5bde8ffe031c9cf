"""A Train step: a training job, and the check of its final metrics."""

from __future__ import annotations

from constructs_ml.compiler import early_stop, jobs, training
from constructs_ml.compiler.context import Context
from constructs_ml.compiler.expressions import Text, key_of
from constructs_ml.compiler.machine import Machine
from constructs_ml.compiler.metrics import keep_metrics
from constructs_ml.compiler.paths import result_path
from constructs_ml.compiler.retries import retries
from constructs_ml.compiler.template import Json
from constructs_ml.contract import container
from constructs_ml.spec.distributed import Torchrun
from constructs_ml.spec.steps import Train
from constructs_ml.spec.values import JobName, ModelArtifact

# The shell gets what it starts from ContainerArguments: $0 is the entry and $@ are the hyperparameters.
_UNPACK = (
    f"mkdir -p {container.TRAINING_CODE} && cd {container.TRAINING_CODE}"
    f" && tar -xzf {container.channel(container.CODE)}/*.gz"
    " && if [ -f requirements.txt ]; then python3 -m pip install -q -r requirements.txt; fi"
)
_START = f'{_UNPACK} && exec python3 "$0" "$@"'
# The launcher stands in front of the entry: an item of ContainerEntrypoint has 256 characters at most.
_LAUNCH = f'{_UNPACK} && exec "$0" "$@"'
_DEBUGGER = ("DebugHookConfig", "DebugRuleConfigurations", "ProfilerConfig", "ProfilerRuleConfigurations")


def add(machine: Machine, step: Train, after: str) -> None:
    """The job and, where a condition compares them, the check of its final metrics."""
    context = machine.context
    wanted = context.metrics_of(step.name)
    kept = _selector(context, step)
    found = {name: f"$.FinalMetricDataList[?(@.MetricName=='{name}')].Value" for name in wanted}
    selector = kept | ({"found": {f"{key_of(name)}.$": path for name, path in found.items()}} if found else {})
    parameters = request(context, step)
    following = f"Check {step.name} metrics" if wanted else after
    seconds = jobs.state_timeout(step.spot.max_wait if step.spot else step.timeout)
    if step.stop_when is not None:
        early_stop.add(machine, step, parameters, selector, following, seconds)
    else:
        machine.expressions.put(parameters, "TrainingJobName", jobs.job_name(context, step.name))
        context.allow(*jobs.job_calls(context, "TrainingJob", step.name))
        machine.task(
            step.name,
            "sagemaker:createTrainingJob.sync",
            parameters,
            following,
            kept=selector,
            retry=retries("sagemaker", step.retry),
            seconds=seconds,
        )
    if wanted:
        # The selector leaves each metric as a list of one number, or of none.
        lists = {name: result_path(step.name, f"found.{key_of(name)}") for name in wanted}
        numbers: dict[str, Json] = {f"{key_of(name)}.$": f"States.ArrayGetItem({at}, 0)" for name, at in lists.items()}
        places = {name: f"{at}[0]" for name, at in lists.items()}
        keep_metrics(machine, step.name, places, numbers, kept, after, "the training job's final metrics")


def request(context: Context, step: Train) -> dict[str, Json]:
    """The parameters of the job but its name; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html."""
    own = {"Tags": jobs.job_tags(context, step.name), **jobs.experiment(step.experiment)}
    parameters = training.common(context, step, own, "HyperParameters")
    if step.infrastructure_check:
        parameters["InfraCheckConfig"] = {"EnableInfraCheck": True}
    if training.own_start(context, step):
        _start(context, step, parameters["AlgorithmSpecification"])
    closed = [name for name in _DEBUGGER if name in step.raw]
    if closed and "debugger" not in context.account.existing_customer:
        allowed = "stop_when=EarlyStop(...), or existing_customer: [debugger]"
        context.faults.add("debugger-closed", where=context.where(step.name), got=closed, allowed=allowed)
    return jobs.with_raw(context, step.name, "sagemaker:createTrainingJob", parameters, step.raw)


def _start(context: Context, step: Train, algorithm: dict[str, Json]) -> None:
    """The command of a team's own image: our shell, which starts the script or torchrun with it."""
    arguments: list[Text] = [(context.code[step.name].entry,)]
    for name, value in step.hyperparameters.items():
        arguments += [(f"--{name}",), context.expressions.text(value)]
    start = _START
    if isinstance(step.distributed, Torchrun):
        start = _LAUNCH
        arguments[:0] = [(word,) for word in _torchrun(step.distributed, step.compute.instances)]
    algorithm["ContainerEntrypoint"] = ["/bin/sh", "-c", start]
    context.expressions.put_list(algorithm, "ContainerArguments", arguments)


def _torchrun(distributed: Torchrun, hosts: int) -> list[str]:
    """SageMaker names the machines algo-1, algo-2, and so on; torchrun numbers them when they meet."""
    words = ["torchrun", "--nnodes", str(hosts), "--nproc_per_node", str(distributed.processes_per_host or "auto")]
    if hosts > 1:
        words += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "algo-1:7777"]
    return words


def _selector(context: Context, step: Train) -> dict[str, Json]:
    """What of the finished job the run keeps: only what later steps use."""
    kept: dict[str, Json] = {}
    if ModelArtifact(step.name) in context.used:
        kept["model.$"] = "$.ModelArtifacts.S3ModelArtifacts"
    if JobName(step.name) in context.used:
        kept["job.$"] = "$.TrainingJobName"
    return kept
