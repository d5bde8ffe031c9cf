"""What goes on after a call was answered: threads that never end unheard, and end with the account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from constructs_ml.rehearsal.clock import Clock

_log = logging.getLogger(__name__)
_PATIENCE = 10.0


class Background:
    """The threads of one part; `end` waits for them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, name: str, work: Callable[[], object], failed: Callable[[Exception], object] | None = None) -> None:
        """Do `work`; what it raises is handed to `failed`, unless the account is closing anyway."""
        thread = threading.Thread(target=self._guarded, args=(name, work, failed), name=name, daemon=True)
        with self._lock:
            self._threads = [item for item in self._threads if item.is_alive()]
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Wait for what is under way."""
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(_PATIENCE)

    def _guarded(self, name: str, work: Callable[[], object], failed: Callable[[Exception], object] | None) -> None:
        try:
            work()
        except Exception as broken:  # noqa: BLE001 - a thread has nobody else to tell
            if not self._clock.stopped:
                _log.warning("%s failed", name, exc_info=broken)
                if failed is not None:
                    failed(broken)
