"""Which machines something runs on, and inside which network: what was declared, or else the account's."""

from __future__ import annotations

from constructs_ml.compiler.infrastructure import Infrastructure
from constructs_ml.compiler.template import Json
from constructs_ml.facts import instances
from constructs_ml.faults import Faults
from constructs_ml.spec.account import Account, Use
from constructs_ml.spec.jobs import Network


def instance_type(account: Account, use: Use, given: str | None, count: int, where: str, faults: Faults) -> str | None:
    """The type that was given or the account's; a fault where neither will do."""
    rules = account.instances
    chosen = given or rules.default(use)
    if chosen is None:
        allowed = f"instances.{use} of the account"
        faults.add("instance-missing", where=where, got="no instance type", allowed=allowed, kind=use)
        return None
    if rules.allowed and chosen not in rules.allowed:
        faults.add("instance-not-allowed", where=where, got=chosen, allowed=rules.allowed)
    if count > rules.most:
        faults.add("instance-count", where=where, got=count, allowed=f"at most {rules.most}")
    faults.found.extend(instances.faults_of(chosen, use, account.region, where))
    return chosen


def network(found: Infrastructure, wanted: Network, where: str, faults: Faults) -> tuple[Json, Json] | None:
    """Subnets and security groups, or None for what runs outside; a fault where a VPC is demanded and none is there."""
    if wanted.subnets:
        return wanted.subnets, wanted.security_groups
    subnets, groups = found.subnets, found.security_groups
    if wanted.vpc is False or (wanted.vpc is None and subnets is None):
        return None
    if subnets is None or groups is None:
        faults.add("network-missing", where=where, got="no network", allowed="network: of the account, or vpc=")
        return None
    return subnets, groups
