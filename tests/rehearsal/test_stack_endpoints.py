"""A stack's endpoint: made, updated under its policy, and rolled back with the stack."""

from __future__ import annotations

from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.endpoints import Endpoints
from tests.rehearsal.cfn import Stacks
from tests.rehearsal.endpoint_cases import NAME, ROLE, FakeServer, ask, described

ALL_AT_ONCE = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}


def template(model: str) -> dict[str, Any]:
    variant = {"VariantName": "main", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    variant |= {"InitialVariantWeight": 1, "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}
    image = {"Image": f"images/{model}"}
    endpoint = {"EndpointName": NAME, "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}
    return {
        "Resources": {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainer": image},
            },
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": endpoint | {"DeploymentConfig": ALL_AT_ONCE},
            },
        }
    }


def test_a_stack_updates_its_endpoint_and_goes_back_with_it(account: EmbeddedAccount) -> None:
    FakeServer.running.clear()
    stacks = Stacks(account)
    Endpoints(account, stacks.store, (), serve=lambda name, model, principal, kind, line: FakeServer(name, model, line))
    with account.running():
        assert stacks.create("serving", template("blue"))["StackStatus"] == "CREATE_COMPLETE"
        assert ask(account) == "blue(1)"
        assert stacks.update("serving", template("green"))["StackStatus"] == "UPDATE_COMPLETE"
        assert ask(account) == "green(1)"
        kept = described(account)["EndpointConfigName"]
        assert stacks.update("serving", template("bad"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert "did not pass the ping health check" in stacks.reasons("serving")
        assert (ask(account), described(account)["EndpointConfigName"]) == ("green(1)", kept)
        stacks.delete("serving")
        assert not FakeServer.running
