"""A YAML file that remembers where everything stands and how it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from constructs_ml.faults import Faults

Place = tuple[str | int, ...]


@dataclass(slots=True)
class Source:
    """What the file says where: the mark of every place, and the words of every plain value before YAML read them."""

    path: str
    marks: dict[Place, yaml.Mark] = field(default_factory=dict)
    words: dict[Place, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def read(self, text: str) -> Any:
        """The file's content. Raises `SpecError` for what is not YAML and for keys that stand twice."""
        content = None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            if node is not None:
                self._walk(node, (), ())
            if not self.faults.found:
                content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            where = self._position(getattr(error, "problem_mark", None))
            self.faults.add("accounts-yaml", where=where, got=getattr(error, "problem", None) or error, allowed="YAML")
        except ValueError as error:  # a date or a number that looks like one and is none
            self.faults.add("accounts-yaml", where=self.path, got=error, allowed="YAML")
        if content is None and not self.faults.found:
            self.faults.add("accounts-yaml", where=self.path, got="an empty file", allowed="accounts: by stage")
        self.faults.raise_if_any()
        return content

    def at(self, place: Place) -> str:
        """File, line, column and path of a place, or the line and column of the nearest place around it."""
        return self._where(self._nearest(place), place)

    def order(self, place: Place) -> int:
        """Sorts places as they stand in the file."""
        mark = self._nearest(place)
        return mark.index if mark else 0

    def _nearest(self, place: Place) -> yaml.Mark | None:
        while place and place not in self.marks:
            place = place[:-1]
        return self.marks.get(place)

    def _where(self, mark: yaml.Mark | None, place: Place) -> str:
        path = ".".join(map(str, place))
        return f"{self._position(mark)}: {path}" if path else self._position(mark)

    def _position(self, mark: yaml.Mark | None) -> str:
        return f"{self.path}:{mark.line + 1}:{mark.column + 1}" if mark else self.path

    def _walk(self, node: yaml.Node, place: Place, above: tuple[yaml.Node, ...]) -> None:
        self.marks.setdefault(place, node.start_mark)
        if any(node is other for other in above):
            self.faults.add("accounts-yaml", where=self.at(place), got="an alias inside its own anchor", allowed="YAML")
        elif isinstance(node, yaml.MappingNode):
            self._walk_mapping(node, place, (*above, node))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._walk(item, (*place, index), (*above, node))
        else:
            self.words.setdefault(place, node.value)

    def _walk_mapping(self, node: yaml.MappingNode, place: Place, above: tuple[yaml.Node, ...]) -> None:
        seen: set[str] = set()
        merged: list[yaml.Node] = []
        for key, value in node.value:
            path = (*place, key.value) if isinstance(key, yaml.ScalarNode) else place
            where = self._where(key.start_mark, path)
            if not isinstance(key, yaml.ScalarNode):
                self.faults.add("accounts-yaml", where=where, got=f"a {key.id} as a key", allowed="text as a key")
                continue
            if key.value in seen:
                self.faults.add(
                    "accounts-duplicate", where=where, got=key.value, allowed="each key once", name=key.value
                )
            seen.add(key.value)
            if key.tag == "tag:yaml.org,2002:merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            self.marks.setdefault((*place, key.value), key.start_mark)
            self._walk(value, (*place, key.value), above)
        for item in merged:  # after the mapping's own keys, which count first
            self._walk(item, place, above)
