"""CloudFormation's operations on stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Handler, Json, ServiceError
from constructs_ml.rehearsal.cloudformation import change_sets
from constructs_ml.rehearsal.cloudformation.aws_policies import know_policy
from constructs_ml.rehearsal.cloudformation.deployment import Deployment
from constructs_ml.rehearsal.cloudformation.exports import Exports
from constructs_ml.rehearsal.cloudformation.hands import set_status
from constructs_ml.rehearsal.cloudformation.model import ChangeSet, Request, Stack
from constructs_ml.rehearsal.cloudformation.plan import Plan
from constructs_ml.rehearsal.cloudformation.requests import check_capabilities, failure_mode, request_of
from constructs_ml.rehearsal.cloudformation.shown import Shown
from constructs_ml.rehearsal.cloudformation.stacks import Stacks
from constructs_ml.rehearsal.embedded import EmbeddedAccount

_HOOKS: tuple[tuple[str, str, Any, str], ...] = (
    (
        "moto.s3.models:FakeBucket",
        "_log_permissions_enabled_policy",
        staticmethod(lambda target_bucket, target_prefix: True),
        "S3 looks at the target's policy when it delivers logs, and a principal may be a text there",
    ),
    (
        "moto.s3.models:S3Backend",
        "log_incoming_request",
        lambda *_, **__: None,
        "access logs come hours later, so a bucket for logs is empty still when a rehearsal's stacks are deleted",
    ),
)
_FINE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED")


class CloudFormation:
    """The service, whole: stacks, change sets, exports. Operations on stacks go on in threads, as on AWS."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self._stacks = Stacks(account)
        self._exports = Exports(self._stacks.alive)
        self._background = Background(account.clock)
        handlers: dict[str, Handler] = {
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "ListChangeSets": self._list_change_sets,
            "DescribeChangeSetHooks": lambda call: {"Hooks": [], "Status": "PLANNED"},
            "UpdateTerminationProtection": self._protect,
            "SetStackPolicy": self._set_policy,
            **Shown(account, self._stacks, self._exports).operations,
        }
        account.gate.serve("cloudformation", {name: self._here(handler) for name, handler in handlers.items()})
        account.at_end(self._background.end)
        for owner, name, replacement, why in _HOOKS:
            account.hook(owner, name, replacement, why)
        account.gate.before.append(partial(know_policy, account))

    def _here(self, handler: Handler) -> Handler:
        def answer(call: Call) -> Json:
            if call.region != self._account.region:
                text = f"the embedded account lives in {self._account.region} alone, not in {call.region}"
                raise ServiceError("ValidationError", text)
            return handler(call)

        return answer

    def _stack(self, call: Call) -> Stack:
        return self._stacks.get(call.parameters["StackName"])

    def _create_stack(self, call: Call) -> Json:
        given, name = call.parameters, call.parameters["StackName"]
        request = self._request(call, None)
        old = self._stacks.named(name)
        if old is not None and old.status != "REVIEW_IN_PROGRESS":
            raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
        self._plan(self._stacks.unborn(name), request, creating=True)
        stack = old or self._stacks.add(name)
        stack.protected = bool(given.get("EnableTerminationProtection"))
        stack.policy = given.get("StackPolicyBody") or ""
        self._start(stack, "CREATE_IN_PROGRESS", lambda work: work.create(request), request)
        return {"StackId": stack.id}

    def _update_stack(self, call: Call) -> Json:
        stack = self._stack(call)
        self._check_updatable(stack)
        request = self._request(call, stack)
        plan = self._plan(stack, request)
        changes = plan.changes()
        if not change_sets.differs(stack, request, plan, changes):
            raise ServiceError("ValidationError", "No updates are to be performed.")
        self._update(stack, request)
        return {"StackId": stack.id}

    def _update(self, stack: Stack, request: Request) -> None:
        stack.updated = self._account.clock.now()
        self._start(stack, "UPDATE_IN_PROGRESS", lambda work: work.update(request))

    def _delete_stack(self, call: Call) -> Json:
        given = call.parameters
        stack = self._stacks.find(given["StackName"])
        if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return None
        if stack.protected:
            text = f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            raise ServiceError("ValidationError", text)
        if stack.busy:
            raise self._wrong_state(stack, "deleted")
        force = given.get("DeletionMode") == "FORCE_DELETE_STACK"
        retained = tuple(given.get("RetainResources") or ())
        used = self._exports.in_use(stack)
        if used:
            # The stack keeps its status, with the reason: https://github.com/aws/aws-cdk/issues/604
            set_status(self._account, stack, stack.status, used)
            return None
        self._start(stack, "DELETE_IN_PROGRESS", lambda work: work.delete(retained, force=force))
        return None

    def _create_change_set(self, call: Call) -> Json:
        given = call.parameters
        name, type = given["StackName"], given.get("ChangeSetType") or "UPDATE"
        if type == "IMPORT" or given.get("ResourcesToImport"):
            raise ServiceError("ValidationError", "the rehearsal imports no resources: they do not outlive it")
        stack = self._stacks.named(name) if type == "CREATE" else self._stacks.get(name)
        if stack is not None and type == "CREATE" and stack.status != "REVIEW_IN_PROGRESS":
            text = f"Stack [{stack.name}] already exists and cannot be created again with the changeSet"
            text = f"{text} [{given['ChangeSetName']}]."
            raise ServiceError("ValidationError", text)
        if stack is not None and type == "UPDATE":
            self._check_updatable(stack)
        request = self._request(call, stack if type == "UPDATE" else None)
        plan = self._plan(stack or self._stacks.unborn(name), request, creating=True)
        if stack is not None and given["ChangeSetName"] in stack.change_sets:
            raise ServiceError("AlreadyExistsException", f"ChangeSet [{given['ChangeSetName']}] already exists")
        new = stack is None
        stack = stack or self._stacks.add(name)
        if new:
            set_status(self._account, stack, "REVIEW_IN_PROGRESS", "User Initiated")
        change_set = change_sets.made(self._account, stack, call, request, plan, type)
        stack.change_sets[change_set.name] = change_set
        return {"Id": change_set.id, "StackId": stack.id}

    def _change_set(self, call: Call) -> tuple[Stack, ChangeSet]:
        given = call.parameters
        name = given["ChangeSetName"]
        if not given.get("StackName"):
            for stack in self._stacks.alive():
                for change_set in stack.change_sets.values():
                    if change_set.id == name:
                        return stack, change_set
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")
        stack = self._stacks.get(given["StackName"])
        return stack, change_sets.found(stack, name)

    def _describe_change_set(self, call: Call) -> Json:
        return change_sets.described(*self._change_set(call))

    def _list_change_sets(self, call: Call) -> Json:
        stack = self._stack(call)
        return {"Summaries": [change_sets.summary(stack, one) for one in stack.change_sets.values()]}

    def _delete_change_set(self, call: Call) -> Json:
        try:
            stack, change_set = self._change_set(call)
        except ServiceError as missing:
            if missing.code == "ChangeSetNotFound":  # deleting what is gone succeeds
                return {}
            raise
        stack.change_sets.pop(change_set.name, None)
        return {}

    def _execute_change_set(self, call: Call) -> Json:
        stack, change_set = self._change_set(call)
        if change_set.execution != "AVAILABLE":
            text = f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}]"
            raise ServiceError("InvalidChangeSetStatus", text)
        request = failure_mode(change_set.request, call.parameters)
        stack.change_sets.clear()  # executing one makes all of them obsolete
        if change_set.type == "CREATE":
            self._start(stack, "CREATE_IN_PROGRESS", lambda work: work.create(request), request)
        else:
            self._check_updatable(stack)
            self._update(stack, request)
        return {}

    def _protect(self, call: Call) -> Json:
        stack = self._stack(call)
        stack.protected = bool(call.parameters["EnableTerminationProtection"])
        return {"StackId": stack.id}

    def _set_policy(self, call: Call) -> Json:
        self._stack(call).policy = call.parameters.get("StackPolicyBody") or ""
        return None

    def _request(self, call: Call, before: Stack | None) -> Request:
        request = request_of(self._account, call.parameters, before)
        check_capabilities(request)
        return request

    def _plan(self, stack: Stack, request: Request, *, creating: bool = False) -> Plan:
        """The request read against what lives; whatever is wrong with it is the call's answer."""
        exported: Callable[[str], str] = self._exports.value
        return Plan(self._account, stack.owner, request, {} if creating and not stack.live else stack.live, exported)

    def _check_updatable(self, stack: Stack) -> None:
        if stack.status not in _FINE:
            raise self._wrong_state(stack, "updated")

    @staticmethod
    def _wrong_state(stack: Stack, verb: str) -> ServiceError:
        text = f"Stack:{stack.id} is in {stack.status} state and can not be {verb}."
        return ServiceError("ValidationError", text)

    def _start(self, stack: Stack, status: str, operation: Callable[[Deployment], None], request: Any = None) -> None:
        """Begin an operation; it goes on in a thread of its own."""
        if stack.busy:
            raise self._wrong_state(stack, "updated")
        stack.request = request or stack.request
        set_status(self._account, stack, status, "User Initiated")
        deployment = Deployment(self._account, stack, self._exports)
        self._background.start(f"stack {stack.name}", partial(operation, deployment))
