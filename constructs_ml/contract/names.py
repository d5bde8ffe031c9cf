"""Names by which models, platform, jobs and functions find each other without exports.

`account` and `region` are literals at run time and CloudFormation pseudo parameters at synth.
"""

from __future__ import annotations

PRODUCT = "constructs-ml"

STAGE_LENGTH = 16
MODEL_LENGTH = 32
PIPELINE_LENGTH = 24
JOB_NAME_LENGTH = 63
# A job name ends in "-<UUID>-<retry count>"; a retry count has at most two digits.
_JOB_SUFFIX_LENGTH = 1 + 36 + 1 + 2


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


def key_parameter(stage: str) -> str:
    """The SSM parameter that holds the ARN of the stage's data key."""
    return f"/{PRODUCT}/{stage}/key-arn"


def code_parameter(stage: str, model: str, pipeline: str) -> str:
    """The SSM parameter that maps a pipeline's code digests to the commit they came from."""
    return f"/{PRODUCT}/{stage}/{model}/{pipeline}/code"


def model_package_group(stage: str, model: str) -> str:
    return f"{stage}-{model}"


def state_machine(stage: str, model: str, pipeline: str) -> str:
    """At most 80 characters by the limits on its parts."""
    return f"{stage}-{model}-{pipeline}"


def state_machine_log_group(stage: str, model: str, pipeline: str) -> str:
    """The vendedlogs prefix keeps the log delivery's resource policy below its size limit."""
    return f"/aws/vendedlogs/states/{state_machine(stage, model, pipeline)}"


def pipeline_prefix(model: str, pipeline: str) -> str:
    """The S3 prefix below which all runs of a pipeline write."""
    return f"{model}/{pipeline}/"


def output_prefix(model: str, pipeline: str, execution: str, step: str, output: str) -> str:
    """The S3 prefix of one output of one step of one run; ends in a slash."""
    return f"{pipeline_prefix(model, pipeline)}{execution}/{step}/{output}/"


def job_prefix(model: str, step: str) -> str:
    """The stable beginning of a step's job names, short enough that a UUID and a retry count fit behind it."""
    room = JOB_NAME_LENGTH - _JOB_SUFFIX_LENGTH
    step_part = step[: max(8, room - len(model) - 1)]
    return f"{model[: room - len(step_part) - 1].rstrip('-')}-{step_part.rstrip('-')}"
