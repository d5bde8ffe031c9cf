"""Every account's stacks: `cdk deploy "dev/*"`."""

from pathlib import Path

from aws_cdk import App

from apps.increment.model import increment
from constructs_ml import Accounts, Fleet


def build(app: App) -> App:
    """Add one stage per account of accounts.yaml."""
    for account in Accounts.load(Path(__file__).parent / "accounts.yaml"):
        Fleet(app, account.stage, account=account, models=[increment])
    return app


if __name__ == "__main__":
    build(App()).synth()
