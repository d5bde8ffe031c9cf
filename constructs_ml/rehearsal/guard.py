"""Runs a command in a session of its own, and ends it with all its children when the rehearsal is gone.

Started as `python -I -S guard.py GRACE FOLDER COMMAND...`, its standard input a pipe whose other end the rehearsal
holds: the pipe closes when the rehearsal asks for an end, and also when it was killed. The command then gets SIGTERM,
and SIGKILL after `GRACE` seconds, as a container does. A rehearsal that was killed cannot remove its FOLDER any more:
its guards do, unless FOLDER is empty.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

_PR_SET_CHILD_SUBREAPER = 36  # https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html


def main() -> int:
    """Run the command; its exit code, or 128 + the signal that ended it."""
    grace, folder, command, rehearsal = float(sys.argv[1]), sys.argv[2], sys.argv[3:], os.getppid()
    if sys.platform.startswith("linux"):  # orphans of the command, also in sessions of their own, become our children
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the job
    threading.Thread(target=_watch, args=(child, grace), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)
    _sweep(time.monotonic() + grace)
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


def _sweep(deadline: float) -> None:
    """Kill what is left of the command in other sessions, and wait for its end (Linux)."""
    while (found := _descendants()) and time.monotonic() < deadline:
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _descendants() -> "list[int]":
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(os.getpid(), ()))
    for process in found:
        found += children.get(process, ())
    return found


if __name__ == "__main__":
    sys.exit(main())
