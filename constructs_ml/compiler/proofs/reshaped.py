"""Requests that Step Functions takes in a form of its own, where the service's model has another.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html and connect-eks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from constructs_ml.compiler.template import Json

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_CLUSTER = {"ClusterId": "XmlStringMaxLen256"}
_KUBERNETES = {"ClusterName": "OwnText", "CertificateAuthority": "OwnText", "Endpoint": "OwnText"}


def _structure(required: dict[str, str], **optional: str) -> Json:
    members = {name: {"shape": shape} for name, shape in (required | optional).items()}
    return {"type": "structure", "required": list(required), "members": members}


OWN_SHAPES: Mapping[str, Mapping[str, Json]] = MappingProxyType(
    {
        "emr": {
            "elasticmapreduce:addStep": _structure(_CLUSTER | {"Step": "StepConfig"}, ExecutionRoleArn="ArnType"),
            "elasticmapreduce:cancelStep": _structure(_CLUSTER | {"StepId": "XmlStringMaxLen256"}),
            "elasticmapreduce:modifyInstanceFleetByName": _structure(
                _CLUSTER | {"InstanceFleetName": "XmlStringMaxLen256", "InstanceFleet": "OwnFleet"}
            ),
            "elasticmapreduce:modifyInstanceGroupByName": _structure(
                _CLUSTER | {"InstanceGroupName": "XmlStringMaxLen256", "InstanceGroup": "OwnGroup"}
            ),
            "elasticmapreduce:setClusterTerminationProtection": _structure(
                _CLUSTER | {"TerminationProtected": "Boolean"}
            ),
            "elasticmapreduce:terminateCluster": _structure(_CLUSTER),
        },
        "eks": {
            "eks:call": _structure(
                _KUBERNETES | {"Method": "OwnMethod", "Path": "OwnText"},
                QueryParameters="OwnLists",
                RequestBody="OwnText",
            ),
            "eks:runJob": _structure(_KUBERNETES | {"Job": "OwnText"}, Namespace="OwnText", LogOptions="OwnLogs"),
            "OwnLogs": _structure({}, LogParameters="OwnLists", RawLogs="Boolean", RetrieveLogs="Boolean"),
            "OwnMethod": {"type": "string", "enum": list(_METHODS)},
            "OwnLists": {"type": "map", "key": {"shape": "OwnText"}, "value": {"shape": "OwnTexts"}},
            "OwnTexts": {"type": "list", "member": {"shape": "OwnText"}},
            "OwnText": {"type": "string"},
        },
    }
)
"""By the folder of botocore: the requests by their calls, and the shapes that only they use."""

WITHOUT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "OwnFleet": ("InstanceFleetModifyConfig", "InstanceFleetId"),
        "OwnGroup": ("InstanceGroupModifyConfig", "InstanceGroupId"),
    }
)
"""Shapes of EMR's model without the member that Step Functions looks up by name."""

SAME = MappingProxyType({"elasticmapreduce:createCluster": "RunJobFlow"})
"""Calls of another name with the request of an operation."""


def reshape(folder: str, shapes: Mapping[str, Json]) -> Mapping[str, Json]:
    """A model's shapes together with those of Step Functions' own calls."""
    own = dict(OWN_SHAPES.get(folder, {}))
    for name, (base, member) in WITHOUT.items() if folder == "emr" else ():
        facts = shapes[base]
        members = {key: value for key, value in facts["members"].items() if key != member}
        own[name] = {
            **facts,
            "members": members,
            "required": [item for item in facts.get("required", ()) if item != member],
        }
    return {**shapes, **own}
