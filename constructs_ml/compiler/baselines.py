"""Where the baseline of a monitor lies, and with it whether an account has the monitor."""

from __future__ import annotations

from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.template import Json
from constructs_ml.contract import names
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import PIPELINE
from constructs_ml.spec.model_settings import ModelSettings
from constructs_ml.spec.monitors import Baseline, Monitor
from constructs_ml.spec.values import S3

SERVICE = "model-monitor"


def baseline_place(context: EndpointContext, baseline: Baseline) -> tuple[Json, str] | None:
    """Bucket and prefix of a baseline; None where the account names no run whose output it is."""
    source = baseline.source
    if isinstance(source, S3):
        return source.bucket or context.infrastructure.data_bucket, source.key.rstrip("/") + "/"
    run = context.settings.run
    if run is None:
        return None
    key = names.output_prefix(context.model, PIPELINE, run, source.step, source.name)
    return context.infrastructure.artifact_bucket, key


def monitor_is_there(monitor: Monitor, account: Account, settings: ModelSettings) -> bool:
    """Whether an account that has the endpoint has the monitor too."""
    of_run = monitor.baseline is not None and not isinstance(monitor.baseline.source, S3)
    unknown = of_run and settings.run is None
    return settings.monitors != "none" and SERVICE in account.existing_customer and not unknown
