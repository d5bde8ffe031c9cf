"""JumpStart's artifacts as requests name them: where they lie, and by which licence or hub they may be read."""

from __future__ import annotations

from constructs_ml.compiler.expressions import escape_sub
from constructs_ml.compiler.template import Json
from constructs_ml.facts import jumpstart
from constructs_ml.spec.jumpstart import JumpStart

REGION = "${AWS::Region}"
_HUB = f"arn:${{AWS::Partition}}:sagemaker:{REGION}:${{AWS::AccountId}}:hub-content"


def access(source: object) -> dict[str, Json]:
    """What an S3 data source of a training channel or of a model says beside the place.

    HubAccessConfig takes a ModelReference of a private hub:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HubAccessConfig.html
    """
    if not isinstance(source, JumpStart):
        return {}
    found: dict[str, Json] = {"ModelAccessConfig": {"AcceptEula": True}} if source.accept_eula else {}
    if source.hub:
        content = f"{_HUB}/{source.hub}/ModelReference/{source.model_id}/{source.version}"
        found["HubAccessConfig"] = {"HubContentArn": content}
    return found


def model_data(source: JumpStart) -> dict[str, Json]:
    """The artifact of a container: one archive by its URI, what needs more as a ModelDataSource."""
    place = f"s3://{jumpstart.bucket(REGION, gated=source.gated)}/{escape_sub(source.artifact)}"
    if source.is_archive and not source.needs_access:
        return {"ModelDataUrl": place}
    if source.is_archive:
        data = {"S3Uri": place, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    else:
        # A prefix must end in a slash: API reference of S3ModelDataSource.
        data = {"S3Uri": f"{place.removesuffix('/')}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {"ModelDataSource": {"S3DataSource": data | access(source)}}
