"""A model that commands find by its place."""

from constructs_ml import ModelSpec
from tests.support import CODE, customers, endpoint, evaluate, gate, monitors, prepare, train

churn = ModelSpec(
    name="churn",
    owner="growth",
    root=CODE,
    steps=(prepare(), train(), evaluate(), gate()),
    features=(customers(),),
    endpoint=endpoint(),
    monitors=monitors(),
)
