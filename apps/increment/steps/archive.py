"""The model as the jobs hand it on: model.joblib and seen.json in one model.tar.gz."""

import json
import sys
import tarfile
from pathlib import Path

import joblib
import pandas as pd

MODEL, SEEN, TARGET = "model.joblib", "seen.json", "late"


def load(folder):
    """The model and what it has seen, out of the one archive below a folder; only the needed files are taken."""
    archives = sorted(Path(folder).rglob("model.tar.gz"))
    if len(archives) != 1:
        sys.exit(f"{len(archives)} model.tar.gz in {folder}; exactly one is needed")
    with tarfile.open(archives[0]) as archive:
        files = {member.name.removeprefix("./"): member for member in archive.getmembers() if member.isfile()}
        missing = [name for name in (MODEL, SEEN) if name not in files]
        if missing:
            sys.exit(f"{archives[0].name} lacks {', '.join(missing)}; it has {', '.join(files) or 'nothing'}")
        return joblib.load(archive.extractfile(files[MODEL])), json.load(archive.extractfile(files[SEEN]))


def save(folder, model, seen):
    """Both files, in the folder that becomes the archive."""
    joblib.dump(model, Path(folder) / MODEL)
    (Path(folder) / SEEN).write_text(json.dumps(seen))


def read(folder):
    """The table of every CSV file below a folder, in the order of their names."""
    paths = sorted(Path(folder).rglob("*.csv"))
    if not paths:
        sys.exit(f"no CSV files in {folder}")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
