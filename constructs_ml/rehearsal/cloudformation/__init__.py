"""CloudFormation in the embedded account: templates evaluated and carried out as CloudFormation does."""

from constructs_ml.rehearsal.cloudformation.service import CloudFormation

__all__ = ["CloudFormation"]
