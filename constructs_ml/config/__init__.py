"""accounts.yaml: which accounts there are, read strictly, with every fault at its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from constructs_ml.config.explain import explain
from constructs_ml.config.hints import hinted
from constructs_ml.config.schema import AccountItem, AccountsFile
from constructs_ml.config.source import Source
from constructs_ml.faults import Faults, refuse
from constructs_ml.spec.account import Account, AccountNetwork, InstanceRules


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a file, in its order.

    Example: `for account in Accounts.load("accounts.yaml"): ...`, or `Accounts.load(path)["dev"]`.
    """

    path: str
    by_stage: Mapping[str, Account]

    @classmethod
    def load(cls, path: str | Path) -> Accounts:
        """Read a file. Raises one `SpecError` with every fault, each with its line and column."""
        shown = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            got = error.strerror if isinstance(error, OSError) else str(error)
            raise refuse("accounts-file", where=shown, got=got, allowed="a readable YAML file in UTF-8") from None
        source = Source(shown)
        content = source.read(text)
        try:
            parsed = AccountsFile.model_validate(content)
        except ValidationError as error:
            faults = Faults()
            for detail in sorted(error.errors(), key=lambda detail: source.order(detail["loc"])):
                explain(detail, source, faults)
            faults.raise_if_any()
            raise
        return cls(shown, {stage: _account(stage, item, source) for stage, item in parsed.accounts.items()})

    def __iter__(self) -> Iterator[Account]:
        return iter(self.by_stage.values())

    def __len__(self) -> int:
        return len(self.by_stage)

    def __getitem__(self, stage: str) -> Account:
        """One stage. There is no fallback: a stage that the file lacks is an error."""
        if stage not in self.by_stage:
            got = hinted(stage, repr(stage), self.by_stage)
            raise refuse("stage-missing", where=self.path, got=got, allowed=tuple(self.by_stage))
        return self.by_stage[stage]


def accounts_schema() -> dict[str, Any]:
    """The JSON Schema of accounts.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **AccountsFile.model_json_schema()}


def _account(stage: str, item: AccountItem, source: Source) -> Account:
    values = {
        known.name: getattr(item, known.name) for known in fields(Account) if known.name in AccountItem.model_fields
    }
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    network, instances = item.network, item.instances
    values["network"] = network and AccountNetwork(
        subnets=tuple(network.subnets), security_groups=tuple(network.security_groups)
    )
    values["instances"] = InstanceRules(**{**instances.model_dump(), "allowed": tuple(instances.allowed)})
    values["models"] = {name: model.build() for name, model in item.models.items()}
    return Account(stage=stage, where=source.at(("accounts", stage)), **values)
