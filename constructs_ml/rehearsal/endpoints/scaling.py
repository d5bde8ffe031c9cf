"""What Application Auto Scaling may scale of an endpoint; its policies are kept, and not evaluated here."""

from __future__ import annotations

from constructs_ml.rehearsal.calls import Call, invalid
from constructs_ml.rehearsal.sagemaker.store import Store


def check(store: Store, call: Call) -> None:
    """Refuse to register what is not there.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html: "endpoint" and
    "variant" name an endpoint's variant, "inference-component" a component.
    """
    if (call.service, call.operation) != ("application-autoscaling", "RegisterScalableTarget"):
        return
    if call.parameters.get("ServiceNamespace") != "sagemaker":
        return
    words = str(call.parameters["ResourceId"]).split("/")
    match words:
        case ["endpoint", name, "variant", variant]:
            endpoint = store.find("Endpoint", name)
            variants = endpoint.fields.get("ProductionVariants", ()) if endpoint else ()
            there = any(item["VariantName"] == variant for item in variants)
        case ["inference-component", name]:
            there = store.find("InferenceComponent", name) is not None
        case _:
            there = False
    if not there:
        raise invalid(f"SageMaker has no {call.parameters['ResourceId']} to scale.")
