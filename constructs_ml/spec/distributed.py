"""How a training job uses several processes and machines."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_whole
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import Algorithm, ContainerImage, Image, PyTorch


@dataclass(frozen=True, slots=True, kw_only=True)
class Torchrun:
    """`torchrun` starts the script on every machine.

    AWS's PyTorch images start a process for each accelerator. In a team's own image, `processes_per_host` None lets
    torchrun count: GPUs if there are any, else CPUs; the machines meet at `algo-1:7777`.
    """

    processes_per_host: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Torchrun")
        if self.processes_per_host is not None:
            check_whole("processes_per_host", self.processes_per_host, "Torchrun", 1, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class MPI:
    """`mpirun` starts the script. `options` are further options of mpirun."""

    processes_per_host: int | None = None
    options: str = ""

    def __post_init__(self) -> None:
        check_fields(self, "MPI")
        if self.processes_per_host is not None:
            check_whole("processes_per_host", self.processes_per_host, "MPI", 1, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class SMDistributedDataParallel:
    """SageMaker's data parallel library, in AWS's PyTorch images on ml.p4d and ml.p4de instances."""

    options: str = ""


Distributed = Torchrun | MPI | SMDistributedDataParallel


def check_distributed(
    distributed: Distributed | None, image: ContainerImage | Algorithm, has_code: bool, where: str
) -> None:
    """What the image cannot start is refused: only script mode starts a script at all."""
    if distributed is None:
        return
    kind = type(distributed).__name__
    if not has_code:
        raise refuse("distributed-image", where=where, got=f"{kind} without code=", allowed="a script to start")
    if isinstance(distributed, Torchrun) and isinstance(image, Image):
        return
    if not isinstance(image, PyTorch):
        allowed = "PyTorch(...), or Torchrun in a team's own image"
        raise refuse("distributed-image", where=where, got=f"{kind} in {image}", allowed=allowed)
    if isinstance(distributed, Torchrun) and distributed.processes_per_host is not None:
        got = f"processes_per_host={distributed.processes_per_host} in {image}"
        raise refuse("distributed-image", where=where, got=got, allowed="processes_per_host=None: one per accelerator")


def hyperparameters(distributed: Distributed | None) -> dict[str, str]:
    """The hyperparameters by which the training toolkit in AWS's images learns how to start the script."""
    match distributed:
        case Torchrun():
            return {"sagemaker_torch_distributed_enabled": "true"}
        case MPI(processes_per_host=processes, options=options):
            found = {"sagemaker_mpi_enabled": "true"}
            if processes is not None:
                found["sagemaker_mpi_num_of_processes_per_host"] = str(processes)
            return found | ({"sagemaker_mpi_custom_mpi_options": options} if options else {})
        case SMDistributedDataParallel(options=options):
            found = {"sagemaker_distributed_dataparallel_enabled": "true"}
            return found | ({"sagemaker_distributed_dataparallel_custom_mpi_options": options} if options else {})
    return {}
