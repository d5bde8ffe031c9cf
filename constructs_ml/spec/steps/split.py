"""Split: a table cut into parts by a processing job that the library brings along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, check_number, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.images import ContainerImage, Sklearn
from constructs_ml.spec.jobs import DAY, Channel, Code, Compute, Network, Retry
from constructs_ml.spec.steps.process import Process
from constructs_ml.spec.values import JobName, Location, Output

_SCRIPT = Path(__file__).parents[2] / "analysis" / "split.py"


@dataclass(frozen=True, slots=True)
class Randomly:
    """Rows are drawn without regard to what they hold; the same seed draws the same rows."""

    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "Randomly")
        check_whole("seed", self.seed, "Randomly", 0, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class Stratified:
    """Every value of a column is as frequent in each part as in the whole, but for rounding."""

    column: str
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "Stratified")
        check_whole("seed", self.seed, "Stratified", 0, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows of one value of a column stay in one part: no customer in both training and test."""

    column: str
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "Grouped")
        check_whole("seed", self.seed, "Grouped", 0, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class ByTime:
    """Earlier rows in earlier parts, by a column of numbers or of times; rows of one time stay in one part."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Cuts the CSV or Parquet files below a prefix into parts, each an output with one file.

    `parts` maps names to fractions that sum to 1, in the order in which ByTime fills them. CSV files have a header
    line, and their values stay as they are written. Every row ends in exactly one part; a part that would be empty
    ends the run. Parquet needs an image with pyarrow. The table must fit into the memory of one instance.

    >>> from constructs_ml import S3, Split, Stratified
    >>> split = Split(name="split", data=S3("raw/"), parts={"train": 0.8, "test": 0.2}, by=Stratified("churned"))
    >>> split.output("train")
    Output(step='split', name='train')
    """

    leaves: ClassVar[tuple[type, ...]] = (Output, JobName)

    name: str
    data: Location | Channel
    parts: Mapping[str, float]
    by: Randomly | Stratified | Grouped | ByTime = Randomly()
    image: ContainerImage = Sklearn("1.4-2")
    compute: Compute = Compute()
    network: Network = Network()
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("by", self.by, where, Randomly, Stratified, Grouped, ByTime)
        if not 2 <= len(self.parts) <= limits.PROCESSING_OUTPUTS:
            quantity, allowed = "the number of parts", f"2 to {limits.PROCESSING_OUTPUTS}"
            raise refuse("number-range", quantity=quantity, where=where, got=len(self.parts), allowed=allowed)
        for name, fraction in self.parts.items():
            check_name("part", name, where)
            check_number(f"the fraction of {name!r}", fraction, where, 0, 1)
        total = sum(Decimal(str(fraction)) for fraction in self.parts.values())
        if total != 1 or 0 in self.parts.values():
            raise refuse("split-parts", where=where, got=f"{dict(self.parts)}: {total}", allowed="parts that sum to 1")
        if not getattr(self.by, "column", "column"):
            raise refuse("empty", thing="the column", where=where, got="''", allowed="the name of a column")
        check_whole("instance_count", self.compute.instance_count, where, 1, 1)
        object.__setattr__(self, "parts", frozen(self.parts))
        object.__setattr__(self, "raw", frozen(self.raw))

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.parts)

    def output(self, name: str) -> Output:
        """The S3 prefix of one part."""
        return self.process.output(name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)

    @property
    def process(self) -> Process:
        """The processing job that this step is."""
        return Process(
            name=self.name,
            image=self.image,
            code=Code(_SCRIPT),
            arguments=self._arguments(),
            inputs={"data": self.data},
            outputs=self.outputs,
            compute=self.compute,
            network=self.network,
            retry=self.retry,
            timeout=self.timeout,
            raw=self.raw,
        )

    def _arguments(self) -> tuple[str, ...]:
        parts = tuple(
            text for name, share in self.parts.items() for text in ("--part", f"{name}={Decimal(str(share))}")
        )
        match self.by:
            case Randomly(seed):
                return (*parts, "--by", "random", "--seed", str(seed))
            case Stratified(column, seed):
                return (*parts, "--by", "stratified", "--column", column, "--seed", str(seed))
            case Grouped(column, seed):
                return (*parts, "--by", "grouped", "--column", column, "--seed", str(seed))
            case ByTime(column):
                return (*parts, "--by", "time", "--column", column)
