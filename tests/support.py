"""What many tests need: a small pipeline, an account, and the parts of what they compile to."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from constructs_ml import (
    S3,
    Account,
    AutoScaling,
    Baseline,
    Canary,
    DataCapture,
    DataQuality,
    EndpointSpec,
    Fail,
    Feature,
    FeatureGroupSpec,
    Gate,
    Input,
    InstanceRules,
    MetricDefinition,
    ModelQuality,
    ModelSettings,
    MonitorAlarm,
    Online,
    PipelineSpec,
    Process,
    Register,
    Sklearn,
    Train,
    compile_endpoint,
    compile_pipeline,
    drift,
    pin,
)
from constructs_ml.compiler.template import Compiled

ROOT = Path(__file__).parent.parent
CODE = ROOT / "tests" / "code"
IMAGE = Sklearn("1.4-2")
INSTANCES = InstanceRules(
    training="ml.m5.large", processing="ml.m5.large", transform="ml.m5.large", endpoint="ml.m5.large"
)


def account(**changes: Any) -> Account:
    given = {"stage": "dev", "id": "111111111111", "region": "eu-central-1", "instances": INSTANCES, **changes}
    return Account(**given)


def prepare(**changes: Any) -> Process:
    given = {
        "name": "prepare",
        "image": IMAGE,
        "code": "prepare.py",
        "inputs": {"raw": S3("raw/")},
        "outputs": ("train", "test"),
        **changes,
    }
    return Process(**given)


def train(**changes: Any) -> Train:
    given = {
        "name": "train",
        "image": IMAGE,
        "code": "train.py",
        "channels": {"train": prepare().output("train")},
        "hyperparameters": {"depth": 3},
        "metrics": (MetricDefinition("validation:auc", "auc=([0-9.]+)"),),
        **changes,
    }
    return Train(**given)


def evaluate(**changes: Any) -> Process:
    given = {
        "name": "evaluate",
        "image": IMAGE,
        "code": "evaluate.py",
        "inputs": {"model": train().model, "test": prepare().output("test")},
        "outputs": ("report",),
        "metrics": "report/metrics.json",
        **changes,
    }
    return Process(**given)


def gate(**changes: Any) -> Gate:
    given = {
        "when": evaluate().metric("auc") >= 0.8,
        "then": (Register(model=train().model, metrics=evaluate()),),
        "otherwise": (Fail(cause="AUC below 0.8"),),
        **changes,
    }
    return Gate(**given)


def pipeline(*steps: Any, **changes: Any) -> PipelineSpec:
    chosen = steps or (prepare(), train(), evaluate(), gate())
    return PipelineSpec(
        **{"name": "training", "model": "churn", "owner": "growth", "steps": chosen, "root": CODE, **changes}
    )


def compiled(spec: PipelineSpec | None = None, where: Account | None = None, **options: Any) -> Compiled:
    return compile_pipeline(spec or pipeline(), where or account(), prefix="Training", **options)


def definition_of(result: Compiled, prefix: str = "Training") -> dict[str, Any]:
    """The definition as the template has it, placeholders included."""
    found: dict[str, Any] = json.loads(_text_of(result, prefix))
    return found


def opened_of(result: Compiled, prefix: str = "Training") -> dict[str, Any]:
    found: dict[str, Any] = result.resources[f"{prefix}StateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"][1]
    return found


def runnable(result: Compiled, prefix: str = "Training") -> dict[str, Any]:
    """The definition with every placeholder filled with its own name."""
    text = _text_of(result, prefix)
    text = text.replace("${AWS::Partition}", "aws").replace("${!", "\0")
    filled = re.sub(r"\$\{([A-Za-z0-9:]+)\}", lambda found: found[1].replace("::", "-").lower(), text)
    found: dict[str, Any] = json.loads(filled.replace("\0", "${"))
    return found


def _text_of(result: Compiled, prefix: str) -> str:
    """The definition's text: it stands alone where nothing in it is opened."""
    text = result.resources[f"{prefix}StateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    return text if isinstance(text, str) else str(text[0])


def statements_of(result: Compiled, role: str) -> list[dict[str, Any]]:
    found = []
    for policy in result.resources[role]["Properties"].get("Policies", []):
        found += policy["PolicyDocument"]["Statement"]
    return found


DAY = Input("day", default="1997-09-30")


def customers(**changes: Any) -> FeatureGroupSpec:
    given = {
        "name": "customers",
        "record_identifier": "customer_id",
        "event_time": "updated_at",
        "features": (Feature("customer_id"), Feature("updated_at"), Feature("spend", "Fractional")),
        "online": Online(),
        **changes,
    }
    return FeatureGroupSpec(**given)


def endpoint(**changes: Any) -> EndpointSpec:
    given = {
        "deployment": Canary(percent=50),
        "autoscaling": AutoScaling(2, 4, invocations_per_instance=500),
        "capture": DataCapture(),
        **changes,
    }
    return EndpointSpec(**given)


def monitors(threshold: float = 0.5) -> tuple[DataQuality, ModelQuality]:
    return (
        DataQuality(baseline=Baseline(source=S3("baselines/data/")), alarms=(drift("spend", above=0.2),)),
        ModelQuality(
            ground_truth=S3("labels/"),
            problem="BinaryClassification",
            probability="churn",
            threshold=threshold,
            alarms=(MonitorAlarm(metric="auc", below=0.7, severity="critical"),),
        ),
    )


def pinned(where: Account | None = None, *, settings: dict[str, Any] | None = None, **pins: int | str) -> Account:
    """An account that pins versions of churn."""
    found = ModelSettings(pins={name: pin(value) for name, value in pins.items()}, **(settings or {}))
    return dataclasses.replace(where or account(), models={"churn": found})


def served(spec: EndpointSpec | None = None, where: Account | None = None, **options: Any) -> Compiled:
    given = {"model": "churn", "owner": "growth", "prefix": "Endpoint", "images": (IMAGE,), "root": CODE, **options}
    return compile_endpoint(spec or endpoint(), where or pinned(main=3), **given)


def of_stack(folder: Path, resources: dict[str, Any]) -> None:
    """An assembly of one stack, as `cdk synth` would have written it."""
    folder.mkdir()
    (folder / "s.template.json").write_text(json.dumps({"Resources": resources}))
    properties = {"templateFile": "s.template.json", "stackName": "S"}
    artifact = {"type": "aws:cloudformation:stack", "environment": "aws://1/eu-west-1", "properties": properties}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"s": artifact}}))
