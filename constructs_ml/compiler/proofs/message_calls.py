"""What messages need: topics, queues, event buses and functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from constructs_ml.compiler.proofs.call import Call
from constructs_ml.compiler.proofs.task import Task
from constructs_ml.compiler.proofs.texts import Text
from constructs_ml.compiler.proofs.values import members, text_of

# The address of a queue tells its ARN: its region, its account, its name.
_QUEUE = re.compile(r"https://sqs\.(?P<region>[^/]+?)\.(?:\$\{AWS::URLSuffix\}|amazonaws\.com(?:\.cn)?)/(?P<rest>.+)")


def message_calls(task: Task) -> Iterator[Call]:
    """A message, an event or an invocation.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html, connect-sqs.html, connect-eventbridge.html
    and connect-lambda.html. `.waitForTaskToken` adds nothing: who answers needs `states:SendTaskSuccess`.
    """
    match task.call.service, task.call.action:
        case "sns", _:
            topic = task.member("TopicArn", "TargetArn")
            # What a run decides as a whole is not told: any topic that the role names may be meant.
            yield task.on("sns:Publish", None if topic is None or topic.is_anything else topic)
        case "sqs", action:
            yield task.on(f"sqs:{action[:1].upper()}{action[1:]}", _queue(task))
        case "lambda", _:
            name, version = task.member("FunctionName"), task.member("Qualifier")
            arns = task.spellings(name, "lambda", "function:") if name is not None else ()
            yield task.on("lambda:InvokeFunction", *(Text.of(a, ":", version) if version else a for a in arns))
        case _:
            entries = task.given.get("Entries")
            if not isinstance(entries, (list, tuple)):
                yield task.on("events:PutEvents")
                return
            for entry in entries:
                named = dict(members(entry, task.texts)) if isinstance(entry, Mapping) else {}
                bus = text_of(named["EventBusName"]) if "EventBusName" in named else Text(("default",))
                yield Call("events:PutEvents", task.spellings(bus, "events", "event-bus/"), task.place)


def _queue(task: Task) -> Text | None:
    """The ARN of a queue whose address is known; that of a queue of the template is not (`Ref` gives the address)."""
    url = task.member("QueueUrl")
    match = _QUEUE.fullmatch(str(url)) if url is not None else None
    if match is None or url is None or any(not hole.name for hole in url.holes):
        return None
    arn = f"arn:${{AWS::Partition}}:sqs:{match['region']}:{match['rest'].replace('/', ':', 1)}"
    return task.outer.read(arn)
