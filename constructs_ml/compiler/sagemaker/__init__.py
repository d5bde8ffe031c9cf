"""The second engine: a pipeline as SageMaker Pipelines runs it."""
