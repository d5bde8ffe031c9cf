"""Functions run: what Lambda starts for a deployed function runs here as a process, with its environment and role."""

from constructs_ml.rehearsal.functions.functions import Functions

__all__ = ["Functions"]
