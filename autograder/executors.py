"""Where jobs are judged: in this process, in processes of this machine, or on a cluster.

An executor takes jobs under a number and gives their records back in any order. A process that is
lost with a job is replaced, and the job comes back as `Lost`: whoever asked decides what follows.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
import traceback
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

import torch

from autograder.errors import SandboxError
from autograder.judging import MAX_TRIES, Job, Workers, judge_job
from autograder.prepared import Prepared, prepare
from autograder.record import SubmissionRecord
from autograder.running import SUBMISSION_SECONDS
from autograder.sandbox import Opening, Sandbox, open_sandbox
from autograder.sandbox.child import MAX_MEMORY
from autograder.worker import SLOWEST_PACE

PATIENCE = MAX_TRIES * SLOWEST_PACE * SUBMISSION_SECONDS  # with a process that says nothing
CLOSING_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Lost:
    """A job that came to no end, through no fault of the submission's as far as is known.

    `final`: it was given out as often as a job is, and is not to be tried again.
    """

    reason: str
    final: bool = False


@dataclass(frozen=True)
class Done:
    """A job's record, and what the books take of it, prepared where it was judged."""

    record: SubmissionRecord
    prepared: Prepared


Result = Done | Lost


class Executor(Protocol):
    """Judges jobs; close it when done."""

    @property
    def room(self) -> int:
        """How many more jobs are wanted now."""

    def submit(self, number: int, job: Job) -> None:
        """Have a job judged."""

    def next(self) -> tuple[int, Result]:
        """Return a number that was submitted and what became of it, once there is one."""

    def close(self) -> None:
        """End all that was started."""


class Here:
    """Judges in this process, one job after another, with workers that stay the caller's."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._waiting: deque[tuple[int, Job]] = deque()

    @property
    def room(self) -> int:
        """One job at a time."""
        return 0 if self._waiting else 1

    def submit(self, number: int, job: Job) -> None:
        """Keep the job until it is asked for."""
        self._waiting.append((number, job))

    def next(self) -> tuple[int, Result]:
        """Judge the job now."""
        number, job = self._waiting.popleft()
        return number, _done(self._workers, job)

    def close(self) -> None:
        """Nothing was started."""


@dataclass
class _Member:
    """A worker process, our end of its pipe, and the job that it has."""

    process: BaseProcess
    connection: Connection
    sandbox: Sandbox | None = None
    number: int | None = None
    since: float = 0.0


class Processes:
    """Processes forked from this one after its imports, each with a warm sandbox of its own.

    The first takes the sandbox that is being opened `ahead`. They end with this process, however
    it ends: each is told by the kernel, and its sandbox by the pipe that closes.
    """

    def __init__(self, count: int, tier: str | None = None, ahead: Opening | None = None) -> None:
        self._tier = tier
        self._context = multiprocessing.get_context("fork")
        self._members: list[_Member] = []
        first = ahead.result() if ahead else open_sandbox(tier)
        try:
            for number in range(count):
                self._members.append(self._start(first if number == 0 else None))
        except BaseException:
            first.close()
            self.close()
            raise

    @property
    def room(self) -> int:
        """One job for each idle process."""
        return sum(member.number is None for member in self._members)

    def submit(self, number: int, job: Job) -> None:
        """Give a job to an idle process."""
        member = next(member for member in self._members if member.number is None)
        member.number, member.since = number, time.monotonic()
        with contextlib.suppress(OSError):  # it has died: `next` finds that
            member.connection.send(job)

    def next(self) -> tuple[int, Result]:
        """Return the first result that comes."""
        while True:
            busy = [member for member in self._members if member.number is not None]
            ready = wait([member.connection for member in busy], timeout=1.0)
            for member in busy:
                late = time.monotonic() - member.since > PATIENCE
                if member.connection in ready or late:
                    return self._taken(member)

    def _taken(self, member: _Member) -> tuple[int, Result]:
        assert member.number is not None
        number, member.number = member.number, None
        try:
            if not member.connection.poll():
                raise EOFError
            result: Result = member.connection.recv()
        except (EOFError, OSError):
            self._end(member, kill=True)
            code = member.process.exitcode
            result = Lost(f"the process that judged it ended (exit code {code})")
            self._members.remove(member)
            self._members.append(self._start(None))
        return number, result

    def _start(self, sandbox: Sandbox | None) -> _Member:
        ours, theirs = self._context.Pipe()
        others = [member.connection for member in self._members] + [ours]
        arguments = (theirs, others, self._tier, sandbox, os.getpid())
        process = self._context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Member(process, ours, sandbox)

    def _end(self, member: _Member, *, kill: bool) -> None:
        member.connection.close()
        if kill:
            member.process.kill()
        elif member.number is not None:
            member.process.terminate()  # it is busy: it would not see that the pipe closed
        member.process.join(CLOSING_SECONDS)
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        if member.sandbox is not None:
            member.sandbox.close()

    def close(self) -> None:
        """End the processes and their sandboxes."""
        while self._members:
            self._end(self._members.pop(), kill=False)


def _serve(
    connection: Connection,
    others: list[Connection],
    tier: str | None,
    sandbox: Sandbox | None,
    client: int,
) -> None:
    """Judge what comes through the pipe until it closes; the work of a forked process."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client decides what Ctrl-C means
    signal.signal(signal.SIGTERM, _leave)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != client:
        return
    torch.set_num_threads(1)
    with Workers(tier, sandbox) as workers:
        while True:
            try:
                job = connection.recv()
            except (EOFError, OSError):
                return
            connection.send(judged(workers, job))


def _leave(*_: object) -> None:
    raise SystemExit(0)


def judged(workers: Workers, job: Job) -> Result:
    """Return a job's record, or how the grader failed."""
    try:
        return _done(workers, job)
    except SandboxError as error:
        return Lost(str(error).splitlines()[0])
    except Exception as error:
        traceback.print_exc()
        workers.close()
        return Lost(f"a fault of the grader: {type(error).__name__}: {error}")


def _done(workers: Workers, job: Job) -> Done:
    record = judge_job(workers, job)
    return Done(record, prepare(job.plan, record, job.data))


def default_count() -> int:
    """Return how many processes this machine bears: by its cores, and by memory for the worst."""
    cores = len(os.sched_getaffinity(0))
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, StopIteration), open("/proc/meminfo") as file:
        line = next(line for line in file if line.startswith("MemAvailable:"))
        pages = int(line.split()[1]) << 10
    return max(1, min(cores, pages // MAX_MEMORY))
