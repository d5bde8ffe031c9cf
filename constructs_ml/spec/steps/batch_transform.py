"""BatchTransform: predictions for whole files, by a model that exists as long as the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_choice, check_duration, check_kind, check_name, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Compute, Experiment, Network, Retry
from constructs_ml.spec.steps.common import check_environment
from constructs_ml.spec.steps.register import Serving
from constructs_ml.spec.steps.sources import MODEL_SOURCES, ModelSource
from constructs_ml.spec.values import JobName, Location, Output, Value

Split = Literal["None", "Line", "RecordIO", "TFRecord"]
_PREDICTIONS, _CAPTURE = "predictions", "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformInput:
    """Files to predict for: the objects below a prefix, or those that a manifest lists.

    `split` None sends a whole file in one request; Line, RecordIO and TFRecord send it in records. The content type
    is that of each request.
    """

    source: Location
    content_type: str = "text/csv"
    split: Split = "Line"
    compression: Literal["None", "Gzip"] = "None"
    data_type: Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"] = "S3Prefix"

    def __post_init__(self) -> None:
        check_fields(self, "TransformInput")
        check_choice("split", self.split, "TransformInput", Split)
        check_choice("compression", self.compression, "TransformInput", Literal["None", "Gzip"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformOutput:
    """What is written for each file: `<file>.out` below the prefix of the predictions.

    `join` writes each record before its prediction; the filters are JSONPaths of at most 63 characters: `input_filter`
    says what of a record reaches the model, `output_filter` what of the joined record is written.
    """

    accept: str = "text/csv"
    assemble: Literal["None", "Line"] = "Line"
    join: bool = False
    input_filter: str | None = None
    output_filter: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "TransformOutput")
        check_choice("assemble", self.assemble, "TransformOutput", Literal["None", "Line"])
        for name in ("input_filter", "output_filter"):
            path = getattr(self, name)
            if path is not None and (not path.startswith("$") or len(path) > limits.TRANSFORM_FILTER_LENGTH):
                allowed = f"a JSONPath such as '$[1:]', at most {limits.TRANSFORM_FILTER_LENGTH} characters"
                raise refuse("kind", where="TransformOutput", got=f"{name}={path!r}", allowed=allowed, field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTransform:
    """A batch transform job, and the SageMaker model that it needs: made before it, deleted after it.

    An artifact of a Train step of this pipeline is served by the image that trained it; any other needs
    `serving.image`. A `Version` is a version of the model's own group in this account; its image is that of the
    pipeline's Register steps, or `serving.image`. With `capture`, requests and answers are captured below
    `output("capture")`. `max_payload_mb` bounds a request, `concurrency` is the number of requests at a time in each
    instance; both together are at most 100 MB. `timeout` bounds the job: Step Functions stops it. `raw` is merged last
    into the CreateTransformJob request. A model whose job failed is kept, for a look at it.

    >>> from constructs_ml import BatchTransform, S3, Serving, Sklearn
    >>> score = BatchTransform(name="score", model=S3("models/churn/model.tar.gz"), data=S3("customers/"),
    ...                        serving=Serving(image=Sklearn("1.4-2"), code="inference.py"))
    >>> score.output()
    Output(step='score', name='predictions')
    """

    leaves: ClassVar[tuple[type, ...]] = (Output, JobName)

    name: str
    model: ModelSource
    data: Location | TransformInput
    predictions: TransformOutput = TransformOutput()
    serving: Serving = Serving()
    strategy: Literal["MultiRecord", "SingleRecord"] | None = None
    max_payload_mb: int | None = None
    concurrency: int | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    compute: Compute = Compute()
    network: Network = Network()
    capture: bool = False
    experiment: Experiment | None = None
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("model", self.model, where, *MODEL_SOURCES)
        check_environment(self.environment, where, own=limits.ENVIRONMENT_VARIABLES - limits.TRANSFORM_ENVIRONMENT)
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 28 * DAY)
        self._check_requests(where)
        if self.compute.volume_gb != Compute().volume_gb:
            got = f"volume_gb={self.compute.volume_gb}"
            raise refuse("job-field", where=where, got=got, allowed="instance_type and instance_count", job="transform")
        if self.network.encrypt_between_containers:
            got = "encrypt_between_containers=True"
            raise refuse("job-field", where=where, got=got, allowed="vpc and isolation", job="transform")
        if self.network.isolation and self.serving.code is not None:
            got, allowed = f"serving code of {where}", "an artifact that holds its code, or no isolation"
            raise refuse("isolation-code", where=where, got=got, allowed=allowed)
        object.__setattr__(self, "environment", frozen(self.environment))
        object.__setattr__(self, "raw", frozen(self.raw))

    def _check_requests(self, where: str) -> None:
        most = limits.TRANSFORM_PAYLOAD_MB
        if self.strategy is not None:
            check_choice("strategy", self.strategy, where, Literal["MultiRecord", "SingleRecord"])
            if self.input.split == "None":
                allowed = "split Line, RecordIO or TFRecord, or no strategy"
                raise refuse("transform-strategy", where=where, got=f"{self.strategy} of whole files", allowed=allowed)
        if self.max_payload_mb is not None:
            check_whole("max_payload_mb", self.max_payload_mb, where, 0, most)
        if self.concurrency is not None:
            check_whole("concurrency", self.concurrency, where, 1, most)
            payload = self.max_payload_mb if self.max_payload_mb is not None else limits.TRANSFORM_DEFAULT_PAYLOAD_MB
            if self.concurrency * payload > most:
                got = f"{self.concurrency} x {payload} MB"
                raise refuse("transform-payload", where=where, got=got, allowed=f"at most {most} MB together")

    @property
    def input(self) -> TransformInput:
        """The data with the way it is read."""
        return self.data if isinstance(self.data, TransformInput) else TransformInput(source=self.data)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (_PREDICTIONS, _CAPTURE) if self.capture else (_PREDICTIONS,)

    def output(self, name: str = _PREDICTIONS) -> Output:
        """The S3 prefix of the predictions, or of what was captured."""
        if name not in self.outputs:
            where = f"{self.name}.output({name!r})"
            raise refuse("output-unknown", where=where, got=repr(name), allowed=self.outputs, step=self.name, name=name)
        return Output(self.name, name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)
