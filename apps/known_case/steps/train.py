"""Which orders come back? A small network on whatever the machine has: a GPU if there is one."""

import argparse
import csv
import os
from pathlib import Path


def main():
    import torch

    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    epochs = parser.parse_args().epochs
    folder = Path(os.environ["SM_CHANNEL_TRAIN"])
    features, labels = read(sorted(folder.rglob("*.csv")))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = torch.tensor(features, device=device), torch.tensor(labels, device=device)
    model = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
    print(f"loss={loss.item():.4f}")
    torch.jit.script(model.cpu()).save(str(Path(os.environ["SM_MODEL_DIR"]) / "model.pt"))


def read(files):
    """Features and labels of all files; the last column is the label."""
    rows = []
    for file in files:
        with file.open(newline="") as lines:
            rows += [[float(value) for value in row] for row in list(csv.reader(lines))[1:]]
    if not rows:
        raise ValueError("no orders to learn from")
    return [row[:-1] for row in rows], [row[-1] for row in rows]


if __name__ == "__main__":
    main()
