"""The texts of an exported definition: protected from `Fn::Sub`, with literals replaced, and what stays literal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from constructs_ml.compiler.expressions import escape_sub
from constructs_ml.compiler.images import image_uri
from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.template import Json, Template, sub
from constructs_ml.facts import images, regions
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.exported import Replacement
from constructs_ml.spec.values import S3

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]*:[^\s\"',]*")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_REGION = re.compile(r"(?<![a-z0-9])[a-z]{2}(?:-[a-z]+)+-\d(?![a-z0-9])")
_OPENING = re.compile(r"\$\{([A-Za-z0-9]+)\}")
_SHOWN = 5


@dataclass(slots=True)
class Texts:
    """Texts as `Fn::Sub` reads them: `openings` are what it fills in beside its pseudo parameters."""

    template: Template
    account: Account
    infrastructure: Infrastructure
    replace: Mapping[str, Replacement]
    where: str
    faults: Faults
    openings: dict[str, Json] = field(default_factory=dict)
    _pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        # The longest first: a whole ARN counts before the account's id in it.
        literals = sorted(self.replace, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, literals)) or r"(?!)")

    def render(self, value: Any) -> Any:
        """A JSON value with every text in it, keys included, ready for `Fn::Sub`."""
        if isinstance(value, str):
            return self._rendered(value)
        if isinstance(value, dict):
            return {self._rendered(key): self.render(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(item) for item in value]
        return value

    def text(self, rendered: str) -> Json:
        """A rendered text as CloudFormation reads it, with the openings that it has and no others."""
        used = {name: self.openings[name] for name in sorted(set(_OPENING.findall(rendered))) if name in self.openings}
        return sub(rendered, **used) if "${" in rendered else rendered

    def _rendered(self, text: str) -> str:
        parts, end = [], 0
        for found in self._pattern.finditer(text):
            parts += [escape_sub(text[end : found.start()]), self._replacement(self.replace[found.group()])]
            end = found.end()
        return "".join([*parts, escape_sub(text[end:])])

    def _replacement(self, value: Replacement) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, S3):
            bucket = value.bucket or self._opening("DataBucket", self.infrastructure.data_bucket)
            return f"s3://{bucket}/{value.key}"
        found = image_uri(self.template, self.account, value, "training", None, self.where, self.faults)
        family = getattr(value, "family", "own")
        return found if isinstance(found, str) else self._opening(f"Image{family.capitalize()}", found)

    def _opening(self, name: str, value: Json) -> str:
        known = [key for key, other in self.openings.items() if other == value]
        key = known[0] if known else name if name not in self.openings else f"{name}{len(self.openings)}"
        self.openings[key] = value
        return f"${{{key}}}"


def literals(document: Any, account: Account, where: str) -> Iterator[tuple[str, str]]:
    """Notices about what is the same in every account that the export is deployed to: its id and its text."""
    found: dict[str, dict[str, list[str]]] = {"ARN": {}, "account id": {}, "region": {}}
    for path, text in _texts(document, ""):
        if _is_image_of(text, account.region):
            continue
        rest = text
        for arn in _ARN.findall(text):
            if "${" not in arn:
                found["ARN"].setdefault(arn, []).append(path)
                rest = rest.replace(arn, "")
        for kind, pattern in (("account id", _ACCOUNT), ("region", _REGION)):
            for literal in pattern.findall(rest):
                if kind == "account id" or literal in regions.known():
                    found[kind].setdefault(literal, []).append(path)
    for kind, places in found.items():
        if places:
            listed = "; ".join(_place(literal, paths, account) for literal, paths in list(places.items())[:_SHOWN])
            more = f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            text = f"the export holds each {kind} literally, the same in every account: {listed}{more}"
            id = f"export-{kind.replace(' ', '-').lower()}"
            yield id, f"{where}: {text}. replace={{...}} makes it differ."


def _place(literal: str, paths: Sequence[str], account: Account) -> str:
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    foreign = _foreign(literal, account)
    return f"{literal}{foreign} at {paths[0]}{others}"


def _foreign(literal: str, account: Account) -> str:
    """Whether a literal belongs somewhere else than where it is deployed to."""
    for pattern, own, word in ((_ACCOUNT, account.id, "account"), (_REGION, account.region, "region")):
        found = [item for item in pattern.findall(literal) if word == "account" or item in regions.known()]
        if own is not None and found and own not in found:
            return f" (another {word})"
    return ""


def _is_image_of(text: str, region: str | None) -> bool:
    """Whether this is one of AWS's images in the region itself, which is right there."""
    return region is not None and f".{region}." in text and images.recognise(text) is not None


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
