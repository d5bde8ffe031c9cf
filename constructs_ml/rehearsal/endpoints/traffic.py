"""Which of several answers a request: by weight, exactly, and the same way in each rehearsal."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


class Router:
    """Deals requests out so that each choice gets its share as evenly as can be: of 50 % each, every second one.

    SageMaker deals by chance: in a rehearsal of ten requests that would say little.
    """

    def __init__(self) -> None:
        self._credit: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def pick(self, choices: Sequence[tuple[T, float]]) -> T:
        """The choice whose turn it is; a choice of weight 0 never has one, unless all have it."""
        weighted = [(choice, weight) for choice, weight in choices if weight > 0] or [(c, 1.0) for c, _ in choices]
        total = sum(weight for _, weight in weighted)
        with self._lock:
            self._credit = {choice: self._credit.get(choice, 0.0) for choice, _ in weighted}
            for choice, weight in weighted:
                self._credit[choice] += weight / total
            best = max(self._credit.values())
            picked = next(choice for choice, _ in weighted if self._credit[choice] > best - 1e-9)
            self._credit[picked] -= 1.0
        return picked


class Sampler:
    """Says yes to a percentage of the questions, evenly: to every fourth at 25."""

    def __init__(self) -> None:
        self._seen = 0
        self._lock = threading.Lock()

    def takes(self, percent: float) -> bool:
        """Whether this one is taken."""
        with self._lock:
            self._seen += 1
            return int(self._seen * percent / 100 + 1e-9) > int((self._seen - 1) * percent / 100 + 1e-9)
