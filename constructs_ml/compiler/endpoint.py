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
from constructs_ml.compiler.endpoint_context import EndpointContext
from constructs_ml.compiler.infrastructure import Infrastructure, of_platform
from constructs_ml.compiler.monitoring import add_monitors
from constructs_ml.compiler.policies import Role, Statement, add_role
from constructs_ml.compiler.scaling import add_scaling
from constructs_ml.compiler.serving import check_pins, read_fetched_code, read_variant_code, served, unpinned
from constructs_ml.compiler.serving_access import container_statements
from constructs_ml.compiler.template import Compiled, Json, Template, att, check_types, ref, tag_list
from constructs_ml.facts import instances
from constructs_ml.spec.account import Account
from constructs_ml.spec.compute import Serverless
from constructs_ml.spec.deployment import AllAtOnce
from constructs_ml.spec.endpoint import EndpointSpec
from constructs_ml.spec.exclusions import check_endpoint, instances_of, least_instances
from constructs_ml.spec.images import ContainerImage, Image
from constructs_ml.spec.jobs import Code
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
    fetched: tuple[Code, ...] = (),
    root: Path = Path(),
    user_tags: Mapping[str, str] | None = None,
    role: Json | None = None,
) -> Compiled:
    """Render an endpoint; without resources, and with a notice, for an account that pins no version yet.

    Raises `AccountError` with every setting of the account that cannot carry it, `SpecError` for missing code.
    """
    context = EndpointContext(
        spec=spec,
        account=account,
        model=model,
        owner=owner,
        infrastructure=infrastructure or of_platform(account),
        template=Template(prefix),
        root=root,
        images=images,
        fetched=fetched,
        user_tags=user_tags or {},
    )
    check_watched(spec, monitors, f"endpoint of model {model!r}")
    code = read_variant_code(context)
    read_fetched_code(context)
    check_pins(context)
    absent = bool(unpinned(spec, context.settings))
    types = _instance_types(context, needed=not absent)
    check_endpoint(spec, context.where, context.faults, instance_types=types, deployment=context.settings.deployment)
    context.vpc = _vpc(context)
    _raise(context)
    if absent:
        return _absent(context, monitors)
    found = [
        served(context, variant, chosen, code.get(variant.name))
        for variant, chosen in zip(spec.variants, types, strict=True)
    ]
    _check_images(context)
    _raise(context)
    statements = container_statements(context, found)
    if role is not None:
        context.template.required += [item.render() for item in statements]
    made = None if role is not None else _role(context, statements)
    add_config(context, found, types, role or att(context.template.id(ROLE), "Arn"), made.policies if made else ())
    _endpoint(context, add_variant_alarms(context))
    name = att(context.template.id(ENDPOINT), "EndpointName")
    add_scaling(context, name)
    _check_fleet(context)
    add_monitors(context, monitors, name)
    _raise(context)
    check_types(context.template, account, f"endpoint of model {model!r}")
    return context.template.compiled()


def _raise(context: EndpointContext) -> None:
    """Raise what was found: the spec was checked when it was built, so that only the account can be at fault here."""
    context.faults.found = [replace(item, scope="account") for item in context.faults.found]
    context.faults.raise_if_any()


def _absent(context: EndpointContext, monitors: Sequence[Monitor]) -> Compiled:
    watched = ", and its monitors are not there either" if monitors else ""
    stage = context.account.stage
    context.template.notice(
        "endpoint-unpinned",
        f"stage {stage!r} pins no version of model {context.model!r} yet: it has no endpoint{watched}."
        f" Pin one with models.{context.model}.pins of the account." + _closed(context, monitors),
    )
    context.template.assets.clear()
    return context.template.compiled()


def _closed(context: EndpointContext, monitors: Sequence[Monitor]) -> str:
    """What an account without Model Monitor should know before it pins."""
    if not monitors or context.settings.monitors == "none" or SERVICE in context.account.existing_customer:
        return ""
    return f" The account cannot use Model Monitor: it will need models.{context.model}.monitors: none too."


def _check_fleet(context: EndpointContext) -> None:
    """A share of one instance is that instance: whether SageMaker takes it is not said anywhere."""
    policy = context.settings.deployment or context.spec.deployment
    if context.is_serverless or isinstance(policy, AllAtOnce) or policy.percent is None:
        return
    if least_instances(context.spec) == 1:
        context.template.notice(
            "fleet-of-one",
            f"the endpoint of model {context.model!r} may have a single instance, of which {policy.percent} % is all:"
            f" {type(policy).__name__} cannot move a part of its traffic. Give it two.",
        )


def _instance_types(context: EndpointContext, *, needed: bool) -> tuple[str | None, ...]:
    """The type of each variant; None for one without machines, or where none is named and none is `needed` yet."""
    chosen: list[str | None] = []
    for variant in context.spec.variants:
        compute, where = variant.compute, f"{context.where}, variant {variant.name!r}"
        if isinstance(compute, Serverless):
            chosen.append(None)
            continue
        given = compute.instance_type or context.settings.instance_type or context.account.instances.endpoint
        if given is None and not needed:
            chosen.append(None)
            continue
        scaling = context.spec.autoscaling
        count = scaling.most if scaling else instances_of(context.spec, compute)
        found = machines.instance_type(context.account, "endpoint", given, count, where, context.faults)
        if found and compute.volume_gb and instances.has_local_storage(found):
            got, allowed = f"volume_gb={compute.volume_gb} on {found}", "no volume_gb, or another type"
            context.faults.add("volume-local", where=where, got=got, allowed=allowed)
        chosen.append(found)
    return tuple(chosen)


def _check_images(context: EndpointContext) -> None:
    """A serverless variant's own image lies in its own account."""
    for variant in context.spec.variants:
        images = (variant.model.image,) if variant.model.image else context.images
        for image in images if isinstance(variant.compute, Serverless) else ():
            if not isinstance(image, Image) or image.is_own_account:
                continue
            if context.account.id is None or not image.uri.startswith(f"{context.account.id}."):
                where = f"{context.where}, variant {variant.name!r}"
                allowed = f"an image in the registry of {context.account.id or 'the account'}"
                context.faults.add("serverless-image", where=where, got=image.uri, allowed=allowed)


def _role(context: EndpointContext, statements: Sequence[Statement]) -> Role:
    return add_role(
        context.template,
        ROLE,
        description=f"Containers of the endpoint of {context.model}",
        services=("sagemaker.amazonaws.com",),
        statements=statements,
        boundary=context.account.permissions_boundary,
        tags=context.tags,
    )


def _endpoint(context: EndpointContext, alarms: Sequence[str]) -> None:
    template, spec = context.template, context.spec
    properties: dict[str, Json] = {
        "EndpointName": context.name,
        "EndpointConfigName": att(template.id(CONFIG), "EndpointConfigName"),
        "Tags": tag_list(context.tags),
    }
    if not context.is_serverless:
        rollback = [*map(ref, alarms), *spec.rollback]
        properties["DeploymentConfig"] = deployment_config(context.settings.deployment or spec.deployment, rollback)
    if spec.autoscaling is not None:
        # Capacity is the scaling's; weights and capture are the declaration's.
        kept = ("DataCaptureConfig", "DesiredWeight")
        properties["RetainAllVariantProperties"] = True
        properties["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": item} for item in kept]
    template.add(ENDPOINT, "AWS::SageMaker::Endpoint", properties)


def _vpc(context: EndpointContext) -> tuple[Json, Json] | None:
    """The network of the containers. Serverless ones have none, which an account with a network must be told."""
    wanted, found = context.spec.network, context.infrastructure
    if not context.is_serverless:
        return machines.network(found, wanted, context.where, context.faults)
    if wanted.vpc is None and found.subnets is not None:
        allowed = "Network(vpc=False), or Instances()"
        context.faults.add("serverless-network", where=context.where, got="an account with a network", allowed=allowed)
    return None
