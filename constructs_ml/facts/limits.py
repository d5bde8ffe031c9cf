"""Limits of the services, with their sources. A test compares those that botocore's models know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

# SageMaker API reference: CreateProcessingJob, CreateTrainingJob.
JOB_NAME_LENGTH = 63
PROCESSING_INPUTS = 10
PROCESSING_OUTPUTS = 10
TRAINING_CHANNELS = 20
HYPERPARAMETERS = 100
ENVIRONMENT_VARIABLES = 100
VOLUME_GB = 16_384
INSTANCE_GROUPS = 5
INSTANCE_PREFERENCES = 5
MANIFEST_ATTRIBUTES = 16
WARM_POOL_SECONDS = 21_600
PROCESSING_SECONDS = 777_600
MLFLOW_EXPERIMENT_LENGTH = 256

# SageMaker API reference: CreateHyperParameterTuningJob; the guide "Hyperparameter tuning limits".
SHORT_JOB_NAME_LENGTH = 32
TUNED_HYPERPARAMETERS = 30
CATEGORIES = 30
TUNING_DEFINITIONS = 10
TUNING_PARENTS = 5
TUNING_ENVIRONMENT_VARIABLES = 48
TUNING_SECONDS = (120, 15_768_000)
NOT_IMPROVING_JOBS = 3
HYPERBAND_RESOURCE = 20_000

# SageMaker API reference: CreateTransformJob, CreateModelPackage (numbers of nine digits).
TRANSFORM_ENVIRONMENT = 16
TRANSFORM_FILTER_LENGTH = 63
TRANSFORM_PAYLOAD_MB = 100
TRANSFORM_DEFAULT_PAYLOAD_MB = 6
MODEL_PACKAGE_VERSION = 999_999_999
METADATA_PROPERTIES = 50
METADATA_LENGTH = 256

# SageMaker API reference: CreateAutoMLJobV2.
AUTOML_NAME_LENGTH = 32
AUTOML_CANDIDATES = 750
AUTOML_QUANTILES = 5

# IAM quotas: characters without white space, of all inline policies of a role together and of one managed policy.
IAM_INLINE_POLICY_CHARACTERS = 10_240
IAM_MANAGED_POLICY_CHARACTERS = 6_144

# Step Functions quotas, and the Map state's page: an inline map runs at most 40 items at a time.
STATE_NAME_LENGTH = 80
INLINE_MAP_CONCURRENCY = 40
MAP_CONCURRENCY = 10_000
DEFINITION_BYTES = 1_048_576

# The oldest interpreter that `contract` runs on: AWS's scikit-learn 1.0-1 and XGBoost 1.5-1 images ship it.
OLDEST_PYTHON = (3, 9)

# SageMaker API reference: CreateFeatureGroup, UpdateFeatureGroup.
FEATURES = 2_500
FEATURES_ADDED_AT_ONCE = 100
FEATURE_NAME_LENGTH = 64
CAPACITY_UNITS = 10_000_000

# SageMaker API reference: CreateEndpointConfig, ProductionVariant, ProductionVariantServerlessConfig.
VARIANTS = 10
VARIANT_INSTANCES = 100
ENDPOINT_VOLUME_GB = 512
SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
SERVERLESS_CONCURRENCY = 200

# SageMaker API reference: BlueGreenUpdatePolicy, RollingUpdatePolicy, TrafficRoutingConfig, AutoRollbackConfig.
WAIT_SECONDS = 3_600
DEPLOYMENT_SECONDS = (600, 28_800)
ROLLBACK_ALARMS = 10
CANARY_PERCENT = (1, 50)
LINEAR_PERCENT = (10, 50)
ROLLING_PERCENT = (5, 50)

# SageMaker API reference: DataQualityJobDefinition, StoppingCondition.
MONITORING_SECONDS = 86_400
ENDPOINT_NAME_LENGTH = 63
SCHEDULE_NAME_LENGTH = 63

# Glue API reference, StartJobRun: a job's timeout is at most seven days.
GLUE_RUN = timedelta(days=7)
# Athena API reference, StartQueryExecution; a DML query runs at most 30 minutes unless its quota was raised.
QUERY_LENGTH = 262_144
# The memory in MB that a Fargate task may have by its CPU units:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html, November 2026.
FARGATE_MEMORY_MB: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {
        256: (512, 1024, 2048),
        512: tuple(range(1024, 4096 + 1, 1024)),
        1024: tuple(range(2048, 8192 + 1, 1024)),
        2048: tuple(range(4096, 16_384 + 1, 1024)),
        4096: tuple(range(8192, 30_720 + 1, 1024)),
        8192: tuple(range(16_384, 61_440 + 1, 4096)),
        16_384: tuple(range(32_768, 122_880 + 1, 8192)),
    }
)
# ECS API reference, EphemeralStorage: GiB beyond the 20 that every task has.
FARGATE_STORAGE_GB = (21, 200)

# EventBridge API reference: PutRule. The quota below it, 2,048, can be raised.
EVENT_PATTERN_CHARACTERS = 4_096
