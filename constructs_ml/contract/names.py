"""Names by which models, platform, jobs and functions find each other without exports.

`account` and `region` are literals at run time and CloudFormation pseudo parameters at synth.
"""

from __future__ import annotations

import hashlib

PRODUCT = "constructs-ml"

STAGE_LENGTH = 16
MODEL_LENGTH = 32
PIPELINE_LENGTH = 24
FEATURE_GROUP_LENGTH = 40
VARIANT_LENGTH = 24
MONITOR_LENGTH = 12
JOB_NAME_LENGTH = 63
SHORT_JOB_NAME_LENGTH = 32
# A tuning job's name ends in "-<the last part of a UUID>-<retry count>".
_TUNING_SUFFIX_LENGTH = 1 + 12 + 1 + 2
# A job name ends in "-<UUID>-<retry count>"; a retry count has at most two digits.
_JOB_SUFFIX_LENGTH = 1 + 36 + 1 + 2


NOTIFY_STATE, FAILED_STATE, DONE_STATE = "Notify failure", "Failed", "Done"
"""The failure path of a state machine, and its good end."""
TURN_STATES = (
    "Take turn",
    "Begin to wait",
    "See whose turn it is",
    "Check whose turn it is",
    "Keep whose turn it is",
    "Look at the other run",
    "Wait for news of the other run",
    "Look at the other run again",
    "Judge the other run",
    "Take turn over",
    "Skipped",
    "Count look",
    "Wait for turn",
    "Give up waiting",
    "Give turn back: done",
    "Give turn back: failed",
)
"""The states of a state machine whose runs take turns."""
STATES = ("Defaults", "Inputs", "Check inputs", "Report inputs", NOTIFY_STATE, FAILED_STATE, DONE_STATE, *TURN_STATES)
"""The states of a state machine that belong to no step."""


def data_bucket(stage: str, account: str, region: str) -> str:
    """The bucket that holds what teams bring: `S3("raw/")` is a prefix in it."""
    return f"{stage}-ml-data-{account}-{region}"


def artifact_bucket(stage: str, account: str, region: str) -> str:
    """The bucket that holds what pipelines make: step outputs, models, checkpoints."""
    return f"{stage}-ml-artifacts-{account}-{region}"


def log_bucket(stage: str, account: str, region: str) -> str:
    """The bucket that holds the access logs of the other two."""
    return f"{stage}-ml-logs-{account}-{region}"


def topic(stage: str) -> str:
    """The topic on which failures and notices of every model of a stage appear."""
    return f"{stage}-ml-notices"


def runs_table(stage: str) -> str:
    """The table in which runs take turns, and in which bursts of events are counted."""
    return f"{stage}-ml-runs"


def turn(model: str) -> str:
    """The key of the row that the one run of a model holds."""
    return f"turn/{model}"


def burst(model: str, pipeline: str, trigger: str) -> str:
    """The key of the row that counts the events of one burst."""
    return f"burst/{model}/{pipeline}/{trigger}"


def key_parameter(stage: str) -> str:
    """The SSM parameter that holds the ARN of the stage's data key."""
    return f"/{PRODUCT}/{stage}/key-arn"


def code_parameter(stage: str, model: str, pipeline: str) -> str:
    """The SSM parameter that maps a pipeline's code digests to the commit they came from."""
    return f"/{PRODUCT}/{stage}/{model}/{pipeline}/code"


def model_package_group(stage: str, model: str) -> str:
    return f"{stage}-{model}"


def endpoint(stage: str, model: str) -> str:
    """Stable for its callers: at most 49 of the 63 characters that SageMaker allows."""
    return f"{stage}-{model}"


def monitoring_schedule(stage: str, model: str, monitor: str) -> str:
    """At most 62 of the 63 characters that SageMaker allows."""
    return f"{endpoint(stage, model)}-{monitor}"


def feature_group(stage: str, group: str) -> str:
    """The name of a feature group; `group` carries its version."""
    return f"{stage}-{group}"


def feature_table(stage: str, group: str) -> str:
    """The beginning of the Glue table that Feature Store makes; the time of the group's making follows."""
    return f"{feature_group(stage, group)}_".replace("-", "_").lower()


FEATURE_DATABASE = "sagemaker_featurestore"
"""The Glue database in which Feature Store makes its tables."""


def alarm(stage: str, model: str, what: str, severity: str) -> str:
    """Alarms are known by name: to rules, to responses, and to whoever is called at night."""
    return f"{stage}-{model}-{what}-{severity}"


def dashboard(stage: str, model: str) -> str:
    return f"{stage}-{model}"


def features_prefix(group: str) -> str:
    """The S3 prefix below which the offline store of a group writes."""
    return f"features/{group}/"


def capture_prefix(model: str) -> str:
    """The S3 prefix below which an endpoint captures requests and answers."""
    return f"{model}/capture/"


def monitoring_prefix(model: str, monitor: str) -> str:
    """The S3 prefix of a monitor's reports."""
    return f"{model}/monitoring/{monitor}/"


def state_machine(stage: str, model: str, pipeline: str) -> str:
    """At most 74 of 80 characters by the limits on its parts."""
    return f"{stage}-{model}-{pipeline}"


def state_machines(stage: str, model: str) -> str:
    """How the names of all state machines of a model begin."""
    return f"{stage}-{model}-"


def starter(stage: str, model: str, pipeline: str) -> str:
    """The state machine that turns events into runs of a pipeline; no pipeline's name holds an underscore."""
    return f"{state_machine(stage, model, pipeline)}_start"


def state_machine_log_group(stage: str, model: str, pipeline: str) -> str:
    """The vendedlogs prefix keeps the log delivery's resource policy below its size limit."""
    return f"/aws/vendedlogs/states/{state_machine(stage, model, pipeline)}"


def starter_log_group(stage: str, model: str, pipeline: str) -> str:
    return f"/aws/vendedlogs/states/{starter(stage, model, pipeline)}"


def sagemaker_pipeline(stage: str, model: str, pipeline: str) -> str:
    """The name of a pipeline that SageMaker Pipelines runs."""
    return f"{stage}-{model}-{pipeline}"


def pipeline_prefix(model: str, pipeline: str) -> str:
    """The S3 prefix below which all runs of a pipeline write."""
    return f"{model}/{pipeline}/"


def output_prefix(model: str, pipeline: str, execution: str, step: str, output: str) -> str:
    """The S3 prefix of one output of one step of one run; ends in a slash."""
    return f"{pipeline_prefix(model, pipeline)}{execution}/{step}/{output}/"


def code_prefix(model: str) -> str:
    """The S3 prefix below which the code of registered versions lies, by its content."""
    return f"{model}/code/"


def tuning_prefix(model: str, pipeline: str, step: str) -> str:
    """The stable beginning of a tuning job's names: 32 characters must hold it, a part of a UUID and a retry count.

    What is left of the model's name tells a reader whose it is; the digest keeps the jobs of two steps apart.
    """
    digest = hashlib.sha256(f"{model}/{pipeline}/{step}".encode()).hexdigest()[:8]
    return f"{model[: SHORT_JOB_NAME_LENGTH - _TUNING_SUFFIX_LENGTH - 9].rstrip('-')}-{digest}"


def job_prefix(model: str, step: str) -> str:
    """The stable beginning of a step's job names, short enough that a UUID and a retry count fit behind it."""
    room = JOB_NAME_LENGTH - _JOB_SUFFIX_LENGTH
    step_part = step[: max(8, room - len(model) - 1)]
    return f"{model[: room - len(step_part) - 1].rstrip('-')}-{step_part.rstrip('-')}"


def short_job_prefix(model: str, step: str) -> str:
    """The same for jobs of at most 32 characters: twelve of a UUID fit behind it."""
    room = SHORT_JOB_NAME_LENGTH - 1 - 12
    step_part = step[: max(8, room - len(model) - 1)]
    return f"{model[: room - len(step_part) - 1].rstrip('-')}-{step_part.rstrip('-')}"
