"""FindModel: the newest version of the model that is registered, with its artifact and its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from constructs_ml.spec.checks import check_choice, check_name
from constructs_ml.spec.conditions import Comparison, Metric
from constructs_ml.spec.fields import check_fields
from constructs_ml.spec.steps.common import check_result_key
from constructs_ml.spec.steps.register import Approval
from constructs_ml.spec.values import ModelArtifact, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class FindModel:
    """Looks up the newest version of the model's own group that has a status.

    Where there is none the run fails, unless `required=False`: then the references are empty texts and `exists` does
    not hold. The group must be there: the stack of a model whose pipeline registers has it.

    >>> from constructs_ml import FindModel
    >>> champion = FindModel(required=False)
    >>> str(champion.exists), champion.metadata("auc")
    ('champion.exists >= 1', Result(step='champion', key='metadata_auc'))
    """

    leaves: ClassVar[tuple[type, ...]] = (ModelArtifact, Result, Metric)
    result_keys: ClassVar[None] = None

    name: str = "champion"
    status: Approval = "Approved"
    required: bool = True

    def __post_init__(self) -> None:
        where = f"step {self.name!r}"
        check_fields(self, where)
        check_name("step", self.name, where)
        check_choice("status", self.status, where, Approval)

    @property
    def model(self) -> ModelArtifact:
        """The version's artifact. A version whose artifact is no single URI fails the run."""
        return ModelArtifact(self.name)

    @property
    def version(self) -> Result:
        """The ARN of the version."""
        return Result(self.name, "version")

    @property
    def exists(self) -> Comparison:
        """Whether a version was found, for a Gate."""
        return Metric(self.name, "exists") >= 1

    def metadata(self, key: str) -> Result:
        """One of the version's metadata, as text; empty where the version has none of this name."""
        check_result_key(key, f"{self.name}.metadata({key!r})")
        return Result(self.name, f"metadata_{key}")
