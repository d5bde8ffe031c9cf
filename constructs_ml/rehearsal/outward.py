"""What moto would do over the network is refused by name: nothing of a rehearsal leaves the machine."""

from __future__ import annotations

from constructs_ml.rehearsal.calls import Call, ServiceError

_FIREHOSE = ("HttpEndpointDestinationConfiguration", "HttpEndpointDestinationUpdate")
_WEB = ("http", "https")


def refuse_outward(call: Call) -> None:
    """Refuse what would have records or messages sent to an address on the web."""
    if call.service == "firehose" and any(call.parameters.get(name) for name in _FIREHOSE):
        raise ServiceError("InvalidArgumentException", "HTTP endpoints of Firehose are not rehearsed: use S3 instead")
    if call.action == "sns:Subscribe" and call.parameters.get("Protocol") in _WEB:
        text = "subscriptions over HTTP are not rehearsed: subscribe a queue or a function instead"
        raise ServiceError("InvalidParameter", text)
