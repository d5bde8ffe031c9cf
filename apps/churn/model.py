"""The churn model: everything about it that a reviewer should see."""

from datetime import timedelta
from pathlib import Path

from constructs_ml import (
    S3,
    Cron,
    Execution,
    Fail,
    Function,
    Gate,
    Input,
    LambdaTask,
    MetricDefinition,
    ModelSpec,
    OnAlarm,
    OnData,
    Process,
    Register,
    Serving,
    Sklearn,
    Spot,
    Train,
)

IMAGE = Sklearn("1.4-2")

data = Input("data", default=S3("raw/"))
check = LambdaTask(
    name="check",
    function=Function(code="functions/freshness", reads=(S3("raw/"),)),
    payload={"data": data, "run": Execution("name")},
)
prepare = Process(
    name="prepare",
    image=IMAGE,
    code="steps/prepare.py",
    arguments=("--split-date", "1997-09-30", "--test-fraction", 0.25),
    inputs={"raw": data},
    outputs=("train", "test"),
    timeout=timedelta(hours=1),
)
train = Train(
    name="train",
    image=IMAGE,
    code="steps/train.py",
    channels={"train": prepare.output("train")},
    hyperparameters={"C": 1.0, "folds": 5},
    metrics=(MetricDefinition("validation:auc", r"validation:auc=([0-9.]+)"),),
    timeout=timedelta(hours=2),
    spot=Spot(max_wait=timedelta(hours=4)),
)
evaluate = Process(
    name="evaluate",
    image=IMAGE,
    code="steps/evaluate.py",
    inputs={"model": train.model, "test": prepare.output("test")},
    outputs=("report",),
    metrics="report/metrics.json",
    timeout=timedelta(hours=1),
)
good = Gate(
    when=evaluate.metric("auc") >= 0.75,
    then=(Register(model=train.model, metrics=evaluate, serving=Serving(code="steps/inference.py")),),
    otherwise=(Fail(cause="the model does not separate churned customers well enough"),),
)

churn = ModelSpec(
    name="churn",
    owner="growth",
    root=Path(__file__).parent,
    inputs=(data,),
    steps=(check, prepare, train, evaluate, good),
    triggers=(
        Cron("0 3 ? * MON *", time_zone="Europe/Berlin", flexible=timedelta(minutes=30)),
        OnData("raw/", suffix=".csv", to="data"),
        OnAlarm("churn-business-kpi"),
    ),
)
