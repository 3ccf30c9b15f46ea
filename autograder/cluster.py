"""Judging on a Dask cluster that exists: jobs go out as data, records come back, no disk is shared.

Each worker of the cluster needs the instructor's distribution in the client's versions, and a
sandbox. What its process of judging says is trusted, as this one is: a cluster is the instructor's.
"""

import contextlib
import queue
import uuid
from typing import Any

import torch
from distributed import Client, Future, KilledWorker

from autograder.errors import UsageError, WorkerError
from autograder.executors import Lost, Result, judged
from autograder.judging import MAX_TRIES, Job, Workers, environment, reference_digest

CONNECTING_SECONDS = 20.0
JOINING_SECONDS = 90.0  # of a first worker, which imports torch before
SILENT_SECONDS = 60.0  # without a scheduler
JOBS_A_THREAD = 2  # one runs, one waits beside it

_idle: "queue.SimpleQueue[tuple[str | None, Workers]]" = queue.SimpleQueue()  # of a Dask worker


class Cluster:
    """Judges on the workers of the scheduler at `address`.

    A worker that dies or loses its network loses its jobs to the others: the scheduler gives each
    out at most three times, and then it is `Lost`.
    """

    def __init__(self, address: str, tier: str | None = None) -> None:
        self._address, self._tier = address, tier
        self._ended: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
        self._running: dict[int, Future] = {}
        try:
            self._client = Client(address, timeout=CONNECTING_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"scheduler must be the address of a running Dask scheduler, got {address}: "
                f"{error}; start one with `dask scheduler`, and `dask worker {address}` where "
                "submissions are to be judged"
            ) from None
        try:
            self._refuse_other_versions()
            self._allowed = self._client.run_on_scheduler(allow_failures, MAX_TRIES - 1)
        except BaseException:
            self._client.close()
            raise

    def _refuse_other_versions(self) -> None:
        try:
            self._client.wait_for_workers(1, JOINING_SECONDS)
            theirs = self._client.run(identity)
        except TimeoutError:
            raise UsageError(
                f"the scheduler {self._address} must have a worker, got none in "
                f"{JOINING_SECONDS:.0f} s; start one with `dask worker {self._address}`"
            ) from None
        except ImportError as error:
            raise UsageError(
                f"the workers of {self._address} must have the grader installed, got: {error}; "
                "install this distribution there, in this version"
            ) from None
        for worker, found in theirs.items():
            told = differences(identity(), found)
            if told:
                raise UsageError(f"the worker {worker} must have the versions of here, got {told}")

    @property
    def room(self) -> int:
        """Two jobs for each thread of the cluster: one runs while the next is on its way."""
        threads: int = sum(self._client.nthreads().values())
        return max(JOBS_A_THREAD * threads - len(self._running), 0 if self._running else 1)

    def submit(self, number: int, job: Job) -> None:
        """Send a job."""
        future = self._client.submit(
            judge_anywhere, job, self._tier, identity(), key=f"judge-{uuid.uuid4().hex}", pure=False
        )
        self._running[number] = future
        future.add_done_callback(lambda done: self._ended.put((number, done)))

    def next(self) -> tuple[int, Result]:
        """Return the first result that comes; WorkerError when the scheduler is gone."""
        silent = 0.0
        while True:
            with contextlib.suppress(queue.Empty):
                number, future = self._ended.get(timeout=1.0)
                break
            silent = 0.0 if self._client.status == "running" else silent + 1.0
            if silent >= SILENT_SECONDS:
                raise self._gone()
        self._running.pop(number)
        if future.cancelled():
            raise self._gone()
        error = future.exception()
        if isinstance(error, KilledWorker):
            reason = f"{MAX_TRIES} workers of the cluster ended or were lost with it"
            return number, Lost(reason, final=True)
        if error is not None:
            return number, Lost(f"{type(error).__name__}: {error}")
        result: Result = future.result()
        return number, result

    def _gone(self) -> WorkerError:
        return WorkerError(
            f"the scheduler {self._address} is gone; start it and its workers, then run this "
            "again: it goes on where it stopped"
        )

    def close(self) -> None:
        """Leave the cluster as it was found."""
        with contextlib.suppress(Exception):  # it may be gone, with all that was started there
            if self._client.status == "running":
                self._client.cancel(list(self._running.values()))
                self._client.run(close_idle)
                self._client.run_on_scheduler(allow_failures, self._allowed)
        self._client.close()


def allow_failures(count: int, dask_scheduler: Any = None) -> int:
    """Set how many workers may be lost with one job; return how many it was before."""
    before: int = dask_scheduler.allowed_failures
    dask_scheduler.allowed_failures = count
    return before


def identity() -> dict[str, str]:
    """Return all that must be the same on both sides."""
    return {**environment(), "solutions": reference_digest()}


def differences(here: dict[str, str], there: dict[str, str]) -> str:
    """Return what differs, each version named; "" where nothing does."""
    return ", ".join(
        f"{name} {here.get(name)} here and {there.get(name)} there"
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    )


def judge_anywhere(job: Job, tier: str | None, wanted: dict[str, str]) -> Result:
    """Judge a job in a thread of a Dask worker, with a warm sandbox that no other thread has."""
    told = differences(wanted, identity())
    if told:
        return Lost(f"a worker that joined has other versions: {told}")
    torch.set_num_threads(1)
    try:
        ready_for, workers = _idle.get_nowait()
    except queue.Empty:
        ready_for, workers = tier, Workers(tier)
    if ready_for != tier:
        workers.close()
        workers = Workers(tier)
    try:
        return judged(workers, job)
    finally:
        _idle.put((tier, workers))


def close_idle() -> None:
    """End the sandboxes of this Dask worker that judge nothing."""
    with contextlib.suppress(queue.Empty):
        while True:
            _idle.get_nowait()[1].close()
