"""Runs a command in a session of its own, and ends it with all its children when the rehearsal is gone.

Started as `python -I -S guard.py GRACE FOLDER COMMAND...`, its standard input a pipe whose other end the rehearsal
holds: the pipe closes when the rehearsal asks for an end, and also when it was killed. The command then gets SIGTERM,
and SIGKILL after `GRACE` seconds, as a container does. A rehearsal that was killed cannot remove its FOLDER any more:
its guards do, unless FOLDER is empty.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time


def main() -> int:
    """Run the command; its exit code, or 128 + the signal that ended it."""
    grace, folder, command, rehearsal = float(sys.argv[1]), sys.argv[2], sys.argv[3:], os.getppid()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the job
    threading.Thread(target=_watch, args=(child, grace), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)
    if folder and os.getppid() != rehearsal:
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _watch(child: "subprocess.Popen[bytes]", grace: float) -> None:
    while os.read(0, 4096):
        pass
    _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal(child, signal.SIGKILL)


def _signal(child: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
