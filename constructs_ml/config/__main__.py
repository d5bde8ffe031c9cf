"""Writes the JSON Schema of accounts.yaml to standard output."""

import json
import sys

from constructs_ml.config import accounts_schema

json.dump(accounts_schema(), sys.stdout, indent=2)
sys.stdout.write("\n")
