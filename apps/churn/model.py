"""The churn model: everything about it that a reviewer should see."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from constructs_ml import (
    S3,
    AutoScaling,
    Baseline,
    Canary,
    Code,
    Cron,
    DataCapture,
    DataQuality,
    EndpointSpec,
    Execution,
    Fail,
    FeatureGroupSpec,
    Function,
    Gate,
    Input,
    LambdaTask,
    MetricDefinition,
    ModelQuality,
    ModelSpec,
    MonitorAlarm,
    OnAlarm,
    OnData,
    OnDrift,
    Online,
    Process,
    Queue,
    Register,
    Serving,
    Sklearn,
    Spot,
    Train,
    drift,
    features_from_json_schema,
    missing,
)

# Laid out for readers, a noun a paragraph.
# fmt: off
ROOT, HOUR, IMAGE = Path(__file__).parent, timedelta(hours=1), Sklearn("1.4-2")
process = partial(Process, image=IMAGE, timeout=HOUR)

customers = FeatureGroupSpec(name="customers", record_identifier="customer_id", event_time="as_of", online=Online(),
                             features=features_from_json_schema(ROOT / "customer.json"))

data = Input("data", default=S3("raw/"))
check = LambdaTask(name="check", payload={"data": data, "run": Execution("name")},
                   function=Function(code="functions/freshness", reads=(S3("raw/"),)))
prepare = process(name="prepare", code="steps/prepare.py", inputs={"raw": data}, outputs=("train", "test"),
                  arguments=("--split-date", "1997-09-30", "--test-fraction", 0.25))
train = Train(name="train", image=IMAGE, code="steps/train.py", channels={"train": prepare.output("train")},
              hyperparameters={"C": 1.0, "folds": 5}, timeout=2 * HOUR, spot=Spot(max_wait=4 * HOUR),
              metrics=(MetricDefinition("validation:auc", r"validation:auc=([0-9.]+)"),))
evaluate = process(name="evaluate", code="steps/evaluate.py", outputs=("report",), metrics="report/metrics.json",
                   inputs={"model": train.model, "test": prepare.output("test")})
baseline = process(name="baseline", code=Code("steps", "baseline.py"), outputs=("data", "quality"),
                   inputs={"model": train.model, "train": prepare.output("train"), "test": prepare.output("test")})
good = Gate(when=evaluate.metric("auc") >= 0.75,
            then=(baseline, Register(model=train.model, metrics=evaluate, serving=Serving(code="steps/inference.py"))),
            otherwise=(Fail(cause="the model does not separate churned customers well enough"),))

endpoint = EndpointSpec(deployment=Canary(percent=50), capture=DataCapture(),
                        autoscaling=AutoScaling(2, 4, invocations_per_instance=500))
shift = DataQuality(baseline=Baseline(source=baseline.output("data")),
                    alarms=(drift("total_amount", above=0.2), missing("purchases", above=0.01, severity="critical")))
quality = ModelQuality(ground_truth=S3("labels/"), problem="BinaryClassification", probability="churn", threshold=0.5,
                       baseline=Baseline(source=baseline.output("quality"), statistics=None),
                       alarms=(MonitorAlarm(metric="auc", below=0.7, severity="critical"),))

churn = ModelSpec(name="churn", owner="growth", root=ROOT, features=(customers,), inputs=(data,),
                  steps=(check, prepare, train, evaluate, good), endpoint=endpoint, monitors=(shift, quality),
                  triggers=(Cron("0 3 ? * MON *", time_zone="Europe/Berlin", flexible=timedelta(minutes=30)),
                            OnData("raw/", suffix=".csv", to="data"), OnAlarm("churn-business-kpi"), OnDrift()),
                  concurrency=Queue())
