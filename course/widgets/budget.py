"""A budget of time for a student's function: endless Python is stopped in whatever thread it runs.

JupyterLab answers widgets in a thread of their own, which no signal reaches. So a watching thread
has the interpreter raise `OutOfTime` there, again and again until the function is left. A bare
`except:` in a loop would swallow each: so one that is made has the next line raise another, and
that line is in the handler, outside of the `try`.
"""

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

AGAIN = 0.05  # seconds between two looks at the clock
OURS = (__file__, contextlib.__file__, str(Path(__file__).with_name("calling.py")))
_OPENERS: list[FrameType] = []  # the frames whose blocks are not left yet


class OutOfTime(BaseException):
    """Raised inside a student's loop; no Exception, so that `except Exception` lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        frame = sys._getframe(1)
        if not _WATCH.watches(threading.get_ident()):
            return
        sys.settrace(_raise_again)
        while not (frame is None or frame in _OPENERS or frame.f_code.co_filename in OURS):
            frame.f_trace = _raise_again
            frame = frame.f_back  # type: ignore[assignment]


class _Withdrawn(BaseException):
    """Takes the place of an exception that was not raised yet."""


def _raise_again(frame: FrameType, event: str, argument: Any) -> None:
    """Raise at the next line of code that is not this module's: a trace function."""
    if frame.f_code.co_filename not in OURS:
        raise OutOfTime


class _Watch:
    """One thread that looks after all calls of this process; it sleeps while there is none."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}  # when each thread's call must be over
        self._late: set[int] = set()  # the threads in which something was raised
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def enter(self, thread: int, end: float) -> float | None:
        """Look after the thread; return when a block around this one must be over."""
        with self._lock:
            around = self._ends.get(thread)
            self._ends[thread] = end if around is None else min(end, around)
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._wake.set()
        return around

    def watches(self, thread: int) -> bool:
        return thread in self._ends

    def leave(self, thread: int, around: float | None) -> None:
        """Look after the block around, if any; an exception not raised yet never will be."""
        with self._lock:
            if around is None:
                self._ends.pop(thread, None)
            else:
                self._ends[thread] = around
            late = thread in self._late
            self._late.discard(thread)
        if late:
            _withdraw(thread)

    def _run(self) -> None:
        while True:
            if not self._ends:
                self._wake.wait()
            self._wake.clear()
            time.sleep(AGAIN)
            with self._lock:
                now = time.monotonic()
                for thread, end in self._ends.items():
                    if now > end:
                        self._late.add(thread)
                        _raise_in(thread, OutOfTime)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _withdraw(thread: int) -> None:
    """Take back what is not raised yet in this thread, by having something else raised now.

    Python would offer to do it without: but then it goes on looking for an exception, and hangs as
    soon as it is traced or profiled.
    """
    with contextlib.suppress(_Withdrawn):
        _raise_in(thread, _Withdrawn)
        for _ in range(100):  # it comes at the first of these, if not in a callback before
            pass


_WATCH = _Watch()


@contextlib.contextmanager
def until(end: float) -> Iterator[None]:
    """Raise OutOfTime inside the block when `time.monotonic()` is past `end`."""
    thread, tracing, opener = threading.get_ident(), sys.gettrace(), sys._getframe(2)
    _OPENERS.append(opener)
    around = _WATCH.enter(thread, end)
    try:
        yield
    finally:
        sys.settrace(tracing)
        while True:
            try:
                _WATCH.leave(thread, around)
                sys.settrace(tracing)  # one more was raised before that
                break
            except OutOfTime:  # raised on the way out
                continue
        _OPENERS.remove(opener)
