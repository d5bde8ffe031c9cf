"""A pinned endpoint for one account: models, configuration, endpoint, alarms, scaling, and its monitors.

Model and EndpointConfig are never named: every change but their tags replaces them, and a fixed name would be taken.
Endpoint keeps its name, and all that it changes of itself is the configuration that it refers to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from constructs_ml.compiler import machines
from constructs_ml.compiler.alarms import add_variant_alarms
from constructs_ml.compiler.baselines import SERVICE
from constructs_ml.compiler.deployment import deployment_config
from constructs_ml.compiler.endpoint_config import CONFIG, add_config
from constructs_ml.compiler.infrastructure import Infrastructure, of_platform
from constructs_ml.compiler.monitoring import add_monitors
from constructs_ml.compiler.policies import Role, Statement, add_role
from constructs_ml.compiler.scaling import add_scaling
from constructs_ml.compiler.serving import Serving, check_pins, read_variant_code, served, unpinned
from constructs_ml.compiler.serving_access import container_statements
from constructs_ml.compiler.template import Compiled, Json, Template, att, check_types, ref, tag_list
from constructs_ml.facts import instances
from constructs_ml.spec.account import Account
from constructs_ml.spec.compute import Serverless
from constructs_ml.spec.deployment import AllAtOnce
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.exclusions import check_endpoint, instances_of, least_instances
from constructs_ml.spec.images import ContainerImage, Image
from constructs_ml.spec.monitors import Monitor
from constructs_ml.spec.watched import check_watched

ENDPOINT, ROLE = "Endpoint", "Role"


def compile_endpoint(
    spec: EndpointSpec,
    account: Account,
    *,
    model: str,
    owner: str,
    prefix: str,
    infrastructure: Infrastructure | None = None,
    monitors: Sequence[Monitor] = (),
    images: tuple[ContainerImage, ...] = (),
    root: Path = Path(),
    user_tags: Mapping[str, str] | None = None,
    role: Json | None = None,
) -> Compiled:
    """Render an endpoint; without resources, and with a notice, for an account that pins no version yet.

    Raises `AccountError` with every setting of the account that cannot carry it, `SpecError` for missing code.
    """
    serving = Serving(
        spec=spec,
        account=account,
        model=model,
        owner=owner,
        infrastructure=infrastructure or of_platform(account),
        template=Template(prefix),
        root=root,
        images=images,
        user_tags=user_tags or {},
    )
    check_watched(spec, monitors, f"endpoint of model {model!r}")
    code = read_variant_code(serving)
    check_pins(serving)
    absent = bool(unpinned(spec, serving.settings))
    types = _instance_types(serving, needed=not absent)
    check_endpoint(spec, serving.where, serving.faults, instance_types=types, deployment=serving.settings.deployment)
    serving.vpc = _vpc(serving)
    _raise(serving)
    if absent:
        return _absent(serving, monitors)
    found = [
        served(serving, variant, chosen, code.get(variant.name))
        for variant, chosen in zip(spec.variants, types, strict=True)
    ]
    _check_images(serving)
    _raise(serving)
    statements = container_statements(serving, found)
    if role is not None:
        serving.template.required += [item.render() for item in statements]
    made = None if role is not None else _role(serving, statements)
    add_config(serving, found, types, role or att(serving.template.id(ROLE), "Arn"), made.policies if made else ())
    _endpoint(serving, add_variant_alarms(serving))
    name = att(serving.template.id(ENDPOINT), "EndpointName")
    add_scaling(serving, name)
    _check_fleet(serving)
    add_monitors(serving, monitors, name)
    _raise(serving)
    check_types(serving.template, account, f"endpoint of model {model!r}")
    return serving.template.compiled()


def _raise(serving: Serving) -> None:
    """Raise what was found: the spec was checked when it was built, so that only the account can be at fault here."""
    serving.faults.found = [replace(item, scope="account") for item in serving.faults.found]
    serving.faults.raise_if_any()


def _absent(serving: Serving, monitors: Sequence[Monitor]) -> Compiled:
    watched = ", and its monitors are not there either" if monitors else ""
    stage = serving.account.stage
    serving.template.notice(
        "endpoint-unpinned",
        f"stage {stage!r} pins no version of model {serving.model!r} yet: it has no endpoint{watched}."
        f" Pin one with models.{serving.model}.pins of the account." + _closed(serving, monitors),
    )
    serving.template.assets.clear()
    return serving.template.compiled()


def _closed(serving: Serving, monitors: Sequence[Monitor]) -> str:
    """What an account without Model Monitor should know before it pins."""
    if not monitors or serving.settings.monitors == "none" or SERVICE in serving.account.existing_customer:
        return ""
    return f" The account cannot use Model Monitor: it will need models.{serving.model}.monitors: none too."


def _check_fleet(serving: Serving) -> None:
    """A share of one instance is that instance: whether SageMaker takes it is not said anywhere."""
    policy = serving.settings.deployment or serving.spec.deployment
    if serving.is_serverless or isinstance(policy, AllAtOnce) or policy.percent is None:
        return
    if least_instances(serving.spec) == 1:
        serving.template.notice(
            "fleet-of-one",
            f"the endpoint of model {serving.model!r} may have a single instance, of which {policy.percent} % is all:"
            f" {type(policy).__name__} cannot move a part of its traffic. Give it two.",
        )


def _instance_types(serving: Serving, *, needed: bool) -> tuple[str | None, ...]:
    """The type of each variant; None for one without machines, or where none is named and none is `needed` yet."""
    chosen: list[str | None] = []
    for variant in serving.spec.variants:
        compute, where = variant.compute, f"{serving.where}, variant {variant.name!r}"
        if isinstance(compute, Serverless):
            chosen.append(None)
            continue
        given = compute.instance_type or serving.settings.instance_type or serving.account.instances.endpoint
        if given is None and not needed:
            chosen.append(None)
            continue
        scaling = serving.spec.autoscaling
        count = scaling.most if scaling else instances_of(serving.spec, compute)
        found = machines.instance_type(serving.account, "endpoint", given, count, where, serving.faults)
        if found and compute.volume_gb and instances.has_local_storage(found):
            got, allowed = f"volume_gb={compute.volume_gb} on {found}", "no volume_gb, or another type"
            serving.faults.add("volume-local", where=where, got=got, allowed=allowed)
        chosen.append(found)
    return tuple(chosen)


def _check_images(serving: Serving) -> None:
    """A serverless variant's own image lies in its own account."""
    for variant in serving.spec.variants:
        images = (variant.model.image,) if variant.model.image else serving.images
        for image in images if isinstance(variant.compute, Serverless) else ():
            if not isinstance(image, Image) or image.is_own_account:
                continue
            if serving.account.id is None or not image.uri.startswith(f"{serving.account.id}."):
                where = f"{serving.where}, variant {variant.name!r}"
                allowed = f"an image in the registry of {serving.account.id or 'the account'}"
                serving.faults.add("serverless-image", where=where, got=image.uri, allowed=allowed)


def _role(serving: Serving, statements: Sequence[Statement]) -> Role:
    return add_role(
        serving.template,
        ROLE,
        description=f"Containers of the endpoint of {serving.model}",
        services=("sagemaker.amazonaws.com",),
        statements=statements,
        boundary=serving.account.permissions_boundary,
        tags=serving.tags,
    )


def _endpoint(serving: Serving, alarms: Sequence[str]) -> None:
    template, spec = serving.template, serving.spec
    properties: dict[str, Json] = {
        "EndpointName": serving.name,
        "EndpointConfigName": att(template.id(CONFIG), "EndpointConfigName"),
        "Tags": tag_list(serving.tags),
    }
    if not serving.is_serverless:
        rollback = [*map(ref, alarms), *spec.rollback]
        properties["DeploymentConfig"] = deployment_config(serving.settings.deployment or spec.deployment, rollback)
    if spec.autoscaling is not None:
        # Capacity is the scaling's; weights and capture are the declaration's.
        kept = ("DataCaptureConfig", "DesiredWeight")
        properties["RetainAllVariantProperties"] = True
        properties["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": item} for item in kept]
    template.add(ENDPOINT, "AWS::SageMaker::Endpoint", properties)


def _vpc(serving: Serving) -> tuple[Json, Json] | None:
    """The network of the containers. Serverless ones have none, which an account with a network must be told."""
    wanted, found = serving.spec.network, serving.infrastructure
    if not serving.is_serverless:
        return machines.network(found, wanted, serving.where, serving.faults)
    if wanted.vpc is None and found.subnets is not None:
        allowed = "Network(vpc=False), or Instances()"
        serving.faults.add("serverless-network", where=serving.where, got="an account with a network", allowed=allowed)
    return None
