"""Whether the fields of a declaration hold what their annotations say, so that a slip is told where it is written."""

from __future__ import annotations

import builtins
import dataclasses
import sys
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from constructs_ml.faults import refuse

_LONGEST = 80
Wrong = tuple[str, object, str]
"""The place inside a field, what stands there, and what is allowed."""
_Test = Callable[[object, str], Wrong | None]


def check_fields(declared: Any, where: str, *, own: tuple[str, ...] = (), choices: bool = False) -> None:
    """Refuse the first field of a dataclass whose value its annotation does not allow, with the place inside it.

    The fields in `own` are left to checks that say more of them; of a choice among texts only that it is text, unless
    `choices` says that nobody else looks at it.
    """
    for name, test in _tests(type(declared), choices):  # type: ignore[arg-type]  # a class can be hashed
        wrong = None if name in own else test(getattr(declared, name), name)
        if wrong is not None:
            place, got, allowed = wrong
            raise refuse("kind", where=where, got=f"{place}={_shown(got)}", allowed=allowed, field=name)


@cache
def _tests(kind: Any, choices: bool) -> tuple[tuple[str, _Test], ...]:
    hints = get_type_hints(kind, localns=_Names(vars(sys.modules[kind.__module__])))
    found = [item.name for item in dataclasses.fields(kind) if item.init]
    return tuple(
        (name, _test(hints[name] if choices or get_origin(hints[name]) is not Literal else str)) for name in found
    )


class _Names(dict[str, Any]):
    """The names of a module; one that only type checkers import, such as Step, allows everything."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, object)


def _test(hint: Any) -> _Test:
    """A hint as a test of values."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return lambda value, place: None
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, types.UnionType):
        return _any_of(arguments)
    if origin is tuple:
        return _tuple_of(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_of(_test(arguments[0]), _test(arguments[1]))
    return _any_of((hint,))


def _one_of(values: tuple[object, ...]) -> _Test:
    allowed = ", ".join(map(repr, values))
    return lambda value, place: None if value in values else (place, value, allowed)


def _any_of(hints: tuple[Any, ...]) -> _Test:
    """One of some classes; containers and literals among them are looked into."""
    classes = tuple(_class(hint) for hint in hints if isinstance(_class(hint), type))
    others = [_test(hint) for hint in hints if not isinstance(_class(hint), type)]
    kinds = (*classes, int) if float in classes else classes
    words = [("None" if kind is type(None) else kind.__name__) for kind in dict.fromkeys(classes)]

    def test(value: object, place: str) -> Wrong | None:
        if isinstance(value, kinds):
            return None
        said = list(words)
        for other in others:
            wrong = other(value, place)
            if wrong is None:
                return None
            if wrong[0] != place:
                return wrong
            said.append(wrong[2])
        return (place, value, ", ".join(said))

    return test


def _class(hint: Any) -> Any:
    """A plain class, or None for what has to be looked into."""
    if hint is None:
        return type(None)
    return hint if isinstance(hint, type) and get_origin(hint) is None else None


def _tuple_of(arguments: tuple[Any, ...]) -> _Test:
    many = arguments[-1] is Ellipsis
    tests = [_test(hint) for hint in (arguments[:1] if many else arguments)]
    allowed = f"a tuple of {_words(arguments[0])}" if many else f"a tuple of {len(tests)}"

    def test(value: object, place: str) -> Wrong | None:
        if not isinstance(value, tuple) or (not many and len(value) != len(tests)):
            return (place, value, allowed)
        each = tests * len(value) if many else tests
        found = (one(item, f"{place}[{index}]") for index, (one, item) in enumerate(zip(each, value, strict=True)))
        return next((wrong for wrong in found if wrong is not None), None)

    return test


def _words(hint: Any) -> str:
    """What a container holds, as long as it is short to say."""
    kinds = [_class(item) for item in (get_args(hint) or (hint,))]
    names = [kind.__name__ for kind in kinds if isinstance(kind, type) and kind is not object]
    return " or ".join(names) if len(names) == len(kinds) <= 3 else "such things, with a comma after a single one"


def _mapping_of(keys: _Test, values: _Test) -> _Test:
    def test(value: object, place: str) -> Wrong | None:
        if not isinstance(value, Mapping):
            return (place, value, "a mapping, such as {name: value}")
        for key, item in value.items():
            wrong = keys(key, f"a key of {place}") or values(item, f"{place}[{key!r}]")
            if wrong is not None:
                return wrong
        return None

    return test


def _shown(value: object) -> str:
    """A value as an error shows it: a step by its kind and name, anything else as it is, but not at any length."""
    name = getattr(value, "name", None)
    if dataclasses.is_dataclass(value) and isinstance(name, str):
        return f"{type(value).__name__} {name!r}"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
