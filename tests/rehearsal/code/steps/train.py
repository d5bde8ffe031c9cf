"""A model that is a word, trained in one of the ways in which training goes wrong."""

import argparse
import os
import sys
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", default="well")
    mode = parser.parse_known_args()[0].mode
    if mode == "crash":
        sys.exit("the columns 'age' and 'income' are not there")
    if mode == "endless":
        print("training goes on and on", flush=True)
        time.sleep(600)
    if mode == "spot":
        resume(Path("/opt/ml/checkpoints"))
    (Path(os.environ["SM_MODEL_DIR"]) / "word.txt").write_text(mode)
    print("score=0.9;")


def resume(folder):
    """The first start leaves a checkpoint and waits; a later one goes on from it."""
    found = sorted(path.name for path in folder.glob("*.ckpt"))
    if not found:
        (folder / "epoch-1.ckpt").write_text("1")
        print("begun anew", flush=True)
        time.sleep(600)
    print(f"resumed from {', '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
