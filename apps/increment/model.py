"""Which parcels come late, learned from the files that arrived since the last approved model."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from constructs_ml import (
    S3,
    Channel,
    Code,
    Debounce,
    Execution,
    Fail,
    FindModel,
    Function,
    Gate,
    Input,
    LambdaTask,
    ModelSpec,
    OnData,
    Process,
    Queue,
    Register,
    Serving,
    Sklearn,
    Train,
)

ROOT, HOUR, IMAGE = Path(__file__).parent, timedelta(hours=1), Sklearn("1.4-2")
# A file counts once it has lain still for SETTLE; a run starts no earlier than QUIET after the last file of a burst.
SETTLE, QUIET = timedelta(minutes=10), timedelta(minutes=15)

data = Input("data", default=S3("arrivals/"))
champion = FindModel(name="champion", required=False)
arrived = LambdaTask(
    name="arrived",
    function=Function(
        code="functions/arrived",
        reads=(S3("arrivals/"),),
        writes=(S3("increments/"),),
        environment={"SETTLE_SECONDS": str(int(SETTLE.total_seconds()))},
        timeout=timedelta(minutes=5),
    ),
    payload={
        "data": data,
        "champion": champion.version,
        "since": champion.metadata("data_until"),
        "manifest": S3("increments/") / Execution("name") / "new.manifest",
    },
)

new = Channel(source=arrived.result("manifest"), data_type="ManifestFile")
train = partial(Train, image=IMAGE, code=Code("steps", "train.py"), hyperparameters={"epochs": 5}, timeout=2 * HOUR)
warm = train(name="warm", channels={"train": new, "previous": champion.model})
cold = train(name="cold", channels={"train": new})
# The first model of all has no rival but itself.
trained = Gate(
    name="trained",
    when=champion.exists,
    then=(warm,),
    otherwise=(cold,),
    outputs={"model": (warm.model, cold.model), "rival": (champion.model, cold.model)},
)
evaluate = Process(
    name="evaluate",
    image=IMAGE,
    code=Code("steps", "evaluate.py"),
    inputs={"model": trained.result("model"), "rival": trained.result("rival"), "test": S3("holdout/")},
    outputs=("report",),
    metrics="report/metrics.json",
    timeout=HOUR,
)
good = Gate(
    name="good",
    when=(evaluate.metric("auc") >= 0.6) & (evaluate.metric("auc") >= evaluate.metric("rival_auc")),
    then=(
        Register(
            model=trained.result("model"),
            metrics=evaluate,
            serving=Serving(image=IMAGE, code="steps/inference.py"),
            metadata={"data_until": arrived.result("until")},
        ),
    ),
    otherwise=(Fail(cause="what arrived made the model worse than the approved one, or it was never good"),),
)

increment = ModelSpec(
    name="increment",
    owner="growth",
    root=ROOT,
    inputs=(data,),
    steps=(champion, arrived, Gate(name="news", when=arrived.number("count") >= 1, then=(trained, evaluate, good))),
    triggers=(OnData("arrivals/", suffix=".csv", to="data", debounce=Debounce(quiet=QUIET)),),
    concurrency=Queue(),
)
