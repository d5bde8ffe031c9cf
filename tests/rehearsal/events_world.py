"""An open account with a queue, and state machines that only note how they are started."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.events import Events
from constructs_ml.rehearsal.iam import Iam

MACHINE = "arn:aws:states:eu-central-1:111111111111:stateMachine:starter"
ROLE = "arn:aws:iam::111111111111:role/starts"
EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
STARTS = ("states:StartExecution", "sagemaker:StartPipelineExecution", "sqs:SendMessage", "events:PutEvents")
ORDER = {"source": ["shop"], "detail": {"state": ["paid"]}}


class World:
    """An open account with a queue, and state machines that only note how they are started, unless `stub` is off."""

    def __init__(self, account: EmbeddedAccount, *, stub: bool = True) -> None:
        Iam(account)
        self.account, self.events = account, Events(account)
        self.starts: list[Call] = []
        self.refusals: list[ServiceError] = []
        if stub:
            account.gate.override("stepfunctions", "StartExecution", self._start)

    def _start(self, call: Call) -> Any:
        self.starts.append(call)
        if self.refusals:
            raise self.refusals.pop(0)
        return {"executionArn": MACHINE + ":x", "startDate": datetime.now(UTC)}

    def open(self) -> None:
        self.client = self.account.client
        self.url = self.client("sqs").create_queue(QueueName="box")["QueueUrl"]
        self.queue = "arn:aws:sqs:eu-central-1:111111111111:box"
        self.let("events.amazonaws.com")
        services = {"Service": [f"{name}.amazonaws.com" for name in ("events", "scheduler", "states", "lambda")]}
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}],
        }
        self.client("iam").create_role(RoleName="starts", AssumeRolePolicyDocument=json.dumps(trust))
        self.permit(*STARTS)

    def permit(self, *actions: str) -> None:
        """Let the role do this, and nothing else."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("iam").put_role_policy(RoleName="starts", PolicyName="p", PolicyDocument=policy)

    def function(self) -> tuple[str, list[Call]]:
        """A function that only notes what it is called with."""
        calls: list[Call] = []
        self.account.gate.override("lambda", "Invoke", lambda call: calls.append(call) or {"StatusCode": 202})
        code = {"ZipFile": base64.b64decode(EMPTY_ZIP)}
        made = self.client("lambda").create_function(
            FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="a.b", Code=code
        )
        return str(made["FunctionArn"]), calls

    def let_in(self, service: str, source: str) -> None:
        """Let a service invoke the function for a source."""
        given = {"FunctionName": "f", "StatementId": service.partition(".")[0], "Action": "lambda:InvokeFunction"}
        self.client("lambda").add_permission(**given, Principal=service, SourceArn=source)

    def let(self, service: str) -> None:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": self.queue}]})
        self.client("sqs").set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def rule(self, target: Any, pattern: Any = ORDER, name: str = "rule", **more: Any) -> None:
        client = self.client("events")
        given = {"EventPattern": json.dumps(pattern)} if pattern else {}
        client.put_rule(Name=name, **given, **more)
        put = {"Id": "1", "Arn": target} if isinstance(target, str) else {"Id": "1", **target}
        client.put_targets(Rule=name, Targets=[put])

    def order(self, source: str = "shop", **changes: Any) -> Any:
        entry = {"Source": source, "DetailType": "order", "Detail": json.dumps({"state": "paid", **changes})}
        told = self.client("events").put_events(Entries=[entry])
        assert self.events.settle()
        return told

    def received(self) -> list[Any]:
        assert self.events.settle()
        found: list[Any] = []
        while got := self.client("sqs").receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in got]
        return found

    def told(self, kind: str = "event") -> list[str]:
        return [f"{entry.name}: {entry.what}" for entry in self.account.journal.entries(kind)]
