"""ForEach: the same steps for every item of a list, of a manifest, or of a listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_kind, check_name, check_number, check_whole, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.steps.common import check_result_key
from constructs_ml.spec.values import S3, Below, Input, Output, Result, Value

if TYPE_CHECKING:
    from constructs_ml.spec.steps import Step


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file in S3 that lists the items: a JSON array, JSON lines, or CSV with a header line.

    Of a CSV every column is text; `Item("column")` is one of them.
    """

    file: S3 | Below
    format: Literal["JSON", "JSONL", "CSV"] = "JSON"

    def __post_init__(self) -> None:
        where = f"Manifest({self.file})"
        check_fields(self, where)
        check_kind("file", self.file, where, S3, Below)
        if self.format not in ("JSON", "JSONL", "CSV"):
            raise refuse(
                "kind", where=where, got=repr(self.format), allowed=("JSON", "JSONL", "CSV"), field="the format"
            )


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects below a prefix; `Item("uri")`, `Item("key")` and `Item("size")` tell where one is, and its bytes."""

    prefix: S3 | Below

    def __post_init__(self) -> None:
        check_fields(self, "Listing")
        check_kind("prefix", self.prefix, "Listing", S3, Below)


Items = tuple[object, ...] | Input | Result | Manifest | Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """Runs steps once for every item; inside, `Item("key")` is a key of the item.

    `items` from a Manifest or a Listing, or `distributed=True`, make a Distributed Map: every item is an execution of
    its own, up to 10,000 at a time and without a bound on their number. Otherwise the items are part of the run: at
    most 40 at a time. `concurrency` bounds both; `tolerated_failures` is the percentage of items of a Distributed Map
    that may fail. `keep` names what is kept of every item: `each.results` is then the list of those objects, or the
    place where a Distributed Map wrote them.

    >>> from constructs_ml import ForEach, Item, Process, S3, Sklearn
    >>> one = Process(name="score", image=Sklearn("1.4-2"), code="score.py", arguments=("--city", Item("city")))
    >>> each = ForEach(name="cities", items=({"city": "Bern"}, {"city": "Basel"}), steps=(one,))
    >>> each.is_distributed
    False
    """

    leaves: ClassVar[tuple[type, ...]] = (Result, Output)

    name: str
    items: Items
    steps: tuple[Step, ...]
    concurrency: int | None = None
    distributed: bool = False
    tolerated_failures: float = 0
    keep: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("items", self.items, where, tuple, Input, Result, Manifest, Listing)
        if not self.steps:
            raise refuse("empty", thing="steps", where=where, got="no steps", allowed="at least one step")
        if isinstance(self.items, Input) and self.items.type != "List":
            raise refuse("input-list", where=where, got=self.items.type, allowed="List", name=self.items.name)
        if isinstance(self.items, tuple) and not self.items:
            raise refuse("empty", thing="items", where=where, got="()", allowed="at least one item")
        most = limits.MAP_CONCURRENCY if self.is_distributed else limits.INLINE_MAP_CONCURRENCY
        if self.concurrency is not None:
            check_whole("concurrency", self.concurrency, where, 1, most)
        check_number("tolerated_failures", self.tolerated_failures, where, 0, 100)
        if self.tolerated_failures and not self.is_distributed:
            raise refuse(
                "map-tolerance",
                where=where,
                got=f"tolerated_failures={self.tolerated_failures}",
                allowed="distributed=True, or no tolerance",
            )
        for key in self.keep:
            check_result_key(key, f"{where}, keep")
        object.__setattr__(self, "keep", frozen(self.keep))

    @property
    def is_distributed(self) -> bool:
        """Whether every item is an execution of its own."""
        return self.distributed or isinstance(self.items, (Manifest, Listing))

    @property
    def item_keys(self) -> tuple[str, ...] | None:
        """The keys that every item has, where the declaration tells them."""
        if isinstance(self.items, Listing):
            return ("uri", "key", "size")
        if not isinstance(self.items, tuple):
            return None
        keys = [tuple(item) if isinstance(item, Mapping) else () for item in self.items]
        return tuple(key for key in keys[0] if all(key in other for other in keys))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Where a Distributed Map writes what is kept of every item, and which of them failed."""
        return ("results",) if self.is_distributed else ()

    @property
    def result_keys(self) -> tuple[str, ...]:
        return ("items",) if self.keep and not self.is_distributed else ()

    @property
    def results(self) -> Result | Output:
        """What was kept of every item: a list, or the S3 prefix of a Distributed Map's results."""
        if not self.keep:
            raise refuse(
                "result-unknown",
                where=f"{self.name}.results",
                got="no keep=",
                allowed="keep={name: value}",
                step=self.name,
                name="results",
            )
        return Output(self.name, "results") if self.is_distributed else Result(self.name, "items")
