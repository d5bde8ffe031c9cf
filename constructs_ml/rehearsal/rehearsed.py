"""A rehearsal: a model's stacks in an embedded account, and what one does with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from constructs_ml.config import Accounts
from constructs_ml.contract import names
from constructs_ml.faults import refuse
from constructs_ml.rehearsal import pipeline_runs
from constructs_ml.rehearsal.answers import Answer, RehearsalTimeout
from constructs_ml.rehearsal.deployment import deploy, destroy
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.parts import Parts, make_parts
from constructs_ml.rehearsal.pipeline_runs import PipelineRun
from constructs_ml.rehearsal.runs import Run
from constructs_ml.rehearsal.stacks import DeployableStack, of_assembly, of_models
from constructs_ml.rehearsal.stand_ins import StandIn
from constructs_ml.spec.account import Account
from constructs_ml.spec.model import ModelSpec
from constructs_ml.spec.model_settings import pin
from constructs_ml.spec.pipeline import PipelineSpec

App = ModelSpec | Sequence[ModelSpec] | Path
AnyRun = Run | PipelineRun
_PATIENCE = 120.0


@dataclass(slots=True)
class Rehearsed:
    """An embedded account with what was deployed to it, used through the services' own APIs."""

    embedded: EmbeddedAccount
    parts: Parts
    account: Account
    models: dict[str, ModelSpec]
    stacks: list[str] = field(default_factory=list)
    _waited: set[str] = field(default_factory=set)

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded account."""
        return self.embedded.client(service)

    def deploy(self, *, account: Account | None = None, commit: str | None = None) -> list[str]:
        """Deploy the models again, with other settings of the account if given; the stacks that changed.

        Raises `DeploymentFailed` for a stack that was rolled back, `SpecError` for what the account cannot carry.
        """
        if self.stacks and not self.models:
            allowed = "a pin in the accounts file, synthesized again, then bring(of_assembly(...))"
            raise refuse("rehearsal-assembly", where="deploy", got="stacks of no model", allowed=allowed)
        wanted = account or self.account
        changed = self.bring(of_models(list(self.models.values()), wanted, commit))
        self.account = wanted  # what was rolled back is not what the account has
        return changed

    def bring(self, stacks: Sequence[DeployableStack]) -> list[str]:
        """Deploy stacks; the names of those that changed."""
        self.stacks += [stack.name for stack in stacks if stack.name not in self.stacks]
        return deploy(self.embedded, stacks)

    def pin(self, model: str, version: int | str, *, variant: str = "main") -> list[str]:
        """Pin a version in the account's settings and deploy: the endpoint comes up, or is updated."""
        self._check_model(model, "pin")
        known = self.account.model(model)
        changed = replace(known, pins={**known.pins, variant: pin(version)})
        return self.deploy(account=replace(self.account, models={**self.account.models, model: changed}))

    def destroy(self) -> None:
        """Delete the stacks, the last first; what is retained stays."""
        destroy(self.embedded, self.stacks)
        self.stacks = []

    def put(self, key: str, content: bytes | str | Path, *, bucket: str | None = None) -> str:
        """Put an object into the stage's data bucket, or another; its URI. A path's content is put."""
        bucket = bucket or names.data_bucket(self.account.stage, self.embedded.id, self.embedded.region)
        body = content.read_bytes() if isinstance(content, Path) else content
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def start(self, model: str, **inputs: Any) -> AnyRun:
        """Start a model's pipeline by hand, with values for its inputs."""
        self._check_model(model, "start")
        spec = self._on_pipelines(model)
        if spec is not None:
            return pipeline_runs.start(self.embedded, self._pipeline(model), spec, inputs)
        given = {"stateMachineArn": self._machine(model), "input": json.dumps(inputs)}
        return self._run(model, self.client("stepfunctions").start_execution(**given)["executionArn"])

    def runs(self, model: str) -> Sequence[AnyRun]:
        """The runs of a model's pipeline, or of a state machine by its name; the oldest first."""
        spec = self._on_pipelines(model)
        if spec is not None:
            return pipeline_runs.runs_of(self.embedded, self._pipeline(model), spec)
        client = self.client("stepfunctions")
        try:
            pages = client.get_paginator("list_executions").paginate(stateMachineArn=self._machine(model))
            found = [item for page in pages for item in page["executions"]]
        except client.exceptions.StateMachineDoesNotExist:
            return []
        return [self._run(model, item["executionArn"]) for item in sorted(found, key=lambda item: item["startDate"])]

    def wait_for(self, model: str | AnyRun, *, seconds: float = _PATIENCE) -> AnyRun:
        """The next run of a model's pipeline that nobody waited for, once it ended; or this run, once it ended.

        Raises `RehearsalTimeout` after `seconds` of real time.
        """
        found: list[AnyRun] = [] if isinstance(model, str) else [model]
        if isinstance(model, str) and not self.runs(model):
            self._check_model(model, "wait_for")

        def ended() -> bool:
            if isinstance(model, str):
                found[:] = [run for run in self.runs(model) if run.arn not in self._waited][:1]
            return bool(found) and found[0].ended

        if not self.embedded.clock.poll(ended, seconds, every=0.1):
            what = f"{found[0]}" if found else f"no run of {model} began"
            raise RehearsalTimeout(f"{what} within {seconds:.0f} s; the last things that happened:\n{self.last()}")
        self._waited.add(found[0].arn)
        return found[0]

    def versions(self, model: str) -> list[Mapping[str, Any]]:
        """The registered versions of a model, oldest first, as `DescribeModelPackage` tells them."""
        client = self.client("sagemaker")
        group = names.model_package_group(self.account.stage, model)
        pages = client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        listed = [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]
        found = [client.describe_model_package(ModelPackageName=arn) for arn in listed]
        return sorted(found, key=lambda item: int(item["ModelPackageVersion"]))

    def approve(self, model: str, version: int | None = None, *, why: str = "") -> int:
        """Approve a version as a person does, the newest if none is named; its number."""
        return self._decide(model, version, "Approved", why)

    def reject(self, model: str, version: int | None = None, *, why: str = "") -> int:
        """Reject a version."""
        return self._decide(model, version, "Rejected", why)

    def answer(self, *, yes: bool = True, seconds: float = _PATIENCE) -> str:
        """Answer the oldest question that a run asks, as soon as it asks; its subject."""
        people = self.parts.people
        if not self.embedded.clock.poll(lambda: bool(people.questions), seconds):
            raise RehearsalTimeout(f"nobody asked anything within {seconds:.0f} s; the last things:\n{self.last()}")
        question = people.questions[0]
        people.answer(question, yes=yes)
        return question.subject

    def invoke(
        self, model: str, body: bytes | str, *, content_type: str = "text/csv", accept: str = "text/csv", **more: Any
    ) -> Answer:
        """Send a request to a model's endpoint; further parameters are those of `invoke_endpoint`."""
        given = {"EndpointName": names.endpoint(self.account.stage, model), "Body": body, "ContentType": content_type}
        answer = self.client("sagemaker-runtime").invoke_endpoint(**given, Accept=accept, **more)
        text = answer["Body"].read().decode()
        return Answer(text, answer["ContentType"], answer.get("InvokedProductionVariant", ""))

    def advance(self, by: timedelta) -> None:
        """Fast-forward: schedules that are due meanwhile fire, in their order."""
        self.embedded.clock.advance(by)

    def fire(self, name: str) -> None:
        """Fire a schedule, or a rule with one, by its name or a glob, as if its next time had come."""
        self.parts.events.fire(name)

    def send(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Put an event on the default bus, as an AWS service or an application does."""
        self.embedded.emit(source, detail_type, detail)

    def alarm(self, name: str, state: str = "ALARM", *, why: str = "rehearsed") -> None:
        """Set the state of an alarm: OK, ALARM or INSUFFICIENT_DATA."""
        self.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason=why)

    def throttle(self, action: str, *, times: int = 1) -> None:
        """Let a service throttle the next calls of an action such as "sagemaker:CreateTrainingJob"."""
        self.parts.faults.throttle(action, times=times)

    def last(self, number: int = 12) -> str:
        """The last things that happened, a line each."""
        return self.embedded.journal.last(number)

    def _check_model(self, model: str, where: str) -> None:
        """Refuse a model that this rehearsal was not given; one of an assembly was given none."""
        if self.models and model not in self.models:
            raise refuse("rehearsal-model", where=where, got=repr(model), allowed=tuple(self.models))

    def _decide(self, model: str, version: int | None, status: str, why: str) -> int:
        found = {int(item["ModelPackageVersion"]): item for item in self.versions(model)}
        chosen = max(found, default=0) if version is None else version
        if chosen not in found:
            got = f"version {version}" if version is not None else "no version"
            raise refuse("version-missing", where=f"model {model!r}", got=got, allowed=tuple(map(str, found)) or "none")
        self.parts.people.decide(found[chosen]["ModelPackageArn"], status, why)
        return chosen

    def _on_pipelines(self, model: str) -> PipelineSpec | None:
        """The pipeline of a model whose steps SageMaker Pipelines runs."""
        known = self.models.get(model)
        return known.pipeline if known is not None and known.engine == "pipelines" else None

    def _pipeline(self, model: str) -> str:
        return names.sagemaker_pipeline(self.account.stage, model, self.models[model].pipeline.name)

    def _machine(self, model: str) -> str:
        known = self.models.get(model)
        name = names.state_machine(self.account.stage, model, known.pipeline.name) if known else model
        return self.embedded.arn("states", f"stateMachine:{name}")

    def _run(self, model: str, arn: str) -> Run:
        known = self.models.get(model)
        return Run(self.embedded, arn, known.pipeline if known else None)


@contextlib.contextmanager
def rehearsal(
    app: App,
    *,
    account: Account | str | Path = "accounts.yaml",
    stage: str = "dev",
    stand_ins: Sequence[StandIn] = (),
    acceleration: float = 60.0,
    deployed: bool = True,
) -> Iterator[Rehearsed]:
    """Open an embedded account in this process, deploy to it without node, and close it at the end.

    `app` is a model, several, or the folder of an assembly that `cdk synth` wrote; `account` an `Account`, or the
    accounts file whose `stage` is meant. `acceleration` shortens pauses; `deployed=False` leaves the account empty.

    Example: `with rehearsal(churn, account="accounts.yaml") as account: account.put("raw/a.csv", Path("a.csv"))`.
    """
    chosen = account if isinstance(account, Account) else Accounts.load(account)[stage]
    if chosen.id is None or chosen.region is None:
        raise refuse("account-half", where=f"stage {chosen.stage!r}", got="neither", allowed="an id and a region")
    models = [] if isinstance(app, Path) else [app] if isinstance(app, ModelSpec) else list(app)
    embedded = EmbeddedAccount(chosen.id, chosen.region, acceleration=acceleration)
    parts = make_parts(embedded, stand_ins)
    with embedded.running():
        rehearsed = Rehearsed(embedded, parts, chosen, {model.name: model for model in models})
        if deployed and isinstance(app, Path):
            rehearsed.bring(of_assembly(app, chosen.stage, chosen.id, chosen.region))
        elif deployed:
            rehearsed.deploy()
        yield rehearsed
