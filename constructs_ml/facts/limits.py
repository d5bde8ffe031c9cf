"""Limits of the services, with their sources. A test compares those that botocore's models know."""

from __future__ import annotations

# SageMaker API reference: CreateProcessingJob, CreateTrainingJob.
JOB_NAME_LENGTH = 63
PROCESSING_INPUTS = 10
PROCESSING_OUTPUTS = 10
TRAINING_CHANNELS = 20
HYPERPARAMETERS = 100
ENVIRONMENT_VARIABLES = 100
VOLUME_GB = 16_384

# IAM quotas: characters without white space, of all inline policies of a role together and of one managed policy.
IAM_INLINE_POLICY_CHARACTERS = 10_240
IAM_MANAGED_POLICY_CHARACTERS = 6_144

# Step Functions quotas.
STATE_NAME_LENGTH = 80

# The oldest interpreter that `contract` runs on: AWS's scikit-learn 1.0-1 and XGBoost 1.5-1 images ship it.
OLDEST_PYTHON = (3, 9)
