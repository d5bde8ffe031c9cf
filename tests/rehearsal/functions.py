"""Functions for tests: packed, deployed and called through boto3, as a user would."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from pathlib import Path
from typing import Any

from constructs_ml.rehearsal.embedded import EmbeddedAccount


def packed(source: str | Path, name: str = "handler.py") -> bytes:
    """A zip archive of a source text, or of a folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if isinstance(source, Path):
            for file in sorted(source.rglob("*.py")):
                archive.write(file, file.relative_to(source))
        else:
            archive.writestr(name, textwrap.dedent(source))
    return out.getvalue()


def role(account: EmbeddedAccount, name: str = "role", service: str = "lambda.amazonaws.com") -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    made = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


def deployed(account: EmbeddedAccount, source: str | Path, name: str = "work", **more: Any) -> Any:
    """A client of Lambda; the function is there, with a role of its own."""
    client = account.client("lambda")
    given = {"Runtime": "python3.13", "Handler": "handler.handle", "Timeout": 10} | more
    given.setdefault("Role", role(account, f"{name}-role"))
    client.create_function(FunctionName=name, Code={"ZipFile": packed(source)}, **given)
    return client


def called(client: Any, event: Any = None, name: str = "work", **more: Any) -> tuple[Any, str]:
    """The payload of an invocation, and its error's kind."""
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
    return json.loads(answer["Payload"].read()), answer.get("FunctionError", "")


def lines(account: EmbeddedAccount, group: str = "/aws/lambda/work") -> list[str]:
    """What stands in a log group."""
    found = account.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in found]
