"""A definition that the SDK exported, as `AWS::SageMaker::Pipeline` with a role that allows what its steps call."""

from __future__ import annotations

import json

from constructs_ml.compiler.exported_access import statements
from constructs_ml.compiler.exported_text import Texts, literals
from constructs_ml.compiler.infrastructure import Infrastructure, of_platform
from constructs_ml.compiler.policies import add_role
from constructs_ml.compiler.template import Compiled, Template, att, check_types, tag_list
from constructs_ml.contract import names, tags
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account
from constructs_ml.spec.exported import ExportedPipeline

PIPELINE, ROLE = "Pipeline", "Role"


def compile_exported_pipeline(
    spec: ExportedPipeline, account: Account, *, prefix: str, infrastructure: Infrastructure | None = None
) -> Compiled:
    """Render the pipeline and its role; what still stands literally in the export is told in notices.

    Raises `SpecError` where the role cannot be told from the definition, and `AccountError` for a region that has
    no such pipelines or lacks an image.
    """
    where = f"pipeline {spec.name!r} of model {spec.model!r}"
    template, faults = Template(prefix), Faults()
    texts = Texts(template, account, infrastructure or of_platform(account), spec.replace, where, faults)
    document = texts.render(spec.document)
    stable = {
        **account.tags,
        **spec.tags,
        tags.MODEL: spec.model,
        tags.STAGE: account.stage,
        tags.OWNER: spec.owner,
        tags.PIPELINE: spec.name,
    }
    allowed = statements(spec, document, texts, where, faults)
    faults.raise_if_any()
    role = add_role(
        template,
        ROLE,
        description=f"Steps of {spec.name} of {spec.model}",
        services=("sagemaker.amazonaws.com",),
        statements=allowed,
        boundary=account.permissions_boundary,
        tags=stable,
    )
    body = json.dumps(document, separators=(",", ":"))
    properties = {
        "PipelineName": names.sagemaker_pipeline(account.stage, spec.model, spec.name),
        "PipelineDefinition": {"PipelineDefinitionBody": texts.text(body)},
        "RoleArn": att(role.id, "Arn"),
        "Tags": tag_list(stable),
    }
    if spec.description:
        properties["PipelineDescription"] = spec.description
    if spec.parallel is not None:
        properties["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": spec.parallel}
    template.add(PIPELINE, "AWS::SageMaker::Pipeline", properties, depends_on=role.policies)
    for id, text in literals(document, account, where):
        template.notice(id, text)
    check_types(template, account, where)
    return template.compiled()
