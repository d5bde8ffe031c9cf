"""Whether a role may be assumed: by a service, in the words of that service, or by another role through STS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from constructs_ml.rehearsal.calls import Call, Json, ServiceError
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam.context import Asked, Caller, Context, service_values
from constructs_ml.rehearsal.iam.decisions import Decision, Standing, decide
from constructs_ml.rehearsal.iam.deployed import Deployed, DeployedRole
from constructs_ml.rehearsal.principals import PERSON, SECRET, Principal
from constructs_ml.rehearsal.sagemaker.nouns import nouns

# How services refuse a role that they cannot assume: the code, and the message with its holes.
_CANNOT_SAGEMAKER = (
    "Could not assume role {role}. Please ensure that the role exists and allows principal '{service}' to assume the "
    "role."
)
_CANNOT_STATES = (
    "Neither the global service principal {service}, nor the regional one is authorized to assume the provided role."
)
_CANNOT_ECS = (
    "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
    "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
)
_CANNOT_LAMBDA = "The role defined for the function cannot be assumed by Lambda."
_CANNOT_SCHEDULER = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
_WORDS: Mapping[str, tuple[str, str]] = {
    "ecs-tasks": ("ClientException", _CANNOT_ECS),
    "lambda": ("InvalidParameterValueException", _CANNOT_LAMBDA),
    "sagemaker": ("ValidationException", _CANNOT_SAGEMAKER),
    "scheduler": ("ValidationException", _CANNOT_SCHEDULER),
    "states": ("AccessDeniedException", _CANNOT_STATES),
}
_OTHERS = ("AccessDenied", "{service} is not authorized to assume the role {role}.")
# Resources of a service in whose name it assumes a role, where the session is called like the resource.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "ecs-tasks": ("task/{0}",),
    "events": ("rule/{0}",),
    "glue": ("job/{0}",),
    "lambda": ("function:{0}",),
    "scheduler": ("schedule/default/{0}", "schedule-group/default"),
    "states": ("stateMachine:{0}", "execution:{0}"),
}


class Trust:
    """Checks of trust policies, for `EmbeddedAccount.trust` and for STS."""

    def __init__(self, account: EmbeddedAccount, deployed: Deployed) -> None:
        self._account, self._deployed = account, deployed

    def check(self, principal: Principal) -> None:
        """Refuse a role that a service may not assume, or that does not exist.

        A role that another role assumed was checked when STS was asked for it.
        """
        by_service = principal.service and not principal.service.startswith("arn:")
        if not principal.role or not by_service or self._is_foreign(principal.role):
            return
        role = self._deployed.role(principal.role)
        decisions = [self._of_service(role, principal.service, arn) for arn in self._sources(principal)] if role else []
        if any(decision.allowed for decision in decisions):
            return
        name = principal.service.partition(".")[0]
        code, words = _WORDS.get(name, _OTHERS)
        message = words.format(role=principal.role, service=principal.service)
        near = decisions[0].near if decisions else ("the account has no such role",)
        what = (
            f"{principal.service} may not assume it: {'; '.join(near) or 'its trust policy does not name the service'}"
        )
        missing = {"Effect": "Allow", "Principal": {"Service": principal.service}, "Action": "sts:AssumeRole"}
        self._account.journal.write(
            "denied",
            principal.role.rpartition("/")[2],
            what,
            role=principal.role,
            action="sts:AssumeRole",
            resource=principal.role,
            near=near,
            missing=missing,
            missing_in="trust",
        )
        raise ServiceError(code, message)

    def assumed(self, call: Call) -> Json:
        """Answer AssumeRole with keys that the gate knows."""
        arn, session = call.parameters["RoleArn"], call.parameters["RoleSessionName"]
        if call.parameters.get("Policy") or call.parameters.get("PolicyArns"):
            raise ServiceError(
                "UnsupportedOperation", "session policies are not rehearsed: leave Policy and PolicyArns out"
            )
        if self._is_foreign(arn) or self._deployed.role(arn) is None:
            text = f"not authorized to perform: sts:AssumeRole on resource: {arn}: this account has no such role"
            raise ServiceError("AccessDenied", f"User: {self.name(call.principal)} is {text}")
        principal = self._account.principals.assume(arn, "", session)
        ends = self._account.clock.now() + timedelta(seconds=int(call.parameters.get("DurationSeconds") or 3600))
        keys = {"AccessKeyId": principal.access_key, "SecretAccessKey": SECRET, "SessionToken": "rehearsal"}
        user = {"AssumedRoleId": self._id(principal), "Arn": self.name(principal)}
        return {"Credentials": {**keys, "Expiration": ends}, "AssumedRoleUser": user, "PackedPolicySize": 0}

    def identity(self, call: Call) -> Json:
        """Answer GetCallerIdentity."""
        account, principal = self._account, call.principal
        return {"UserId": self._id(principal), "Account": account.id, "Arn": self.name(principal)}

    def name(self, principal: Principal) -> str:
        """The ARN of a principal's session."""
        account = self._account
        if not principal.role:
            return f"arn:{account.partition}:iam::{account.id}:root" if principal == PERSON else principal.service
        return str(Caller.of(principal, account.id, account.partition, {}))

    def _id(self, principal: Principal) -> str:
        role = self._deployed.role(principal.role) if principal.role else None
        return f"{role.id}:{principal.session or 'session'}" if role is not None else self._account.id

    def _of_service(self, role: DeployedRole, service: str, source: str) -> Decision:
        account = self._account
        caller = Caller(
            account.id,
            account.partition,
            service=service,
            values=service_values(service, source, account.id, account.region),
        )
        asked = Asked("sts:AssumeRole", (role.arn,), {"sts:externalid": ()})
        return decide(Context(caller, asked), Standing(resource=(role.trust,), must_name=True))

    def _sources(self, principal: Principal) -> Iterator[str]:
        """The ARNs that aws:SourceArn may have: of whatever the service calls by the session's name."""
        if principal.session.startswith("arn:"):
            yield principal.session
            return
        name = principal.service.partition(".")[0]
        kinds = (
            tuple(f"{noun.path}/{{0}}" for noun in nouns().values()) if name == "sagemaker" else _SOURCES.get(name, ())
        )
        for kind in kinds or ("",):
            yield self._account.arn(name.partition("-tasks")[0], kind.format(principal.session)) if kind else ""

    def _is_foreign(self, role: str) -> bool:
        return role.split(":")[4:5] != [self._account.id]
