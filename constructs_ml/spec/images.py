"""Container images: AWS's framework images by version, or a team's own image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from constructs_ml.faults import refuse
from constructs_ml.spec.fields import check_fields

Accelerator = Literal["cpu", "gpu"]

_URI = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})"
)
_ALGORITHM = re.compile(r"(arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:[a-z-]*/)?[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_OWN = re.compile(r"[a-z0-9]+([._/-][a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Sklearn:
    """AWS's scikit-learn image, such as `Sklearn("1.4-2")`; it trains, processes and serves."""

    family: ClassVar[str] = "sklearn"
    version: str


@dataclass(frozen=True, slots=True)
class XGBoost:
    """AWS's XGBoost image, such as `XGBoost("1.7-1")`; without code it runs the built-in algorithm."""

    family: ClassVar[str] = "xgboost"
    version: str


@dataclass(frozen=True, slots=True)
class PyTorch:
    """AWS's PyTorch image, such as `PyTorch("2.3")`; the accelerator follows the instance type."""

    family: ClassVar[str] = "pytorch"
    version: str
    python: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A team's own image: `Image("churn-train:1.2")` in the account's own ECR, or a whole ECR URI.

    A tag or a digest is demanded: an image without one changes under the same template.
    """

    uri: str

    def __post_init__(self) -> None:
        check_fields(self, "Image")
        if not (_URI if ".dkr.ecr." in self.uri else _OWN).fullmatch(self.uri):
            raise refuse(
                "image-uri",
                where=f"Image({self.uri!r})",
                got=repr(self.uri),
                allowed="'repository:tag', 'repository@sha256:...', or a whole ECR URI with a tag or digest",
            )

    @property
    def is_own_account(self) -> bool:
        return ".dkr.ecr." not in self.uri


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm that trains instead of an image: its name in this account, or its ARN, such as a Marketplace's."""

    name: str

    def __post_init__(self) -> None:
        check_fields(self, "Algorithm")
        if not _ALGORITHM.fullmatch(self.name):
            allowed = "letters, digits and hyphens, or arn:...:algorithm/..."
            raise refuse("algorithm-name", where=f"Algorithm({self.name!r})", got=repr(self.name), allowed=allowed)


Framework = Sklearn | XGBoost | PyTorch
ContainerImage = Sklearn | XGBoost | PyTorch | Image
IMAGES: tuple[type, ...] = (Sklearn, XGBoost, PyTorch, Image)
