"""What other services start for a pipeline: Glue jobs, Fargate tasks, queries and the like."""

from constructs_ml.rehearsal.services.services import Services

__all__ = ["Services"]
