"""What the roles of jobs may do: exactly what their containers touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from constructs_ml.compiler import permissions
from constructs_ml.compiler.context import Context, Job
from constructs_ml.compiler.given import places_given
from constructs_ml.compiler.images import registry_arn
from constructs_ml.compiler.infrastructure import bucket_arn
from constructs_ml.compiler.jumpstart import REGION
from constructs_ml.compiler.policies import Role, Statement, add_role, document, merge
from constructs_ml.compiler.template import Json, asset, att, ref, sub
from constructs_ml.contract import names
from constructs_ml.facts import jumpstart
from constructs_ml.spec.account import RoleKind
from constructs_ml.spec.jumpstart import JumpStart
from constructs_ml.spec.steps import FindModel, ForEach, Listing
from constructs_ml.spec.values import S3, Below, Input, Item, Location, ModelArtifact, Output, Result

JOB_ROLE: Mapping[RoleKind, str] = {
    "training": "Training role",
    "processing": "Processing role",
    "transform": "Transform role",
    "automl": "AutoML role",
    "compilation": "Compilation role",
}
_LOG_GROUP: Mapping[RoleKind, str] = {
    "training": "/aws/sagemaker/TrainingJobs",
    "processing": "/aws/sagemaker/ProcessingJobs",
    "transform": "/aws/sagemaker/TransformJobs",
    "automl": "/aws/sagemaker/TrainingJobs",
    "compilation": "/aws/sagemaker/CompilationJobs",
}


def add_job_roles(context: Context) -> list[Role]:
    """One role for each kind of job that the pipeline has, but for those that the user gives."""
    roles: list[Role] = []
    for kind, part in JOB_ROLE.items():
        jobs = [job for job in context.jobs if job.kind == kind]
        if not jobs:
            continue
        statements = _statements(context, kind, jobs)
        passes = any(job.passes_role for job in jobs)
        if kind in context.infrastructure.roles:
            statements += _passing(context.infrastructure.roles[kind]) if passes else []
            rendered = [statement.render() for statement in merge(statements)]
            context.template.required += [item for item in rendered if item not in context.template.required]
            continue
        role = add_role(
            context.template,
            part,
            description=f"{part.removesuffix(' role')} jobs of {context.spec.name} of {context.spec.model}",
            services=("sagemaker.amazonaws.com",),
            statements=statements,
            boundary=context.account.permissions_boundary,
            tags=context.tags,
        )
        roles.append(_passing_itself(context, part, role) if passes else role)
    return roles


def _passing(role_arn: Json) -> list[Statement]:
    """Hand a role on to jobs of SageMaker."""
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return [Statement(("iam:PassRole",), (role_arn,), passed)]


def _passing_itself(context: Context, part: str, role: Role) -> Role:
    """A role that hands itself on: in a policy of its own, for a role cannot name itself while it is made."""
    policy = context.template.add(
        f"{part} passing",
        "AWS::IAM::ManagedPolicy",
        {
            "Description": f"{part} of {context.spec.name} of {context.spec.model} for the jobs that it starts",
            "PolicyDocument": document(_passing(att(role.id, "Arn"))),
            "Roles": [ref(role.id)],
        },
    )
    return replace(role, policies=(*role.policies, policy))


def _statements(context: Context, kind: RoleKind, jobs: Sequence[Job]) -> list[Statement]:
    """What the containers of one kind of job may do."""
    infrastructure = context.infrastructure
    prefix = names.pipeline_prefix(context.spec.model, context.spec.name)
    written = bucket_arn(infrastructure.artifact_bucket, f"{prefix}*")
    group = _LOG_GROUP[kind]
    images = dict.fromkeys(image for job in jobs for image in job.images)
    statements = [
        *_reads(context, jobs),
        Statement(("s3:PutObject", "s3:AbortMultipartUpload"), (written,), because=permissions.OBJECTS),
        *permissions.logs(group),
        permissions.publish(group),
        *(statement for job in jobs for statement in job.more),
    ]
    if images:
        scope = "inference" if kind == "transform" else "training"
        statements += permissions.pull(
            [registry_arn(context.template, context.account, image, scope) for image in images]
        )
    if any(job.resumes for job in jobs):
        statements += permissions.read(infrastructure.artifact_bucket, [prefix])
    if infrastructure.data_key_arn is not None:
        statements.append(Statement(("kms:Decrypt",), (infrastructure.data_key_arn,)))
    if infrastructure.key_arn is not None:
        statements += permissions.use_key(infrastructure.key_arn)
    account_wide = infrastructure.subnets is not None
    if any(job.network.subnets or (account_wide and job.network.vpc is not False) for job in jobs):
        statements += permissions.network()
    return statements


def _reads(context: Context, jobs: Sequence[Job]) -> Iterator[Statement]:
    """Objects below the prefixes that the jobs read, and the listing that finds them."""
    _check_jumpstart(context, jobs)
    prefixes: dict[str, tuple[Json, list[str]]] = {}
    places = [place for job in jobs for source in job.sources for place in places_of(context, source)]
    for bucket, prefix in places:
        _, known = prefixes.setdefault(str(bucket), (bucket, []))
        if prefix not in known:
            known.append(prefix)
    for bucket, known in prefixes.values():
        yield from permissions.read(bucket, sorted(known))
    code = [context.code[job.step].asset for job in jobs if job.step in context.code]
    if code:
        yield from permissions.read_code(asset(code[0], "bucket"))


def _check_jumpstart(context: Context, jobs: Sequence[Job]) -> None:
    """Add a fault for a model of JumpStart that the region or the kind of job cannot have."""
    for job in jobs:
        for source in job.sources:
            if not isinstance(source, JumpStart):
                continue
            where = context.where(job.step)
            context.faults.found.extend(jumpstart.faults_of(context.account.region, where))
            if source.needs_access and job.kind not in ("training", "transform"):
                allowed = "Train, BatchTransform and Register"
                context.faults.add("jumpstart-access", where=where, got=source.model_id, allowed=allowed, job=job.kind)


def places_of(context: Context, source: Location) -> Iterator[tuple[Json, str]]:
    """The buckets and prefixes that a source can turn out to be."""
    data, artifacts = context.infrastructure.data_bucket, context.infrastructure.artifact_bucket
    match source:
        case S3():
            yield source.bucket or data, source.key
        case JumpStart():
            yield sub(jumpstart.bucket(REGION, gated=source.gated)), source.artifact
        case Below(place):
            yield from places_of(context, place)
        case ModelArtifact(step) if isinstance(context.step(step), FindModel):
            # Any pipeline of the model may have registered the version.
            yield artifacts, f"{context.spec.model}/"
        case Output() if source in context.expressions.placed:
            yield from places_of(context, context.expressions.placed[source])
        case Output() | ModelArtifact():
            yield artifacts, names.pipeline_prefix(context.spec.model, context.spec.name)
        case Input():
            yield from places_given(context, source)
        case Item():
            yield from _listed(context)
        case Result():
            # A step answers with any place of the platform's data, or of what the model's pipelines made.
            yield data, ""
            yield artifacts, f"{context.spec.model}/"


def _listed(context: Context) -> Iterator[tuple[Json, str]]:
    """Where the items of the pipeline's listings lie; without one an item can be any place of the data."""
    listed = [
        step.items.prefix
        for step in context.spec.all_steps
        if isinstance(step, ForEach) and isinstance(step.items, Listing)
    ]
    for prefix in listed:
        yield from places_of(context, prefix)
    if not listed:
        yield context.infrastructure.data_bucket, ""
