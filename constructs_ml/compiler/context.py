"""What the renderers of one pipeline share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from operator import itemgetter

from constructs_ml.compiler.expressions import Expressions
from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.policies import Statement
from constructs_ml.compiler.template import Template
from constructs_ml.contract import tags
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account, RoleKind
from constructs_ml.spec.conditions import Metric
from constructs_ml.spec.images import ContainerImage
from constructs_ml.spec.jobs import Network
from constructs_ml.spec.model_settings import Constant
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import Process, Step
from constructs_ml.spec.values import S3, Input, Item, Location, Output, StepReference, fits


@dataclass(frozen=True, slots=True)
class CodeAsset:
    """A step's code as it travels: the asset's name, the file that starts, the digest of the content."""

    asset: str
    entry: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the container of one job touches: the role of its kind must allow it.

    `resumes` says that it reads what it wrote before; `passes_role` that it starts jobs under its own role; `more` is
    what it needs beside what every job does.
    """

    kind: RoleKind
    step: str
    sources: tuple[Location, ...] = ()
    images: tuple[ContainerImage, ...] = ()
    network: Network = Network()
    resumes: bool = False
    passes_role: bool = False
    more: tuple[Statement, ...] = ()


@dataclass(slots=True, kw_only=True)
class Context:
    """One pipeline on its way into one account.

    `code` maps steps to the code they bring; `used` are the references that some step uses: what steps must
    leave behind, and nothing else; `compared` the metrics among them by step. `calls` gathers what the states may do,
    `jobs` what their jobs touch.
    """

    spec: PipelineSpec
    account: Account
    infrastructure: Infrastructure
    template: Template
    expressions: Expressions
    faults: Faults = field(default_factory=Faults)
    code: dict[str, CodeAsset] = field(default_factory=dict)
    calls: list[Statement] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    used: frozenset[StepReference | Metric | Input | Item] = field(init=False)
    compared: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.used = frozenset(found for step in self.spec.all_steps for found in references_of(step))
        for step in self.spec.all_steps:
            if isinstance(step, Process):
                placed = ((name, upload.to) for name, upload in step.uploads.items())
                self.expressions.placed |= {Output(step.name, name): to for name, to in placed if to is not None}
        metrics = sorted((item.step, item.name) for item in self.used if isinstance(item, Metric))
        self.compared = {step: tuple(name for _, name in pairs) for step, pairs in groupby(metrics, itemgetter(0))}

    def default_of(self, item: Input) -> Constant | None:
        """The default of an input in this account: what the account says of the model, or what the input says."""
        given = self.account.model(self.spec.model).inputs.get(item.name)
        if given is None:
            return item.default
        return S3(given) if isinstance(given, str) and given.startswith("s3://") else given

    def where_of_input(self, name: str) -> str:
        """The place of what the account says of an input."""
        account = self.account.where or f"account {self.account.stage!r}"
        return f"{account}: models.{self.spec.model}.inputs.{name}"

    def check_inputs(self) -> None:
        """Add a fault for everything that the account says of inputs and that does not fit them."""
        known = {item.name: item for item in self.spec.inputs}
        for name, value in self.account.model(self.spec.model).inputs.items():
            where = self.where_of_input(name)
            if name not in known:
                near = get_close_matches(name, known, n=1)
                got = f"{name} (did you mean {near[0]}?)" if near else name
                allowed = tuple(known) or "inputs=(...) of the pipeline"
                self.faults.add("account-input", where=where, got=got, allowed=allowed, pipeline=self.spec.name)
            elif not fits(value, known[name].type):
                allowed = f"a {known[name].type}"
                self.faults.add("account-input-type", where=where, got=repr(value), allowed=allowed, name=name)

    def allow(self, *statements: Statement) -> None:
        """Let the pipeline itself make calls."""
        self.calls.extend(statements)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource: stable, whatever a commit changes."""
        return {
            **self.account.tags,
            **self.spec.tags,
            tags.MODEL: self.spec.model,
            tags.STAGE: self.account.stage,
            tags.OWNER: self.spec.owner,
            tags.PIPELINE: self.spec.name,
        }

    def job_tags(self, step: str) -> Mapping[str, str]:
        """A job's tags: the resources' and, of its step, the name and the digest of the code."""
        code = self.code.get(step)
        return self.tags | {tags.STEP: step} | ({tags.CODE: code.digest} if code else {})

    def where(self, step: str) -> str:
        """The place of a fault of this account's settings."""
        account = self.account.where or f"account {self.account.stage!r}"
        return f"{account}: pipeline {self.spec.name!r} of model {self.spec.model!r}, step {step!r}"

    def step(self, name: str) -> Step:
        """The step of this name; every reference of a spec names one."""
        return next(step for step in self.spec.all_steps if step.name == name)

    def metrics_of(self, step: str) -> tuple[str, ...]:
        """The metrics of a step that some condition compares."""
        return self.compared.get(step, ())
