"""Every account's stacks: `cdk deploy "dev/*"`."""

from pathlib import Path

from aws_cdk import App

from apps.known_case.model import known_case
from constructs_ml import Accounts, Fleet


def build(app: App) -> App:
    """Add one stage per account of accounts.yaml."""
    for account in Accounts.load(Path(__file__).parent / "accounts.yaml"):
        Fleet(app, account.stage, account=account, models=[known_case])
    return app


if __name__ == "__main__":
    build(App()).synth()
