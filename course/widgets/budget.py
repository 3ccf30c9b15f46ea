"""A budget of time for a student's function: endless Python is stopped in whatever thread it runs.

JupyterLab answers widgets in a thread of their own, which no signal reaches. So a watching thread
has the interpreter raise `OutOfTime` there, again and again until the function is left, since an
`except:` of the student's may swallow it.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator

AGAIN = 0.05  # seconds between two looks at the clock


class OutOfTime(BaseException):
    """Raised inside a student's loop; no Exception, so that `except Exception` lets it pass."""


class _Watch:
    """One thread that looks after all calls of this process; it sleeps while there is none."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}  # when each thread's call must be over
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def enter(self, thread: int, end: float) -> None:
        with self._lock:
            self._ends[thread] = end
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._wake.set()

    def leave(self, thread: int) -> None:
        """Look after the thread no longer; an exception that was not raised yet never will be."""
        with self._lock:
            self._ends.pop(thread, None)
            _raise_in(thread, None)

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
                        _raise_in(thread, OutOfTime)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    what = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


_WATCH = _Watch()


@contextlib.contextmanager
def until(end: float) -> Iterator[None]:
    """Raise OutOfTime inside the block when `time.monotonic()` is past `end`."""
    thread = threading.get_ident()
    _WATCH.enter(thread, end)
    try:
        yield
    finally:
        while True:
            try:
                _WATCH.leave(thread)
                break
            except OutOfTime:  # raised on the way out
                continue
