"""A worker: one sandbox, its pace, and the control that tells whose fault a broken end was."""

import time
from collections.abc import Sequence

import torch

from autograder.errors import WorkerError
from autograder.sandbox import ChildEnded, Sandbox, open_sandbox
from autograder.session import Session
from course.outcome import VALUE

NOMINAL_LOOP = 0.045  # seconds that the calibration loop takes on the machine we measured
SLOWEST_PACE = 8.0
CONTROL = """
import torch
def control(x):
    total = torch.zeros_like(x)
    for i in range(100):
        total = total + i * x
    return total
"""


class Worker:
    """Starts sessions in a sandbox: of the best tier, the tier asked for, or one that is open."""

    def __init__(self, tier: str | None = None, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or open_sandbox(tier)
        self.pace = calibrate()

    @property
    def tier(self) -> str:
        """The tier of the sandbox, for the record."""
        return self.sandbox.tier

    def session(self, sources: Sequence[str] = ()) -> Session:
        """Return a session with a fresh process; `sources` are the texts it will run."""
        try:
            child = self.sandbox.spawn()
        except OSError as error:
            raise WorkerError(f"no process could be started: {error}") from error
        return Session(child, self.pace, sources)

    def control(self) -> bool:
        """Return whether known-good code is judged right now: then a broken end was not ours."""
        x = torch.arange(6, dtype=torch.float32)
        try:
            session = self.session()
        except WorkerError:
            return False
        try:
            session.run(CONTROL)
            outcome = session.subject("control").call([x])
        except ChildEnded:
            return False
        finally:
            session.close()
        right = outcome.kind == VALUE and isinstance(outcome.value, torch.Tensor)
        return right and bool(torch.equal(outcome.value, 4950 * x))

    def close(self) -> None:
        """End the sandbox."""
        self.sandbox.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def calibrate() -> float:
    """Return how many times slower than nominal this machine runs a plain loop now, at least 1."""
    start = time.thread_time()
    total = 0
    for i in range(1_000_000):
        total += i & 7
    return min(max((time.thread_time() - start) / NOMINAL_LOOP, 1.0), SLOWEST_PACE)
