"""Every stack of one account, compiled without CDK: the platform, the features, then the models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from constructs_ml.compiler.feature_group import compile_feature_group
from constructs_ml.compiler.model import model_nouns
from constructs_ml.compiler.platform import compile_platform
from constructs_ml.compiler.recorded import FOLDER
from constructs_ml.compiler.template import Asset, AssetPart, Compiled, Json
from constructs_ml.faults import Faults, SpecError
from constructs_ml.spec.account import Account
from constructs_ml.spec.checks import logical_id
from constructs_ml.spec.features import FeatureGroupSpec
from constructs_ml.spec.model import ModelSpec

PLATFORM, FEATURES = "platform", "features"
_QUALIFIER = "hnb659fds"


@dataclass(frozen=True, slots=True)
class FleetStack:
    """One stack: its template with every asset's place filled in, and the assets by their keys in `assets_bucket`."""

    name: str
    description: str
    template: Mapping[str, Json]
    assets: Mapping[str, Asset]


def assets_bucket(account: Account) -> str:
    """The bucket that `cdk bootstrap` makes in the account for assets."""
    return f"cdk-{_QUALIFIER}-assets-{account.id}-{account.region}"


def compile_fleet(
    models: Sequence[ModelSpec], account: Account, *, commit: str | None = None
) -> tuple[FleetStack, ...]:
    """The stacks that `Fleet` synthesizes for an account, in the order in which they are deployed.

    Raises one error with the faults of all of them.
    """
    where = account.stage
    check_names(where, models)
    faults, stacks = Faults(), list[FleetStack]()
    groups = feature_groups(where, account, models)
    nouns: dict[str, tuple[str, Iterable[Callable[[], Compiled]]]] = {
        PLATFORM: (f"ML platform of {where}", [partial(_platform, account)])
    }
    if groups:
        nouns[FEATURES] = (f"Features of {where}", [partial(_group, account, *group) for group in groups])
    for model in models:
        nouns[model.name] = (f"Model {model.name} of {model.owner}", model_nouns(model, account, commit=commit))
    for name, (description, compiles) in nouns.items():
        made = list[Compiled]()
        for compile in compiles:
            try:
                made.append(compile())
            except SpecError as refused:
                faults.found.extend(refused.faults)
        stacks.append(_stack(f"{where}-{name}", description, made, assets_bucket(account)))
    faults.raise_if_any()
    return tuple(stacks)


def check_names(fleet: str, models: Sequence[ModelSpec]) -> None:
    """Refuse two models of one name, and models that bear the name of another stack."""
    faults, seen = Faults(), {PLATFORM, FEATURES}
    for model in models:
        if model.name in seen:
            faults.add(
                "model-taken", where=f"fleet {fleet!r}", got=model.name, allowed="a name of its own", name=model.name
            )
        seen.add(model.name)
    faults.raise_if_any()


def feature_groups(fleet: str, account: Account, models: Sequence[ModelSpec]) -> list[tuple[FeatureGroupSpec, Path]]:
    """Every feature group of the models, each once, with the folder of its recorded schema.

    A model whose groups the account leaves out is checked with the others all the same.
    """
    faults, found = Faults(), dict[str, tuple[FeatureGroupSpec, Path]]()
    for model in models:
        for spec in model.features:
            known, _ = found.setdefault(spec.id, (spec, model.root / FOLDER))
            if known != spec:
                got, allowed = f"another one in model {model.name!r}", "one declaration that both models import"
                faults.add("group-conflict", where=f"fleet {fleet!r}", got=got, allowed=allowed, name=spec.id)
    faults.raise_if_any()
    wanted = {spec.id for model in models if account.model(model.name).features == "all" for spec in model.features}
    return [item for id, item in found.items() if id in wanted]


def _platform(account: Account) -> Compiled:
    return compile_platform(account, prefix=logical_id("Platform"), destroyable=account.destroyable)


def _group(account: Account, spec: FeatureGroupSpec, schemas: Path) -> Compiled:
    prefix = logical_id(logical_id(spec.id))
    return compile_feature_group(spec, account, prefix=prefix, schemas=schemas, destroyable=account.destroyable)


def _stack(name: str, description: str, parts: Sequence[Compiled], bucket: str) -> FleetStack:
    resources, mappings, assets = dict[str, Json](), dict[str, Json](), dict[str, Asset]()
    for part in parts:
        places = {asset: _place(known, bucket) for asset, known in part.assets.items()}
        assets |= {_key(known): known for known in part.assets.values()}
        filled = part.template({}, places)
        resources |= filled["Resources"]
        mappings |= filled.get("Mappings", {})
    template: dict[str, Json] = {"Description": description, "Resources": resources}
    return FleetStack(name, description, template | ({"Mappings": mappings} if mappings else {}), assets)


def _place(asset: Asset, bucket: str) -> dict[AssetPart, Json]:
    key = _key(asset)
    return {"bucket": bucket, "key": key, "uri": f"s3://{bucket}/{key}", "file": key}


def _key(asset: Asset) -> str:
    """As CDK names an asset whose hash is given: by the hash of that hash, and the last part of its file's name."""
    return f"{hashlib.sha256(asset.digest.encode()).hexdigest()}.{asset.packaging.rpartition('.')[2]}"
