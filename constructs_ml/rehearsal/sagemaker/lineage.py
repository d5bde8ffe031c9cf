"""The lineage API: artifacts by their source, and the associations between entities.

https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from constructs_ml.rehearsal.calls import Call, Json, ServiceError, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker import listing
from constructs_ml.rehearsal.sagemaker.store import Resource, Store

ENTITIES = ("Artifact", "Action", "Context", "TrialComponent", "Trial", "Experiment")

# "Limits" of what is created by hand; what SageMaker makes itself does not count.
# https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-manual-creation.html
QUOTAS = MappingProxyType({"Artifact": 6000, "Association": 6000, "Action": 3000, "Context": 500})


@dataclass(frozen=True, slots=True)
class Edge:
    """An association; `by_hand` unless SageMaker made it."""

    source: str
    destination: str
    type: str
    created: datetime
    by_hand: bool


class Lineage:
    """Every association, and what is particular about lineage's entities."""

    def __init__(self, account: EmbeddedAccount, store: Store) -> None:
        self._account, self.store = account, store
        self._edges: dict[tuple[str, str], Edge] = {}
        self._made: set[str] = set()
        self._lock = threading.RLock()
        store.on("Create", "Artifact", self._created)
        for noun in ("Action", "Context"):
            store.on("Create", noun, lambda resource, _: self._within_quota(resource.noun.name))
        for noun in ("Artifact", "Action", "Context"):
            store.on("Update", noun, self._updated)
            store.on("Delete", noun, lambda resource, _: self._cut_off(resource))
        operations = {
            "AddAssociation": self._add,
            "DeleteAssociation": self._delete,
            "ListAssociations": self._list,
            "DeleteArtifact": self._delete_artifact,
        }
        account.gate.serve("sagemaker", operations)

    def edges(self) -> list[Edge]:
        """Every association, the oldest first."""
        with self._lock:
            return list(self._edges.values())

    def entity(self, arn: str) -> Resource:
        """An entity by its ARN; `ServiceError` where there is none."""
        found = self.store.by_arn(arn)
        if found is None or found.noun.name not in ENTITIES:
            raise ServiceError("ResourceNotFound", f"Could not find lineage entity {arn}.")
        return found

    def made(self, noun: str, name: str, fields: Mapping[str, Json]) -> Resource:
        """An entity as SageMaker makes it by itself, or the one that is there: "SageMaker reuses any existing"."""
        with self._lock:
            found = self.store.find(noun, name) or self.store.add(noun, name, fields)
            self._made.add(found.arn)
            return found

    def artifact(self, uri: str, type: str, name: str = "") -> Resource:
        """The artifact of a source: "there can be only one artifact with a unique SourceUri"."""
        with self._lock:
            found = self.of_source(uri)
            if found is None:
                fields = {"Source": {"SourceUri": uri}, "ArtifactType": type, "ArtifactName": name or None}
                found = self.made("Artifact", secrets.token_hex(16), fields)
                found.fields.setdefault("ArtifactName", found.arn)
            return found

    def of_source(self, uri: str) -> Resource | None:
        """The artifact that has this source."""
        return next((a for a in self.store.all("Artifact") if source_uri(a) == uri), None)

    def associate(self, source: Resource, destination: Resource, type: str) -> None:
        """Add an association that SageMaker makes by itself, if it is not there."""
        with self._lock:
            key = (source.arn, destination.arn)
            self._edges.setdefault(key, Edge(*key, type, self._account.clock.now(), by_hand=False))

    def _created(self, artifact: Resource, call: Call) -> None:
        uri = call.parameters["Source"]["SourceUri"]
        twins = [a for a in self.store.all("Artifact") if a is not artifact and source_uri(a) == uri]
        if twins:
            text = f"Artifact names and sources are unique: {twins[0].arn} already exists for the SourceUri {uri}"
            raise invalid(text)
        self._within_quota("Artifact")

    def _within_quota(self, noun: str) -> None:
        with self._lock:
            if noun == "Association":
                count = sum(edge.by_hand for edge in self._edges.values()) + 1
            else:
                count = sum(entity.arn not in self._made for entity in self.store.all(noun))
        if count > QUOTAS[noun]:
            text = f"The account-level service limit of {QUOTAS[noun]} for {noun} is exceeded."
            raise ServiceError("ResourceLimitExceeded", text)

    def _updated(self, entity: Resource, call: Call) -> None:
        for key in call.parameters.get("PropertiesToRemove") or ():
            entity.fields.get("Properties", {}).pop(key, None)

    def _cut_off(self, entity: Resource) -> None:
        with self._lock:
            for key in [key for key in self._edges if entity.arn in key]:
                del self._edges[key]

    def _delete_artifact(self, call: Call) -> Json:
        given = call.parameters
        if given.get("ArtifactArn"):
            artifact = self.store.get("Artifact", given["ArtifactArn"])
        else:
            uri = (given.get("Source") or {}).get("SourceUri", "")
            found = self.of_source(uri)
            if found is None:
                raise ServiceError("ResourceNotFound", f"Could not find an artifact of the source {uri!r}.")
            artifact = found
        self.store.remove(artifact)
        self._cut_off(artifact)
        return {"ArtifactArn": artifact.arn}

    def _add(self, call: Call) -> Json:
        ends = self.entity(call.parameters["SourceArn"]), self.entity(call.parameters["DestinationArn"])
        key = (ends[0].arn, ends[1].arn)
        with self._lock:
            if key in self._edges:
                raise invalid(f"Association from {key[0]} to {key[1]} already exists")
            self._within_quota("Association")
            type = call.parameters.get("AssociationType") or "AssociatedWith"
            self._edges[key] = Edge(*key, type, self._account.clock.now(), by_hand=True)
        return {"SourceArn": key[0], "DestinationArn": key[1]}

    def _delete(self, call: Call) -> Json:
        key = (call.parameters["SourceArn"], call.parameters["DestinationArn"])
        with self._lock:
            if self._edges.pop(key, None) is None:
                raise ServiceError("ResourceNotFound", f"Could not find association from {key[0]} to {key[1]}.")
        return {"SourceArn": key[0], "DestinationArn": key[1]}

    def _list(self, call: Call) -> Json:
        """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListAssociations.html."""
        given = call.parameters
        found = [self._summary(edge) for edge in self.edges()]
        for member in ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "AssociationType"):
            if given.get(member):
                found = [item for item in found if item[member] == given[member]]
        if given.get("CreatedAfter"):
            found = [item for item in found if item["CreationTime"] > listing.moment(given["CreatedAfter"])]
        if given.get("CreatedBefore"):
            found = [item for item in found if item["CreationTime"] < listing.moment(given["CreatedBefore"])]
        by = given.get("SortBy") or "CreationTime"
        found = sorted(found, key=lambda item: item[by])
        if given.get("SortOrder") != "Ascending":
            found.reverse()
        return listing.cut(found, "AssociationSummaries", given)

    def _summary(self, edge: Edge) -> dict[str, Json]:
        source, destination = self.entity(edge.source), self.entity(edge.destination)
        return {
            "SourceArn": edge.source,
            "DestinationArn": edge.destination,
            "SourceType": type_of(source),
            "DestinationType": type_of(destination),
            "AssociationType": edge.type,
            "SourceName": source.fields.get(source.noun.key, source.name),
            "DestinationName": destination.fields.get(destination.noun.key, destination.name),
            "CreationTime": edge.created,
        }


def source_uri(entity: Resource) -> str:
    """The source of an artifact, action or context."""
    return str((entity.fields.get("Source") or {}).get("SourceUri", ""))


def type_of(entity: Resource) -> str:
    """What kind of thing an entity is: "DataSet", "Endpoint", "TrainingJob"."""
    if entity.noun.name == "TrialComponent":
        found = (entity.fields.get("Source") or {}).get("SourceType", "")
        return str(found).removeprefix("SageMaker") or "TrialComponent"
    return str(entity.fields.get(f"{entity.noun.name}Type", entity.noun.name))
