"""moto's server with four mends, each where it departs from CloudFormation on templates that AWS accepts.

It reads the tags of KMS keys and of SSM parameters in the wrong form, its `Fn::Sub` turns `$$` into `$`, and it does
not give an endpoint the name that its template says.

Run as `python -m tools.local_server -H 127.0.0.1 -p PORT`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from moto.cloudformation import parsing
from moto.kms.models import Key
from moto.sagemaker.models import FakeEndpoint
from moto.server import main
from moto.ssm.models import Parameter


def _with_tags(model: Any, reform: Callable[[Any], Any]) -> None:
    """Let `model` see the tags of a resource in the form that it expects."""
    create = model.create_from_cloudformation_json

    def mended(resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **more: Any) -> Any:
        properties = dict(cloudformation_json["Properties"])
        if "Tags" in properties:
            properties["Tags"] = reform(properties["Tags"])
        return create(resource_name, {**cloudformation_json, "Properties": properties}, *rest, **more)

    model.create_from_cloudformation_json = staticmethod(mended)


class _Sub:
    """The `Fn::Sub` of CloudFormation: only `${name}` is special."""

    def __init__(self, text: str) -> None:
        self.text = text

    def safe_substitute(self, **values: str) -> str:
        """Replace each `${name}`."""
        for name, value in values.items():
            self.text = self.text.replace(f"${{{name}}}", value)
        return self.text


def mend() -> None:
    """Apply the mends to this process."""
    _with_tags(Key, lambda tags: [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags])
    _with_tags(Parameter, lambda tags: [{"Key": key, "Value": value} for key, value in tags.items()])
    FakeEndpoint.cloudformation_name_type = staticmethod(lambda: "EndpointName")
    parsing.get_name_type_map.cache_clear()
    assert hasattr(parsing, "string")
    parsing.string = SimpleNamespace(Template=_Sub)


if __name__ == "__main__":
    mend()
    main()
