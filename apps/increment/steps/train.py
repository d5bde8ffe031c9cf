"""A linear model that goes on learning: from the previous artifact where its channel is there, else from nothing.

The scale of the features is taken from the first files and stays, for coefficients mean something on one scale alone.
"""

import argparse
import os

from archive import TARGET, load, read, save
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    options, _ = parser.parse_known_args()
    table = read(os.environ["SM_CHANNEL_TRAIN"])
    previous = os.environ.get("SM_CHANNEL_PREVIOUS")
    if previous:
        (scaler, model), seen = load(previous)
    else:
        names = [name for name in table.columns if name != TARGET]
        scaler = StandardScaler().fit(table[names])
        model = SGDClassifier(loss="log_loss", alpha=1e-3, random_state=options.seed)
        seen = {"rows": 0, "increments": 0}
    features = scaler.transform(table[list(scaler.feature_names_in_)])
    for _ in range(options.epochs):
        # An increment may hold one of the classes alone.
        model.partial_fit(features, table[TARGET], classes=[0, 1])
    seen = {"rows": seen["rows"] + len(table), "increments": seen["increments"] + 1}
    save(os.environ["SM_MODEL_DIR"], (scaler, model), seen)
    print(f"new={len(table)}; rows={seen['rows']}; increments={seen['increments']};")


if __name__ == "__main__":
    main()
