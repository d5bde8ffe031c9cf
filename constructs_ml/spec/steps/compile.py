"""Compile: a SageMaker Neo job that compiles a model for the machine it will run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_choice, check_duration, check_kind, check_name, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import Network, Retry
from constructs_ml.spec.values import S3, Below, Input, Item, JobName, ModelArtifact, Result

NeoFramework = Literal["TENSORFLOW", "KERAS", "MXNET", "ONNX", "PYTORCH", "XGBOOST", "TFLITE", "DARKNET", "SKLEARN"]
# fmt: off
TargetDevice = Literal[
    "lambda", "ml_m4", "ml_m5", "ml_m6g", "ml_c4", "ml_c5", "ml_c6g", "ml_p2", "ml_p3", "ml_g4dn", "ml_inf1", "ml_inf2",
    "ml_trn1", "ml_eia2", "jetson_tx1", "jetson_tx2", "jetson_nano", "jetson_xavier", "rasp3b", "rasp4b", "imx8qm",
    "deeplens", "rk3399", "rk3288", "aisage", "sbe_c", "qcs605", "qcs603", "sitara_am57x", "amba_cv2", "amba_cv22",
    "amba_cv25", "x86_win32", "x86_win64", "coreml", "jacinto_tda4vm", "imx8mplus",
]
# fmt: on
Os = Literal["ANDROID", "LINUX"]
Arch = Literal["X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF"]
Accelerator = Literal["INTEL_GRAPHICS", "MALI", "NVIDIA", "NNA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlatform:
    """A machine that is none of the target devices: its system, its architecture and, where it has one, its chip."""

    os: Os
    arch: Arch
    accelerator: Accelerator | None = None

    def __post_init__(self) -> None:
        check_fields(self, "TargetPlatform")
        check_choice("os", self.os, "TargetPlatform", Os)
        check_choice("arch", self.arch, "TargetPlatform", Arch)
        if self.accelerator is not None:
            check_choice("accelerator", self.accelerator, "TargetPlatform", Accelerator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """Compiles a model artifact, a single .tar.gz, with SageMaker Neo; `model` is the compiled artifact.

    `input_shape` maps the model's inputs to their shapes, such as {"input0": (1, 3, 224, 224)}; frameworks without
    named inputs need none. `options` are Neo's CompilerOptions. `timeout` bounds the job. `raw` is merged last into
    the CreateCompilationJob request.

    >>> from constructs_ml import Compile, S3
    >>> small = Compile(name="compile", source=S3("models/vision/model.tar.gz"), framework="PYTORCH",
    ...                 framework_version="1.13", input_shape={"input0": (1, 3, 224, 224)}, target="ml_c5")
    >>> small.model
    ModelArtifact(step='compile')
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, JobName)

    name: str
    source: ModelArtifact | S3 | Below | Input | Item | Result
    framework: NeoFramework
    target: TargetDevice | TargetPlatform
    input_shape: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    framework_version: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    network: Network = Network()
    retry: Retry | None = None
    timeout: timedelta = timedelta(hours=1)
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("source", self.source, where, ModelArtifact, S3, Below, Input, Item, Result)
        check_choice("framework", self.framework, where, NeoFramework)
        if not isinstance(self.target, TargetPlatform):
            check_choice("target", self.target, where, TargetDevice)
        for name, shape in self.input_shape.items():
            if not isinstance(shape, tuple) or not shape:
                raise refuse(
                    "kind", where=where, got=repr(shape), allowed="a tuple of sizes", field=f"the shape of {name!r}"
                )
            for size in shape:
                check_whole(f"a size of {name!r}", size, where, 1, 2**31 - 1)
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), timedelta(days=1))
        if self.network.isolation or self.network.encrypt_between_containers:
            raise refuse("job-field", where=where, got=self.network, allowed="vpc", job="compilation")
        for name in ("input_shape", "options", "raw"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def model(self) -> ModelArtifact:
        """The compiled artifact."""
        return ModelArtifact(self.name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)
