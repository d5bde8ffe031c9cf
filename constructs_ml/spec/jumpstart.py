"""JumpStart: a pretrained model in the bucket that AWS keeps in every region."""

from __future__ import annotations

import re
from dataclasses import dataclass

from constructs_ml.faults import refuse
from constructs_ml.spec.fields import check_fields

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_VERSION = re.compile(r"\d+(\.\d+){0,2}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9!_.'()/-]*")
_HUB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpStart:
    """A JumpStart model as the source of a channel, of a batch transform or of a version.

    `artifact` is the key, or the prefix, of its artifact in JumpStart's bucket of the region, as the model's manifest
    has it (`hosting_artifact_key`, `training_artifact_key`): a manifest is read by a person, never at synth. A
    `gated` model lies in the bucket for which a licence must be accepted, by `accept_eula`. `hub` is the name of a
    private hub of this account that refers to the model: https://docs.aws.amazon.com/sagemaker/latest/dg/jumpstart-curated-hubs.html

    From documentation alone, and met by no account here: that an execution role of another account may read these
    buckets, and how a request for a gated model is answered.

    >>> from constructs_ml import JumpStart
    >>> bert = JumpStart(model_id="huggingface-tc-bert", version="2.0.0", artifact="huggingface-infer/v2.tar.gz")
    >>> bert.needs_access
    False
    """

    model_id: str
    version: str
    artifact: str
    gated: bool = False
    accept_eula: bool = False
    hub: str | None = None

    def __post_init__(self) -> None:
        where = f"JumpStart({self.model_id!r})"
        check_fields(self, where)
        wrong = [
            ("model_id", self.model_id, _ID, "the id of a model, such as huggingface-llm-mistral-7b"),
            ("version", self.version, _VERSION, "a version such as 2.1.0: '*' would change under the same template"),
            ("artifact", self.artifact, _KEY, "a key in JumpStart's bucket, without s3:// and without $ * ? { }"),
            ("hub", self.hub or "hub", _HUB, "the name of a hub"),
        ]
        for field, value, form, allowed in wrong:
            if not isinstance(value, str) or not form.fullmatch(value) or "//" in value or ".." in value.split("/"):
                raise refuse("kind", where=where, got=repr(value), allowed=allowed, field=field)
        if self.gated and not self.accept_eula:
            allowed = "accept_eula=True, once somebody has read the licence"
            raise refuse("jumpstart-eula", where=where, got="accept_eula=False", allowed=allowed)

    @property
    def needs_access(self) -> bool:
        """Whether a request must say more than the place."""
        return self.accept_eula or self.hub is not None

    @property
    def is_archive(self) -> bool:
        """Whether the artifact is one compressed file, not a prefix."""
        return self.artifact.endswith((".tar.gz", ".tgz"))
