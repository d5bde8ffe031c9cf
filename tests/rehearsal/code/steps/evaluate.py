"""Metrics as they were asked for: good, poor, not a number, or missing."""

import argparse
import os
from pathlib import Path

REPORTS = {"poor": '{"score": 0.1}', "nan": '{"score": NaN}', "missing": '{"speed": 3}', "text": '{"score": "0.9"}'}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", default="well")
    mode = parser.parse_known_args()[0].mode
    report = Path(os.environ["PROCESSING_OUTPUT_REPORT"]) / "metrics.json"
    report.write_text(REPORTS.get(mode, '{"score": 0.9}'))


if __name__ == "__main__":
    main()
