"""QueryLineage: what an entity came from, and what became of it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryLineage.html
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_ml.rehearsal.calls import Call, Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.sagemaker.lineage import Edge, Lineage, type_of
from constructs_ml.rehearsal.sagemaker.listing import moment
from constructs_ml.rehearsal.sagemaker.store import Resource

_DEEPEST, _MOST = 10, 50
_Paths = dict[str, Edge | None]


class LineageQuery:
    """Answers QueryLineage over a lineage's associations; the model's limits are checked before it is asked."""

    def __init__(self, account: EmbeddedAccount, lineage: Lineage) -> None:
        self._lineage = lineage
        account.gate.serve("sagemaker", {"QueryLineage": self._query})

    def _query(self, call: Call) -> Json:
        given = call.parameters
        starts = given.get("StartArns") or ()
        if not starts:
            raise invalid("StartArns must have one ARN.")
        start = self._lineage.entity(starts[0]).arn
        reached = self._reached(start, given.get("Direction") or "Both", int(given.get("MaxDepth") or _DEEPEST))
        entities = {arn: self._lineage.entity(arn) for arn in reached if arn != start}
        wanted = [arn for arn, entity in entities.items() if _fits(entity, given.get("Filters") or {})]
        edges: list[Edge] = []
        if given.get("IncludeEdges"):
            wanted, edges = self._with_paths(wanted, reached, start)
        return _page(wanted, edges, entities, given)

    def _reached(self, start: str, direction: str, depth: int) -> _Paths:
        """Every entity within reach, and the association by which it was reached first.

        "Both" goes on in both directions from each entity: a shared image drags in unrelated models.
        """
        reached: _Paths = {start: None}
        ring, edges = [start], self._lineage.edges()
        for _ in range(depth):
            found: dict[str, Edge] = {}
            for edge in edges:
                if direction in ("Both", "Descendants") and edge.source in ring:
                    found.setdefault(edge.destination, edge)
                if direction in ("Both", "Ascendants") and edge.destination in ring:
                    found.setdefault(edge.source, edge)
            ring = [arn for arn in found if arn not in reached]
            reached |= {arn: found[arn] for arn in ring}
        return reached

    def _with_paths(self, wanted: list[str], reached: _Paths, start: str) -> tuple[list[str], list[Edge]]:
        """IncludeEdges: "not only the entities of interest but also the associations and entities on the path"."""
        on_path = dict.fromkeys(wanted)
        for arn in wanted:
            here = arn
            while (edge := reached[here]) is not None:
                here = edge.source if edge.destination == here else edge.destination
                if here != start:
                    on_path[here] = None
        ends = {*on_path, start}
        return list(on_path), [e for e in self._lineage.edges() if e.source in ends and e.destination in ends]


def _fits(entity: Resource, filters: Mapping[str, Json]) -> bool:
    """All kinds of filters must fit; of several properties one is enough."""
    properties, mine = filters.get("Properties") or {}, entity.fields.get("Properties") or {}
    created, modified = entity.created, entity.fields.get("LastModifiedTime", entity.created)
    return (
        type_of(entity) in (filters.get("Types") or (type_of(entity),))
        and entity.noun.name in (filters.get("LineageTypes") or (entity.noun.name,))
        and (not properties or any(mine.get(key) == value for key, value in properties.items()))
        and ("CreatedBefore" not in filters or created < moment(filters["CreatedBefore"]))
        and ("CreatedAfter" not in filters or created > moment(filters["CreatedAfter"]))
        and ("ModifiedBefore" not in filters or modified < moment(filters["ModifiedBefore"]))
        and ("ModifiedAfter" not in filters or modified > moment(filters["ModifiedAfter"]))
    )


def _page(found: list[str], edges: list[Edge], entities: Mapping[str, Resource], given: Mapping[str, Json]) -> Json:
    """Some vertices, and the associations whose later end is among them."""
    most = int(given.get("MaxResults") or _MOST)
    first = int(given.get("NextToken") or 0)
    place = {arn: index for index, arn in enumerate(found)}
    page = range(first, min(first + most, len(found)))
    told = [e for e in edges if max(place.get(e.source, 0), place.get(e.destination, 0)) in page]
    answer: dict[str, Json] = {
        "Vertices": [_vertex(entities[found[index]]) for index in page],
        "Edges": [{"SourceArn": e.source, "DestinationArn": e.destination, "AssociationType": e.type} for e in told],
    }
    if page.stop < len(found):
        answer["NextToken"] = str(page.stop)
    return answer


def _vertex(entity: Resource) -> dict[str, str]:
    return {"Arn": entity.arn, "Type": type_of(entity), "LineageType": entity.noun.name}
