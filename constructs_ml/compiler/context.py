"""What the renderers of one pipeline share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from constructs_ml.spec.pipeline import PipelineSpec
from constructs_ml.spec.references import references_of
from constructs_ml.spec.steps import Process
from constructs_ml.spec.values import Input, Item, Location, Output, StepReference


@dataclass(frozen=True, slots=True)
class CodeAsset:
    """A step's code as it travels: the asset's name, the file that starts, the digest of the content."""

    asset: str
    entry: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the container of one job touches: the role of its kind must allow it.

    `resumes` says that it reads what it wrote before; `more` is what it needs beside what every job does.
    """

    kind: RoleKind
    step: str
    sources: tuple[Location, ...] = ()
    images: tuple[ContainerImage, ...] = ()
    network: Network = Network()
    resumes: bool = False
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

    def metrics_of(self, step: str) -> tuple[str, ...]:
        """The metrics of a step that some condition compares."""
        return self.compared.get(step, ())
