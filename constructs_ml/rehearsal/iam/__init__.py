"""IAM of the embedded account."""

from constructs_ml.rehearsal.iam.iam import Iam
from constructs_ml.rehearsal.iam.usage import Denied, RoleUse, Summary, Unused

__all__ = ["Iam", "Summary", "RoleUse", "Unused", "Denied"]
