"""Every account's stacks: `cdk deploy "dev/*"`."""

from pathlib import Path

from aws_cdk import App

from apps.churn.model import churn
from constructs_ml import Accounts, Fleet


def build(app: App) -> App:
    """Add one stage per account of accounts.yaml, or of the file that `-c accounts=` names."""
    commit = app.node.try_get_context("commit")
    accounts = app.node.try_get_context("accounts") or Path(__file__).parent / "accounts.yaml"
    for account in Accounts.load(accounts):
        Fleet(app, account.stage, account=account, models=[churn], commit=commit)
    return app


if __name__ == "__main__":
    build(App()).synth()
