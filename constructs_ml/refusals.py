"""The table of what this library refuses, and why. Every row has a test that reads its whole message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Scope = Literal["structure", "account"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row: `what` is a sentence whose names the caller fills; `scope` says whom the fault concerns."""

    what: str
    why: str
    scope: Scope = "structure"


_ROWS: dict[str, Refusal] = {
    # names and values
    "name": Refusal(
        "the {kind} has a name that cannot be used",
        "names become parts of logical ids, job names and S3 keys",
    ),
    "name-taken": Refusal(
        "two steps of one pipeline are named {name!r}",
        "a step's name is its state's name and the place of its outputs",
    ),
    "s3-location": Refusal(
        "not an S3 location",
        "a location is a prefix in the platform's data bucket, or a whole s3:// URI",
    ),
    "kind": Refusal("{field} is not what it must be", "the declaration is checked before anything is made of it"),
    "names-alike": Refusal(
        "{names} become one logical id", "CloudFormation knows letters and digits alone, and each logical id once"
    ),
    "number-range": Refusal(
        "{quantity} is out of range",
        "the service refuses other values",
    ),
    "empty": Refusal("{thing} is empty", "there would be nothing to build from it"),
    # inputs
    "input-type": Refusal("the input has a type that does not exist", "a run's inputs are JSON values"),
    "input-default": Refusal(
        "the default of input {name!r} does not fit its type",
        "a run without this input would start with a value that its steps cannot use",
    ),
    "input-taken": Refusal("two inputs are named {name!r}", "a run's inputs are the keys of one JSON object"),
    "input-foreign": Refusal(
        "input {name!r} is used but is not an input of this pipeline",
        "only declared inputs are given a value when a run starts",
    ),
    "input-reserved": Refusal("{name!r} is taken by the library", "the step's code arrives under this name"),
    "input-mode": Refusal("the input cannot arrive in this mode", "CreateProcessingJob accepts only some modes"),
    # code and images
    "code-missing": Refusal("the code {path!r} is not there", "code travels as an asset and is read at synth"),
    "code-entry": Refusal(
        "the code folder {path!r} has no entry {entry!r}",
        "the container starts this file",
    ),
    "code-needed": Refusal("{image} needs code", "AWS's framework images run a script and nothing by themselves"),
    "image-uri": Refusal(
        "not the name of an image that stays what it is",
        "an image without tag or digest changes under the same template",
    ),
    "image-version": Refusal(
        "AWS has no {family} image of this version for {scope}", "the container could not be pulled"
    ),
    "image-accelerator": Refusal(
        "{family} {version} has no image for this accelerator", "the instance type decides it"
    ),
    "image-python": Refusal("{family} {version} has no image with this Python", "the container could not be pulled"),
    "image-region": Refusal(
        "the region has no image {image}", "images are pulled from the job's own region", "account"
    ),
    # accounts
    "accounts-file": Refusal("the accounts file cannot be read", "no account is built from a guess"),
    "accounts-yaml": Refusal("not YAML that can be read", "no account is built from a guess"),
    "accounts-duplicate": Refusal("the key {name!r} stands twice", "YAML would silently keep the last one"),
    "accounts-unknown": Refusal("the key is not known", "a setting that nothing reads would be silently lost"),
    "accounts-missing": Refusal("{name!r} is missing", "nothing is filled in from another stage"),
    "accounts-quotes": Refusal(
        "the text needs quotes", "YAML reads digits as a number without leading zeros, and yes or no as a truth value"
    ),
    "accounts-value": Refusal("the value cannot be used", "the template would be refused at deployment"),
    "accounts-key": Refusal(
        "the key belongs somewhere else", "SageMaker encrypts with keys of its own account and region"
    ),
    "accounts-boundary": Refusal(
        "the boundary belongs somewhere else", "IAM takes a policy of the role's own account, or one of AWS's"
    ),
    "accounts-mlflow": Refusal(
        "the MLflow app is not one of this account and region", "jobs reach an app of their own account and region"
    ),
    "accounts-closed": Refusal("no closed service has this name", "the setting opens a closed service for an account"),
    "stage-missing": Refusal("the file has no such stage", "a stage is never built from another one's settings"),
    "region": Refusal("not a region", "partition, images and prices follow from the region", "account"),
    "instance-missing": Refusal(
        "neither the declaration nor the account names an instance type for {kind}", "it needs a machine", "account"
    ),
    "instance-type": Refusal("SageMaker has no such instance type for {use}", "the service refuses it", "account"),
    "instance-region": Refusal("the region does not offer this instance type", "the job could never start", "account"),
    "instance-not-allowed": Refusal(
        "the account does not allow this instance type",
        "the account's `instances.allowed` bounds what it pays for",
        "account",
    ),
    "instance-count": Refusal(
        "the account does not allow so many instances",
        "the account's `instances.most` bounds what it pays for",
        "account",
    ),
    "network-missing": Refusal(
        "a VPC is demanded and none is there", "it would run outside the network that it was meant for", "account"
    ),
    # steps
    "environment-name": Refusal("not the name of an environment variable", "the service refuses it"),
    "output-taken": Refusal("an output is declared twice", "each output is a folder of its own"),
    "metric-taken": Refusal("a metric is defined twice", "the job reports one number a name"),
    "metric-regex": Refusal("the metric's regular expression cannot read a number", "its first group is the number"),
    "spot-wait": Refusal("the spot job may wait for less time than it may run", "max_wait covers waiting and running"),
    "spot-warm-pool": Refusal("a spot job cannot keep a warm pool", "SageMaker keeps only on-demand instances warm"),
    "gate-condition": Refusal("the gate has no condition on metrics", "a gate decides by metrics alone"),
    "register-metrics": Refusal(
        "the step has no metrics file", "the version's statistics are the metrics file of a processing step"
    ),
    "register-image": Refusal(
        "the artifact has no image to serve it", "only a Train step of this pipeline tells the image by itself"
    ),
    "function-handler": Refusal("not a handler", "Lambda imports the module and calls the function"),
    "function-name": Refusal("not the name of a function", "the function is found in the account by its name"),
    "result-key": Refusal("not a key that a path can name", "results are read by path"),
    "permission-wildcard": Refusal("a wildcard needs a reason", "a reviewer must be able to judge it"),
    "raw-state-type": Refusal(
        "not a state that can stand in the middle of a pipeline", "the pipeline goes on after it"
    ),
    "raw-state-next": Refusal("the state says what follows it", "the pipeline's order decides what follows"),
    "raw-state-result": Refusal(
        "the state's result would overwrite the run's data", "later steps read inputs and results from it"
    ),
    # steps of models
    "job-field": Refusal("a {job} job takes no such field", "SageMaker's request has no place for it"),
    "transform-strategy": Refusal("whole files have no batch strategy", "a strategy gathers records into requests"),
    "transform-payload": Refusal("the requests of an instance are too large", "CreateTransformJob bounds their sum"),
    "model-image": Refusal(
        "the model has no image to serve it", "only a Train or Register step of this pipeline tells it by itself"
    ),
    "automl-objective": Refusal(
        "the kind of the problem without the objective, or the objective without it",
        "AutoML takes both or chooses both",
    ),
    "automl-validation": Refusal(
        "the job holds no data back", "it is given data to validate with, or splits by itself"
    ),
    # engines
    "engine-step": Refusal(
        "SageMaker Pipelines has no {what}",
        "the service has nothing like it; the engine of state machines has",
    ),
    "pipeline-form": Refusal("not what SageMaker Pipelines reads here", "CreatePipeline refuses the definition"),
    "pipeline-reference": Refusal(
        "the reference leads to nothing that is there when it is read", "the step that reads it could not start"
    ),
    "pipeline-order": Refusal("the steps {steps} wait for each other", "none of them could be the first to run"),
    # definitions of sagemaker's own SDK
    "sdk-object": Refusal("the object is no {kind} of the SDK", "it is read by its attributes"),
    "sdk-attribute": Refusal(
        "{name} cannot be taken over", "what a definition says must not get lost on its way into the pipeline"
    ),
    "sdk-placeholder": Refusal(
        "nothing stands for the placeholder {name}", "its value is known only inside the SDK's own pipeline"
    ),
    "sdk-without": Refusal("there is nothing to leave behind under this name", "it is misspelt, or was taken over"),
    # exported definitions of SageMaker Pipelines
    "export-json": Refusal("the definition cannot be read", "it is deployed as it is"),
    "export-version": Refusal("not the version of definitions that SageMaker Pipelines reads", "it refuses others"),
    "export-name": Refusal(
        "the name of the {kind} cannot be used", "references name it, and SageMaker Pipelines refuses the definition"
    ),
    "export-type": Refusal("not a type that SageMaker Pipelines knows", "the pipeline could not be created"),
    "export-reference": Refusal("the reference names nothing", "the pipeline could not be created"),
    "export-cycle": Refusal("steps wait for one another", "none of them could ever run"),
    "export-literal": Refusal("the export does not contain this literal", "nothing would be replaced"),
    "export-opening": Refusal(
        "CloudFormation knows no such value here", "a replacement differs by what each account knows of itself"
    ),
    "export-access": Refusal(
        "the definition does not tell what the role needs", "the role allows what the steps call and nothing else"
    ),
    "export-given": Refusal(
        "{name} has no meaning for an exported definition", "its jobs bring their own roles, keys and networks"
    ),
    "split-parts": Refusal("the parts are not the whole", "every row ends in exactly one part, and none is empty"),
    "jumpstart-eula": Refusal(
        "the model's licence is not accepted", "AWS hands out gated models to those who accept it"
    ),
    "jumpstart-access": Refusal(
        "a {job} job reads no gated model", "its request has no place for the licence or the hub"
    ),
    "jumpstart-region": Refusal(
        "the region has no JumpStart", "artifacts are read from the job's own region", "account"
    ),
    # training in depth
    "algorithm-name": Refusal("not an algorithm", "an algorithm is found by its name in the account, or by its ARN"),
    "algorithm-code": Refusal(
        "an algorithm takes no code", "it trains by its own program, which knows nothing of a script"
    ),
    "compute-ways": Refusal("the machines are said in two ways", "a request names one type, preferences, or groups"),
    "compute-group": Refusal("two instance groups have one name", "channels name the groups that they go to"),
    "compute-plan": Refusal("not a training plan", "capacity is reserved under the plan's ARN"),
    "compute-training": Refusal(
        "the machines are those of a training job", "processing jobs have one type of instances and no training plan"
    ),
    "channel-mode": Refusal("the channel's settings exclude each other", "SageMaker reads data only in these ways"),
    "channel-group": Refusal(
        "the channel goes to an instance group that the job has not", "the service refuses the request"
    ),
    "file-system": Refusal("not a directory of a file system", "SageMaker mounts EFS and FSx for Lustre by their ids"),
    "file-system-network": Refusal(
        "a file system cannot be mounted outside a VPC", "mount targets have addresses inside a VPC alone"
    ),
    "file-system-vpc": Refusal(
        "the account has no network to mount a file system from",
        "mount targets have addresses inside a VPC alone",
        "account",
    ),
    "distributed-image": Refusal(
        "the image cannot start the script this way",
        "AWS's PyTorch images bring SageMaker's training toolkit; in a team's own image torchrun alone is started",
    ),
    "distributed-instance": Refusal(
        "the data parallel library does not run on this instance type", "the job would fail at its start", "account"
    ),
    "spot-preferences": Refusal("a spot job cannot choose among instance types", "preferences are for on-demand ones"),
    "groups-warm-pool": Refusal(
        "a heterogeneous cluster cannot be kept warm", "SageMaker keeps clusters of one instance type"
    ),
    "stop-metric": Refusal(
        "the job has no metric {name!r} to be stopped by", "SageMaker publishes the metrics that are defined"
    ),
    "stop-name": Refusal(
        "the metric's name does not begin with the model's",
        "job names are new in every run, so the alarm knows the metric by its name alone",
    ),
    "stop-retry": Refusal(
        "a job that an alarm may end is not retried by the state",
        "it is started and looked at; SageMaker itself starts it again after an internal error",
    ),
    "debugger-closed": Refusal(
        "the account cannot use Debugger",
        "it is closed to new customers since 2026-07-30; alarms on training metrics are its successor",
        "account",
    ),
    "mlflow-name": Refusal("not the name of an MLflow experiment", "MLflow refuses it"),
    "mlflow-isolated": Refusal("an isolated container cannot log to MLflow", "isolation allows no network call at all"),
    "mlflow-missing": Refusal(
        "the account has no MLflow app", "the job's runs would be logged nowhere, or to a wrong place", "account"
    ),
    "register-plain": Refusal(
        "a model that is not compressed cannot be registered", "a version's ModelDataUrl is that of a model.tar.gz"
    ),
    # tuning
    "tune-form": Refusal(
        "the tuning job does not say what it tunes", "it tunes one algorithm, or compares several that are named"
    ),
    "tune-several": Refusal("several algorithms exclude a setting", "SageMaker has it only for a single algorithm"),
    "tune-train": Refusal(
        "the training job cannot be one of a tuning job",
        "the definition of its training jobs has fewer members than CreateTrainingJob, no command among them",
    ),
    "tune-endless": Refusal("nothing ends the tuning job", "every training job costs money"),
    "objective": Refusal("not an objective", "the tuning job compares one metric that its training jobs report"),
    "range-bounds": Refusal("the range cannot be searched", "it needs two different ends, or distinct categories"),
    "range-scaling": Refusal("the range cannot be scaled so", "logarithms need numbers above 0, reversed ones below 1"),
    "range-taken": Refusal("a hyperparameter is fixed and searched", "the service refuses it: it is one of both"),
    "range-alike": Refusal("two ranges become one key", "results are read by path, which knows letters and digits"),
    "strategy-grid": Refusal(
        "a grid cannot search this", "it runs every combination of categories, and exactly as many jobs"
    ),
    "strategy-hyperband": Refusal("Hyperband cannot search this", "it stops jobs itself, by the resources they used"),
    "warm-start": Refusal("the tuning job cannot start warm from this", "it learns from one to five earlier ones"),
    # processing in depth
    "entrypoint": Refusal("the entrypoint cannot be used", "a script brings a start of its own"),
    "input-setting": Refusal("the input has settings of training jobs", "CreateProcessingJob would silently lack them"),
    "upload-mode": Refusal("not an upload mode", "CreateProcessingJob knows two"),
    # triggers
    "cron-fields": Refusal(
        "not a cron expression of six fields", "EventBridge counts years and knows no five-field form"
    ),
    "cron-field": Refusal("the {name} of the cron expression cannot be read", "EventBridge refuses the expression"),
    "cron-days": Refusal("the cron expression says two things about the day", "EventBridge wants ? in one of both"),
    "time-zone": Refusal("not a time zone", "the schedule would be refused"),
    "rate": Refusal("not a rate", "EventBridge counts in whole minutes"),
    "data-prefix": Refusal("not a prefix that an event pattern can match", "patterns read * and ? as wildcards"),
    "alarm-name": Refusal("not the name of an alarm", "the rule matches the alarm's ARN, which is made from its name"),
    "trigger-taken": Refusal("two triggers are named {name!r}", "a trigger's name is its logical id"),
    "trigger-input": Refusal("the trigger gives {name!r}, which is no input of the pipeline", "no step could use it"),
    "trigger-value": Refusal("the trigger gives {name!r} a value that does not fit", "the run would fail at its start"),
    "trigger-missing": Refusal("the trigger leaves out required inputs", "the run would fail at its start"),
    "trigger-reserved": Refusal(
        "a trigger cannot be named {name!r}",
        "a trigger's name is its logical id, and that one is taken",
        scope="account",
    ),
    "trigger-time": Refusal("a schedule gives {name!r} out of an event", "a time that comes brings no event along"),
    "trigger-loop": Refusal("each run starts the next one", "the pipeline makes the event that starts it"),
    "event-path": Refusal("not a path into an event", "it is read by Step Functions, which knows no other form here"),
    "event-pattern": Refusal("not an event pattern", "EventBridge matches fields against lists of values and filters"),
    "event-pattern-size": Refusal(
        "the event pattern is too long", "EventBridge takes 4,096 characters", scope="account"
    ),
    "event-bus": Refusal("not the name of an event bus", "the rule is made on a bus of the same account"),
    "image-pushed": Refusal("not an image of the account's own registry", "ECR tells of its own repositories alone"),
    "approval-status": Refusal("not an approval status", "the model registry has three"),
    "features-offline": Refusal("the group has no files", "an online store tells nobody of its records"),
    "drift-monitor": Refusal("no monitor has this name", "an alarm's name is made of its monitor's"),
    "drift-silent": Refusal("nothing can ring", "a drift shows as an alarm of a monitor"),
    "debounce-event": Refusal("a burst has no one event to read from", "one run stands for many events"),
    "looks": Refusal("too many looks", "the history of an execution ends at 25,000 events; make the pauses longer"),
    # features
    "feature-name": Refusal("not the name of a feature", "Feature Store and its Glue table refuse other names"),
    "feature-reserved": Refusal(
        "Feature Store takes this name itself",
        "the offline store adds api_invocation_time, is_deleted and write_time to every record",
    ),
    "feature-type": Refusal("not a type of features", "Feature Store keeps three types"),
    "feature-taken": Refusal("two features are named {name!r}", "the Glue table does not tell upper case from lower"),
    "feature-missing": Refusal(
        "the {role} is none of the features", "every record is found by its identifier and ordered by its event time"
    ),
    "feature-role-type": Refusal(
        "the {role} has a type that cannot be one", "identifiers are compared exactly; times are ISO 8601 or seconds"
    ),
    "feature-roles": Refusal(
        "record identifier and event time are the same feature", "each record would overwrite none and follow none"
    ),
    "features-form": Refusal("the features are no Feature objects", "a tuple keeps the order in which they are kept"),
    "column-type": Refusal("the column {name!r} has a type that Feature Store cannot keep", "nothing is guessed"),
    "schema-file": Refusal("the schema cannot be read", "features are the properties or the columns of a record"),
    "package-missing": Refusal("the package {package} is not installed", "only what was asked for needs it"),
    "group-taken": Refusal("two feature groups are named {name!r}", "a group's name is its logical id"),
    "group-conflict": Refusal(
        "two models declare the feature group {name!r} differently", "the group exists once and is shared by its name"
    ),
    # stores
    "store-missing": Refusal("the feature group has no store", "its records would be kept nowhere"),
    "store-storage": Refusal("not a storage of online stores", "Feature Store has two"),
    "store-format": Refusal("not a table format of offline stores", "Feature Store writes two"),
    "store-table": Refusal("not a table of the Glue catalogue", "the catalogue keeps names in lower case"),
    "store-iceberg-table": Refusal(
        "an Iceberg store cannot use a table of your own", "Feature Store keeps the table's metadata beside the data"
    ),
    "store-memory-throughput": Refusal(
        "an in-memory store has no provisioned throughput", "the throughput mode is the standard storage's"
    ),
    # recorded schemas
    "schema-removed": Refusal(
        "the feature {name!r} of the recorded schema is gone",
        "CloudFormation would fail the update: Feature Store never removes a feature, and values written stay",
    ),
    "schema-retyped": Refusal(
        "the feature {name!r} has another type than the recorded schema",
        "CloudFormation would fail the update: Feature Store never retypes a feature, and values written stay",
    ),
    "schema-create-only": Refusal(
        "{name} differs from the recorded schema and can never change",
        "CloudFormation would have to replace the group, which its name forbids; under another name it would begin"
        " empty, with every record left behind",
    ),
    "schema-batch": Refusal(
        "more features are new than one update can add", "UpdateFeatureGroup takes 100 and is called once a deployment"
    ),
    "schema-record": Refusal("the recorded schema cannot be read", "evolution is judged by what was recorded"),
    # deployment policies
    "deployment-step": Refusal("the step has no size, or two", "traffic moves in steps of one known size"),
    "deployment-timeout": Refusal(
        "the policy waits longer than the update may take",
        "SageMaker ends an update after its timeout, 8 hours at most",
    ),
    "deployment-half": Refusal(
        "a step is larger than half the fleet", "SageMaker takes at most half the fleet in one step"
    ),
    "deployment-share": Refusal(
        "a step is a smaller share of the fleet than SageMaker takes", "Linear begins at 10 %, Rolling at 5 %"
    ),
    "serverless-deployment": Refusal(
        "a serverless endpoint takes no deployment policy",
        "deployment guardrails are for real-time and asynchronous endpoints",
    ),
    "inferentia-deployment": Refusal(
        "an endpoint on ml.inf1 takes no deployment policy", "SageMaker would move all traffic at once, without a bake"
    ),
    "variants-rolling": Refusal(
        "an endpoint of several variants cannot be updated in batches",
        "rolling deployments exclude multi-variant endpoints",
    ),
    "rollback-alarms": Refusal("too many alarms roll an update back", "SageMaker watches ten at most"),
    # variants and what they run on
    "variant-taken": Refusal("two variants are named {name!r}", "a variant's name is its place in the traffic"),
    "variant-weights": Refusal("no variant gets any traffic", "weights are shares of their sum"),
    "isolation-code": Refusal(
        "an isolated container cannot fetch its code", "network isolation cuts it off from S3 as from everything else"
    ),
    "artifact-key": Refusal("not a model artifact", "SageMaker unpacks a .tar.gz"),
    "capture-what": Refusal("not what can be captured", "SageMaker captures requests, answers, or both"),
    "volume-local": Refusal(
        "this instance type takes no volume", "it has NVMe of its own, and SageMaker refuses a volume size", "account"
    ),
    "serverless-memory": Refusal("not a memory size of serverless variants", "SageMaker offers whole GB from 1 to 6"),
    "serverless-rollback": Refusal(
        "no alarm rolls a serverless endpoint back",
        "deployment guardrails are for real-time and asynchronous endpoints",
    ),
    "serverless-capture": Refusal(
        "a serverless endpoint captures nothing", "data capture is for endpoints with instances"
    ),
    "serverless-variants": Refusal("a serverless endpoint has one variant", "SageMaker refuses more"),
    "serverless-network": Refusal(
        "a serverless endpoint has no network settings", "VPC and network isolation are for endpoints with instances"
    ),
    "serverless-image": Refusal(
        "a serverless variant cannot pull an image of another account",
        "serverless inference takes its image from the account's own ECR",
    ),
    # scaling
    "scaling-measure": Refusal("autoscaling by several measures, or by nothing", "one target can be tracked at a time"),
    "scaling-schedule": Refusal("two schedules are named {name!r}", "a schedule is known by its name"),
    "scaling-zero": Refusal(
        "a variant cannot scale to zero", "only inference components do; a serverless variant does it by itself"
    ),
    "scaling-count": Refusal(
        "the variant begins outside the bounds of its autoscaling", "it would be changed as soon as it is there"
    ),
    "scaling-concurrency": Refusal(
        "the bounds do not fit the variant's concurrency", "provisioned concurrency begins within the bounds"
    ),
    "serverless-scaling": Refusal("a serverless variant scales by itself", "only provisioned concurrency is a target"),
    "burstable-scaling": Refusal("ml.t2 instances do not scale", "autoscaling is not for burstable instances"),
    "provisioned-measure": Refusal(
        "provisioned concurrency is not scaled by this measure", "it has no instances to measure"
    ),
    "instances-measure": Refusal(
        "instances are not scaled by this measure", "it is the share of provisioned concurrency in use"
    ),
    # alarms
    "alarm-period": Refusal("not the period of an alarm", "metrics of endpoints come once a minute"),
    "alarm-window": Refusal(
        "the alarm looks back farther than CloudWatch evaluates", "a day for periods below an hour, else a week"
    ),
    "alarm-severity": Refusal("not a severity", "alarms are told apart by two"),
    "alarm-twice": Refusal("two alarms of one kind", "a kind of alarm is made once a variant"),
    "alarm-bound": Refusal("the alarm has no bound, or two", "an alarm rings on one side of one number"),
    # monitors
    "monitor-metric": Refusal("not the name of a metric", "CloudWatch finds the metric by its name"),
    "monitor-problem": Refusal("not a kind of problem", "the metrics of model quality follow from it"),
    "monitor-answer": Refusal("the monitor does not know where the answer is", "it is compared with the label"),
    "monitor-regression": Refusal("a regression has no probability", "its answer is the number itself"),
    "monitor-threshold": Refusal(
        "a probability without its threshold, or a threshold without it", "the answer is what lies above the threshold"
    ),
    "monitor-window": Refusal("the monitor looks at no captured hour", "capture is kept by the hour, labels come late"),
    "monitor-alarm-twice": Refusal("two alarms watch {metric!r} alike", "an alarm is known by metric and severity"),
    "monitor-taken": Refusal("{name!r} names two things that are watched", "schedules and alarms are known by it"),
    "monitor-capture": Refusal(
        "the monitors have nothing to look at", "they read what the endpoint captures, and begin after it"
    ),
    "monitor-blind": Refusal(
        "the endpoint does not capture what the monitor compares",
        "data quality reads requests, model quality reads answers",
    ),
    "monitor-baseline": Refusal(
        "the monitor has nothing to measure drift from",
        "drift is the distance from a baseline, and would never be told",
    ),
    "monitor-closed": Refusal(
        "the account cannot use Model Monitor",
        "it is closed to new customers since 2026-07-30; the portable engine that comes under the same specs needs no "
        "closed service",
        "account",
    ),
    "baseline-file": Refusal("not a file below the baseline's place", "its S3 URI is made from both"),
    "baseline-source": Refusal("not the place of a baseline", "a monitor compares with files in S3"),
    "baseline-unknown": Refusal(
        "the baseline is no output of the model's pipeline", "the monitor would compare with a file that nothing writes"
    ),
    # pins
    "role-absent": Refusal("the group has no role", "only an offline store is written by one"),
    "resources-absent": Refusal(
        "there are no resources here yet", "an account without a pinned version has no endpoint"
    ),
    "pin-form": Refusal("not a version of a model", "an account serves exactly what it pins", "account"),
    "pin-variant": Refusal("the pins name no variant of the endpoint", "a pin is for one variant", "account"),
    "pin-partial": Refusal(
        "some variants are pinned and some are not", "an endpoint comes up with all of its variants", "account"
    ),
    "pin-group": Refusal(
        "the pinned version belongs to another model's group",
        "the endpoint would answer with a model that nobody reviewed here",
        "account",
    ),
    "pin-region": Refusal(
        "the pinned version is of another region", "CreateModel takes model packages of its own region", "account"
    ),
    "pin-image": Refusal(
        "the image of the pinned version is not known",
        "the endpoint's role may pull what is named and nothing else",
        "account",
    ),
    "pin-code": Refusal(
        "the pinned version fetches its code from the other account's assets",
        "SageMaker Pipelines keeps no copy beside the model, and the bucket of cdk bootstrap is its own account's",
        "account",
    ),
    "type-region": Refusal("the region has no {type}", "the stack could not be created", "account"),
    # constructs
    "model-unknown": Refusal(
        "the account speaks of a model that there is not", "what it says would be silently lost", "account"
    ),
    "model-taken": Refusal("two stacks of one fleet are named {name!r}", "a model's name is its stack's name"),
    "account-half": Refusal("the account says half of where it is", "id and region make one environment"),
    "account-id": Refusal("not the id of an account", "a template would be built for an account that cannot exist"),
    "account-unbound": Refusal("no account is known here", "names, images and roles follow from the account"),
    "account-environment": Refusal(
        "the account's {name} is not that of the stack",
        "the template would be built for one place and deployed to another",
    ),
    "logical-id-taken": Refusal(
        "the construct {owner} already has this logical id", "a template has each logical id once"
    ),
    # review
    "assembly-empty": Refusal("no cloud assembly", "a change is told from two assemblies"),
    "model-import": Refusal("no model is found there", "the command reads the declaration that the app reads"),
    # drawings and runs
    "drawing-suffix": Refusal("no drawing has this suffix", "the file's suffix says which form is written"),
    "drawing-file": Refusal("the drawing cannot be written", "a drawing is a file in a folder that is there"),
    "history-gap": Refusal("events are missing", "a run is told from its first event on, all pages concatenated"),
    "run-input": Refusal("the inputs cannot be read", "a run's inputs are the keys of one JSON object"),
    "run-value": Refusal("the run gives {name!r} a value that does not fit", "the run would fail at its start"),
    "run-missing": Refusal("the run leaves out required inputs", "the run would fail at its start"),
    "run-engine": Refusal("the pipeline runs on another engine", "runs are told from the history of a state machine"),
    "run-account": Refusal("the credentials are another account's", "a stage stands for one account"),
    "machine-missing": Refusal("the account has no such state machine", "a pipeline is deployed before it runs"),
    "execution-missing": Refusal("the state machine has no such execution", "only what was started can be watched"),
    "aws-refused": Refusal("AWS did not answer {call}", "runs are started and told by AWS alone"),
    # rehearsals
    "rehearsal-image": Refusal("the assembly builds a container image", "a rehearsal runs no containers"),
    "rehearsal-assembly": Refusal("there is no model to compile", "stacks of nothing would replace those of the app"),
    "rehearsal-model": Refusal("the rehearsal has no such model", "nothing would happen, however long one waits"),
    "rehearse-pair": Refusal("the option cannot be read", "a name and a file stand on the two sides of a ="),
    "rehearse-file": Refusal("the file is not there", "a rehearsal begins when everything it needs was found"),
    "version-missing": Refusal("the model has no such version", "only what was registered can be approved"),
    # proofs
    "call-unknown": Refusal("the service has no such call", "the state could never run"),
    "call-form": Refusal("not a call that Step Functions makes in this way", "the state machine could not be created"),
    "parameter-unknown": Refusal("the call has no such parameter", "the service refuses the request"),
    "parameter-missing": Refusal("the call lacks a parameter", "the service refuses the request"),
    "parameter-type": Refusal("the parameter has the wrong type", "the service refuses the request"),
    "parameter-size": Refusal("the parameter is out of the service's bounds", "the service refuses the request"),
    "parameter-value": Refusal("the service does not know this value", "the service refuses the request"),
    "parameter-twice": Refusal("the call takes only one of these", "nobody could tell which one counts"),
    "definition-json": Refusal("the definition cannot be read", "a state machine is one JSON object"),
    "definition-size": Refusal(
        "the definition is too large for one state machine", "Step Functions refuses definitions of more than 1 MB"
    ),
    "state-type": Refusal("not a type of states", "the state machine could not be created"),
    "state-field": Refusal("{name} cannot be used here", "the state machine could not be created"),
    "state-missing": Refusal("a {kind} state without {name}", "the state machine could not be created"),
    "state-either": Refusal("only one of these fields can be used", "nobody could tell which one counts"),
    "state-name": Refusal(
        "the state's name cannot be used", "a name has at most 80 characters and stands for one state"
    ),
    "state-target": Refusal("not a state of this level", "the run could not go on"),
    "state-end": Refusal("the state does not say once what follows", "a state goes on or ends the run"),
    "state-unreached": Refusal("no run reaches this state", "what can never run is a mistake somewhere before it"),
    "state-endless": Refusal("no run that reaches this state ends", "a run would go on until its time is over"),
    "state-choice": Refusal("the rule of the choice cannot be decided", "the state machine could not be created"),
    "state-handler": Refusal("the retrier or catcher cannot be used", "the state machine could not be created"),
    "state-number": Refusal("the number is out of bounds", "the state machine could not be created"),
    "state-path": Refusal("not a path that can be followed here", "the run would fail at this state"),
    "state-intrinsic": Refusal("not an intrinsic function as the language has it", "the run would fail at this state"),
    "state-constant": Refusal("a constant that reads like a path", "only a name that ends in .$ is computed"),
    "role-missing": Refusal(
        "the role does not allow {action}, which state {state!r} calls", "the state would be denied"
    ),
    "role-idle": Refusal("the role allows {action}, which no state calls", "least privilege is exactly what is called"),
    "role-wide": Refusal(
        "the role allows {action} more widely than states call", "least privilege is exactly what is called"
    ),
    "role-statement": Refusal("the statement cannot be judged", "what it allows is not told by the actions it names"),
    # steps that call other services
    "service-name": Refusal(
        "not the name of something in the account", "it is found by its name, and its ARN is made from it"
    ),
    "glue-argument": Refusal("not an argument of a Glue job", "the job's script reads arguments by name, as --name"),
    "glue-workers": Refusal("half of a Glue job's workers", "Glue takes the type and the number of workers together"),
    "fargate-size": Refusal(
        "Fargate has no task of this size", "it offers certain amounts of memory with certain CPU units"
    ),
    "fargate-network": Refusal("a Fargate task has no such network", "it always runs in subnets and shares nothing"),
    "network-half": Refusal("half of a network", "subnets and security groups go together, inside a VPC"),
    "sub-which": Refusal("the step does not say once what it starts", "a run is of one state machine"),
    "sub-self": Refusal("the pipeline starts itself", "every run would start another one, without end"),
    "service-call": Refusal("not a call of a service", "a service and an action make the state's resource"),
    "call-json": Refusal("the parameters cannot be written", "the service reads JSON"),
    "call-mixed": Refusal(
        "a list mixes values of the run with objects", "the States Language makes such a list from values alone"
    ),
    "call-wait": Refusal("the call cannot wait for a job", "Step Functions waits only for jobs that it knows"),
    "call-on": Refusal("not an ARN of the account that the pipeline is deployed to", "one text serves every account"),
    "call-resource": Refusal(
        "nothing tells what {action} is called on", "the role is allowed to call it there and nowhere else"
    ),
    "call-idle": Refusal("the call needs nothing of this", "least privilege is exactly what is called"),
    "until-status": Refusal(
        "the call would be repeated without knowing when to end", "each answer is either good, bad, or neither yet"
    ),
    "keep-path": Refusal("not a path into the answer", "one value is kept under each name"),
    "task-token": Refusal(
        "the step waits for an answer that nobody can give, or hands out a token in vain",
        "whoever answers needs the task's token, and only a waiting task has one",
    ),
    # inputs by account
    "account-input": Refusal(
        "the account gives a default to an input that pipeline {pipeline!r} does not have",
        "what it says would be silently lost",
        "account",
    ),
    "account-input-type": Refusal(
        "the account's default does not fit input {name!r}",
        "a run without this input would start with a value that its steps cannot use",
        "account",
    ),
    # references
    "output-unknown": Refusal(
        "step {step!r} has no output {name!r}",
        "an output is declared where it is written",
    ),
    "result-unknown": Refusal("step {step!r} has no result {name!r}", "a result is named where it is kept"),
    "step-unreached": Refusal("no run ever reaches this step", "every way to it ends in a failure before"),
    "item-key": Refusal("not every item of {holder!r} has this key", "the steps run once for each item"),
    "item-outside": Refusal("there is no item here", "an item exists while a ForEach works on it"),
    "input-list": Refusal("input {name!r} holds no list", "a ForEach runs its steps once for each item of a list"),
    "map-tolerance": Refusal(
        "failed items cannot be tolerated here", "only the items of a Distributed Map fail by themselves"
    ),
    "wait-time": Refusal("the pause has not one length", "a Wait state has seconds, or a time"),
    "metric-unknown": Refusal(
        "step {step!r} defines no metric {name!r}",
        "a training job reports only the metrics it has definitions for",
    ),
    "metric-name": Refusal(
        "{name!r} cannot be the name of a metric in a metrics file",
        "the name is a key of a flat JSON file and is read by path",
    ),
    "metrics-undeclared": Refusal(
        "step {step!r} declares no metrics file",
        "its metrics are read from the file that `metrics=` names",
    ),
    "metrics-place": Refusal(
        "the metrics file is not inside a declared output",
        "only declared outputs reach S3, where the gate reads the file",
    ),
    "truth-value": Refusal(
        "a condition has no truth value while the pipeline is declared",
        "metrics are known when the pipeline runs; use &, |, ~ and between()",
    ),
    "condition-number": Refusal(
        "a metric can be compared only with a finite number, another metric or a Number input",
        "comparisons with NaN or infinity are never decided the way they read",
    ),
    "step-foreign": Refusal(
        "step {step!r} is used but is not part of this pipeline",
        "its results exist only in the run of the pipeline that contains it",
    ),
    "step-later": Refusal(
        "step {step!r} is used before it ran",
        "steps run in the order in which they are declared",
    ),
    "step-cycle": Refusal("the steps {steps} need each other", "none of them could be the first to run"),
    "step-branch": Refusal(
        "step {step!r} runs only inside {holder}",
        "this place is also reached without it, or after many of it",
    ),
    "reference-kind": Refusal(
        "a {kind} cannot be used here",
        "what a reference holds at run time must fit the place where it is used",
    ),
}

REFUSALS: Mapping[str, Refusal] = MappingProxyType(_ROWS)
