"""IAM: every call that a job, a pipeline or a function makes is checked against the deployed policies of its role.

Checked, conditions included: the role's inline policies and the default versions of its managed ones, its permissions
boundary, and the resource's own policy where that is a bucket, a key, a function, a topic or a queue of this account;
`iam:PassRole` for every role that a call hands on, with `iam:PassedToService`; keys that S3, SQS, SNS, DynamoDB and
Parameter Store use for the caller; `s3:ListBucket` where an object is missing; tags that a call gives; the trust policy
of each role that a service or another role assumes. A condition key that nobody here knows is never taken to be met:
its statement does not apply, and the denial names the key.

Not checked: the person at the keyboard, the roles of CDK's bootstrap and CloudFormation's own calls; service and
resource control policies of an organization, policies of VPC endpoints, session policies, and what another account's
policies say. The transport is not rehearsed: `aws:SecureTransport` counts as true although
the calls are plain HTTP on this machine. Of DeleteObjects, one object that may not be deleted fails the whole call.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from moto.iam.access_control import PermissionResult

from constructs_ml.rehearsal.calls import Call, ServiceError
from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.iam.arns import Here
from constructs_ml.rehearsal.iam.context import Asked, Caller, Context, role_values, service_values
from constructs_ml.rehearsal.iam.decisions import Decision, Standing, decide, missing
from constructs_ml.rehearsal.iam.deployed import Deployed, DeployedRole
from constructs_ml.rehearsal.iam.implied import implied
from constructs_ml.rehearsal.iam.policies import read
from constructs_ml.rehearsal.iam.requests import asked_of
from constructs_ml.rehearsal.iam.trust import Trust
from constructs_ml.rehearsal.iam.usage import Denied, RoleUse, Summary, Unused, Usage
from constructs_ml.rehearsal.principals import Principal

# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
_BOOTSTRAP = re.compile(r"cdk-[a-z0-9]+-(cfn-exec|deploy|file-publishing|image-publishing|lookup)-role-")
_CLOUDFORMATION = "cloudformation.amazonaws.com"
# How services spell a denial; the others say AccessDeniedException.
_CODES = {
    **dict.fromkeys(("s3", "iam", "sts", "sqs", "cloudwatch", "cloudformation"), "AccessDenied"),
    "sns": "AuthorizationError",
}
# Services whose resources' policies are read: only these are asked where an AWS service calls for itself.
_WITH_POLICIES = ("kms", "lambda", "s3", "sns", "sqs")
_DOCUMENTS = {"iam": ("PolicyDocument", "AssumeRolePolicyDocument"), "s3": ("Policy",)}


class Iam:
    """The check of every call, and the account of what was used.

    `strict` refuses what AWS would deny; otherwise it is only listed. `tags_of` are readers of resources' tags by ARN,
    for `aws:ResourceTag`; each answers None for what it does not know.
    """

    def __init__(self, account: EmbeddedAccount, *, strict: bool = True) -> None:
        self.account, self.strict = account, strict
        self.deployed = Deployed(account.id, account.partition)
        self.tags_of: list[Callable[[str], Mapping[str, str] | None]] = [self._role_tags]
        self._trust, self._usage = Trust(account, self.deployed), Usage()
        self._denied: dict[tuple[str, str, str, str], Denied] = {}
        self._lock = threading.Lock()
        account.gate.before.append(self._before)
        account.gate.override("sts", "AssumeRole", self._trust.assumed)
        account.gate.override("sts", "GetCallerIdentity", self._trust.identity)
        account.trust.append(self._trust.check)
        account.authorities.append(self._authority)
        why = "a bucket policy whose condition is not met denies there; policies are evaluated here"
        account.hook("moto.s3.models:FakeBucket", "get_permission", lambda *_: PermissionResult.NEUTRAL, why)

    def denied(self) -> tuple[Denied, ...]:
        """Every request that AWS would deny, once each."""
        with self._lock:
            return tuple(self._denied.values())

    def used(self) -> dict[str, dict[str, int]]:
        """By role, how often each action was asked for and allowed."""
        return self._usage.used()

    def unused(self) -> dict[str, tuple[Unused, ...]]:
        """By role, what its policies allow and no call needed; without the roles of CDK's bootstrap."""
        return self._usage.unused(role for role in self.deployed.roles() if not _BOOTSTRAP.search(role.arn))

    def summary(self) -> Summary:
        """The report's part about permissions. Call it while the account runs."""
        used, unused = self.used(), self.unused()
        names = sorted({*used, *unused})
        roles = tuple(RoleUse(name, tuple(used.get(name, {}).items()), unused.get(name, ())) for name in names)
        usage = self._usage
        return Summary(roles, self.denied(), tuple(usage.unchecked), tuple(usage.loose), tuple(usage.undecided))

    def _before(self, call: Call) -> None:
        principal = call.principal
        _refuse_malformed(call)
        if not self._is_checked(principal):
            return
        here = Here(self.account.partition, call.region, self.account.id)
        for asked in (*map(self._with_key, asked_of(call, here)), *implied(call, here, self.deployed)):
            if not principal.role and asked.action.partition(":")[0] not in _WITH_POLICIES:
                continue
            self._check(principal, asked, call.action, call.region, call)

    def _with_key(self, asked: Asked) -> Asked:
        """A key that is named by an alias, by its own ARN."""
        name = asked.resource.partition(":key/")[2]
        if not name.startswith("alias/"):
            return asked
        arn = self.deployed.key(name, asked.resource.split(":")[3])
        return replace(asked, resources=(arn,)) if arn else asked

    def _authority(self, principal: Principal, action: str, resource: str, context: Mapping[str, str]) -> None:
        if self._is_checked(principal):
            values = {key.lower(): (value,) for key, value in context.items()}
            asked = Asked(action, (resource,) if resource else (), values)
            self._check(principal, asked, action, self.account.region, None)

    def _is_checked(self, principal: Principal) -> bool:
        if not principal.role:
            return bool(principal.service) and principal.service != _CLOUDFORMATION
        foreign = principal.role.split(":")[4:5] != [self.account.id]
        if foreign or principal.service == _CLOUDFORMATION or _BOOTSTRAP.search(principal.role):
            self._usage.unchecked[principal.role] = None
            return False
        return True

    def _check(self, principal: Principal, asked: Asked, made: str, region: str, call: Call | None) -> None:
        role = self.deployed.role(principal.role) if principal.role else None
        if principal.role and role is None:
            text = f"The role {principal.role} of the caller does not exist in the embedded account."
            raise ServiceError("InvalidClientTokenId", text)
        context = self._context(principal, role, asked, region)
        decision, standing = self._decision(role, context, region, call)
        if decision.allowed:
            self._usage.add(principal.role or principal.service, asked, decision)
        else:
            self._deny(context, decision, standing, made)

    def _context(self, principal: Principal, role: DeployedRole | None, asked: Asked, region: str) -> Context:
        account, moment = self.account, self.account.clock.now()
        if role is None:
            values = service_values(principal.service, principal.session, account.id, region)
        else:
            values = role_values(role.arn, role.id, principal.session, account.id, region, role.tags)
        caller = Caller.of(principal, account.id, account.partition, values)
        now = (stamp(moment), str(int(moment.timestamp())))
        return Context(caller, asked, now, self._tags)

    def _decision(
        self, role: DeployedRole | None, context: Context, region: str, call: Call | None
    ) -> tuple[Decision, Standing]:
        asked = context.asked
        if role is not None and asked.action == "sts:AssumeRole":
            target = self.deployed.role(asked.resource)
            session = call.parameters if call is not None else {}
            known = {"sts:rolesessionname": session.get("RoleSessionName"), "sts:externalid": session.get("ExternalId")}
            values = {key: () if value is None else (str(value),) for key, value in known.items()}
            context = replace(context, asked=replace(asked, context={**asked.context, **values}))
            if target is not None:
                standing = Standing(role.identity, (target.trust,), role.boundary, None, must_name=True)
                return decide(context, standing), standing
        if role is None:
            own = self.deployed.of_resource(asked.resource, region)
            standing = Standing(resource=(own,) if own else (), must_name=True)
        else:
            standing = self.deployed.standing(role, asked.resource, region)
        return decide(context, standing), standing

    def _deny(self, context: Context, decision: Decision, standing: Standing, made: str) -> None:
        asked, caller = context.asked, context.caller
        service = made.partition(":")[0]
        shown = f'"{asked.resource}"' if service == "s3" else asked.resource
        message = f"User: {caller} is not authorized to perform: {asked.action} on resource: {shown} {decision.why}"
        if decision.unknown:
            message += f" (not known in the rehearsal: {', '.join(decision.unknown)})"
        self._remember(_denied(context, decision, standing, made, message))
        if self.strict:
            raise ServiceError(_CODES.get(service, "AccessDeniedException"), message)

    def _remember(self, denied: Denied) -> None:
        """Write a denial into the journal, an equal one only once."""
        key = (denied.role, denied.action, denied.resource, denied.message)
        with self._lock:
            known = self._denied.get(key)
            self._denied[key] = replace(known, times=known.times + 1) if known is not None else denied
        if known is None:
            what = denied.message.partition(" is not authorized to perform: ")[2]
            detail = {name: getattr(denied, name) for name in Denied.__slots__ if name != "times"}
            self.account.journal.write("denied", denied.role.rpartition("/")[2], what, **detail)

    def _tags(self, arn: str) -> Mapping[str, str] | None:
        return next((tags for reader in self.tags_of if (tags := reader(arn)) is not None), None)

    def _role_tags(self, arn: str) -> Mapping[str, str] | None:
        role = self.deployed.role(arn) if ":role/" in arn else None
        return role.tags if role is not None else None


def _refuse_malformed(call: Call) -> None:
    """Refuse a policy that nobody could evaluate, as IAM and S3 do; moto takes operators that there are not."""
    for name in _DOCUMENTS.get(call.service, ()):
        document = call.parameters.get(name)
        if document:
            try:
                read(document if isinstance(document, str) else document.decode())
            except (ValueError, AttributeError) as wrong:
                code = "MalformedPolicy" if call.service == "s3" else "MalformedPolicyDocument"
                raise ServiceError(code, str(wrong)) from None


def _denied(context: Context, decision: Decision, standing: Standing, made: str, message: str) -> Denied:
    asked, caller = context.asked, context.caller
    policies = (*standing.identity, *standing.resource, *(standing.boundary or ()))
    return Denied(
        role=caller.role or caller.service,
        caller=str(caller),
        action=asked.action,
        resource=asked.resource,
        call=made,
        message=message,
        missing_in=decision.lacking,
        missing=None if decision.denied_by else missing(asked, caller, decision.lacking),
        denied_by=decision.denied_by,
        near=decision.near,
        unknown=decision.unknown,
        context={**caller.values, **asked.context},
        policies=tuple(policy.name for policy in policies),
    )
