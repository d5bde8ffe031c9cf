"""What goes on after a call was answered: threads that never end unheard, and end with the account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from constructs_ml.rehearsal.embedded import EmbeddedAccount

_log = logging.getLogger(__name__)
_PATIENCE = 10.0


class Background:
    """Threads of one account; `end` waits for them."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, name: str, work: Callable[[], None], failed: Callable[[Exception], None]) -> None:
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

    def _guarded(self, name: str, work: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        try:
            work()
        except Exception as broken:  # noqa: BLE001 - a thread has nobody else to tell
            if self._account.clock.stopped:
                return
            _log.warning("%s failed", name, exc_info=broken)
            failed(broken)
