"""What the training toolkit in AWS's framework images does: find the script, set the SM_ variables, start it.

https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md and
https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/environment.py
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from constructs_ml.rehearsal.container import PREFIX

HOST = "algo-1"
CODE = f"{PREFIX}/code"
# Those that the toolkit takes for itself (src/sagemaker_training/params.py, SAGEMAKER_HYPERPARAMETERS).
_TAKEN = (
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_region",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_s3_output",
    "default_user_module_name",
    "_tuning_objective_metric",
)


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Hyperparameters are text on the wire: each is read as JSON where it is JSON."""
    found: dict[str, Any] = {}
    for name, value in hyperparameters.items():
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def program(hyperparameters: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """The script that the toolkit would start; empty where none is named."""
    return environment.get("SAGEMAKER_PROGRAM") or str(decoded(hyperparameters).get("sagemaker_program", ""))


def arguments(hyperparameters: Mapping[str, str]) -> list[str]:
    """A script's arguments: --name value, sorted by name; a mapping as k=v,k=v."""
    found = []
    for name, value in sorted(decoded(hyperparameters).items()):
        if _own(name):
            text = ",".join(f"{k}={v}" for k, v in sorted(value.items())) if isinstance(value, dict) else str(value)
            found += [f"--{name}" if len(name) > 1 else f"-{name}", "" if value is None else text]
    return found


def _own(name: str) -> bool:
    return not name.startswith("sagemaker_") and name not in _TAKEN


def command(script: str, given: Sequence[str]) -> list[str]:
    """How a script starts: Python for *.py, the shell for everything else."""
    if script.endswith(".py"):
        return [sys.executable, script, *given]
    return ["/bin/sh", "-c", f"./{script} {' '.join(map(shlex.quote, given))}".strip()]


def variables(
    hyperparameters: Mapping[str, str],
    config: Mapping[str, Any],
    resources: Mapping[str, Any],
    *,
    job: str,
    script: str,
) -> dict[str, str]:
    """The SM_ variables: `config` is inputdataconfig.json, `resources` resourceconfig.json."""
    values = decoded(hyperparameters)
    own = {name: value for name, value in values.items() if _own(name)}
    more = {name: value for name, value in values.items() if not _own(name) and name not in _TAKEN}
    channels = {name: f"{PREFIX}/input/data/{name}" for name in config}
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    found = {
        "additional_framework_parameters": more,
        "channel_input_dirs": channels,
        "current_host": HOST,
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": [HOST],
        "current_instance_type": resources["current_instance_type"],
        "distribution_hosts": [],
        "distribution_instance_groups": [],
        "framework_module": None,
        "hosts": [HOST],
        "hyperparameters": own,
        "input_config_dir": f"{PREFIX}/input/config",
        "input_data_config": dict(config),
        "input_dir": f"{PREFIX}/input",
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": False,
        "is_master": True,
        "job_name": job,
        "log_level": values.get("sagemaker_container_log_level", 20),
        "master_hostname": HOST,
        "model_dir": f"{PREFIX}/model",
        "module_dir": str(values.get("sagemaker_submit_directory", CODE)),
        "module_name": script.removesuffix(".py"),
        "network_interface_name": resources["network_interface_name"],
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "output_data_dir": f"{PREFIX}/output/data",
        "output_dir": f"{PREFIX}/output",
        "output_intermediate_dir": f"{PREFIX}/output/intermediate",
        "resource_config": dict(resources),
        "user_entry_point": script,
    }
    # Other names in the environment than in SM_TRAINING_ENV, or in one of the two alone.
    alone = ("distribution_hosts", "is_master", "job_name", "master_hostname")
    renamed = ("additional_framework_parameters", "channel_input_dirs", "hyperparameters")
    shown = {name: value for name, value in found.items() if name not in (*alone, *renamed)}
    shown |= {"channels": sorted(channels), "framework_params": more, "hps": own, "training_env": found}
    shown |= {"user_args": arguments(hyperparameters)}
    shown |= {f"channel_{name}": path for name, path in channels.items()}
    shown |= {f"hp_{name}": value for name, value in own.items()}
    return {f"SM_{name.upper()}": _text(value) for name, value in shown.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
