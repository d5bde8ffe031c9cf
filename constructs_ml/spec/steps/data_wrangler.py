"""DataWrangler: a flow that was drawn in Data Wrangler, run over the whole data by a processing job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from constructs_ml.facts import limits
from constructs_ml.faults import refuse
from constructs_ml.spec.checks import check_choice, check_duration, check_kind, check_name, frozen
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.jobs import DAY, Compute, Network, Retry
from constructs_ml.spec.values import S3, Below, Input, Item, JobName, Location, Output, Result

# The name of a node's output in a flow: its id, and what leaves it.
_NODE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[A-Za-z0-9_]+")
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWrangler:
    """A flow, a .flow file in S3, as a processing job in Data Wrangler's image.

    `outputs` maps names to the nodes of the flow whose data is kept, each by its id and what leaves it; `inputs` maps
    the flow's data sets by their names, such as "customers.csv", to where they are read. What a flow reads by itself,
    from Athena or from places that stand in it, needs a grant to the pipeline's processing role.

    The job is requested as the notebooks that Data Wrangler exports request it; no real account was asked. Images are
    those of sagemaker-core: flows of SageMaker Canvas name newer ones.

    >>> from constructs_ml import DataWrangler, S3
    >>> node = "3f74973c-fd1e-4845-89f8-0dd400031be9.default"
    >>> clean = DataWrangler(name="clean", flow=S3("flows/clean.flow"), outputs={"clean": node})
    >>> clean.output("clean")
    Output(step='clean', name='clean')
    """

    leaves: ClassVar[tuple[type, ...]] = (Output, JobName)

    name: str
    flow: S3 | Below | Input | Item | Result
    outputs: Mapping[str, str]
    inputs: Mapping[str, Location] = field(default_factory=dict)
    version: str = "3.x"
    content_type: Literal["CSV", "PARQUET"] = "CSV"
    compute: Compute = Compute()
    network: Network = Network()
    retry: Retry | None = None
    timeout: timedelta = DAY
    raw: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_kind("flow", self.flow, where, S3, Below, Input, Item, Result)
        check_choice("content_type", self.content_type, where, Literal["CSV", "PARQUET"])
        check_duration("timeout", self.timeout, where, timedelta(minutes=1), 5 * DAY)
        if isinstance(self.flow, S3) and not self.flow.key.endswith(".flow"):
            raise refuse("kind", where=where, got=self.flow.location, allowed="a .flow file", field="the flow")
        for kind, names, most in (
            ("outputs", self.outputs, limits.PROCESSING_OUTPUTS),
            ("inputs", self.inputs, limits.PROCESSING_INPUTS - 1),
        ):
            if len(names) > most or (kind == "outputs" and not names):
                quantity, allowed = f"the number of {kind}", f"{int(kind == 'outputs')} to {most}"
                raise refuse("number-range", quantity=quantity, where=where, got=len(names), allowed=allowed)
        for name, node in self.outputs.items():
            check_name("output", name, where)
            if not _NODE.fullmatch(node):
                allowed = "<id of a node>.<output>, such as 3f74973c-fd1e-4845-89f8-0dd400031be9.default"
                raise refuse("kind", where=where, got=repr(node), allowed=allowed, field=f"the node of {name!r}")
        for name in self.inputs:
            if not _DATASET.fullmatch(name) or name == "flow":
                raise refuse("kind", where=where, got=repr(name), allowed="the name of a data set", field="an input")
        for field_name in ("outputs", "inputs", "raw"):
            object.__setattr__(self, field_name, frozen(getattr(self, field_name)))

    def output(self, name: str) -> Output:
        """The S3 prefix of what a node left."""
        if name not in self.outputs:
            where, known = f"{self.name}.output({name!r})", tuple(self.outputs)
            raise refuse("output-unknown", where=where, got=repr(name), allowed=known, step=self.name, name=name)
        return Output(self.name, name)

    @property
    def job_name(self) -> JobName:
        return JobName(self.name)
