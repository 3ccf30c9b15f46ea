"""Judging one submission: what a worker process does, from data to a record.

A `Job` is all that is needed, as data: no path, no disk, so that it is the same in this process,
in another one, or on another machine. Whatever goes wrong, the record has a verdict and a reason.
"""

import hashlib
import importlib.metadata
import importlib.util
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from autograder.errors import Doubt, WorkerError
from autograder.exercise import Exercise, Question
from autograder.exercises import find
from autograder.judge import Judged, Task, could_not_run, judge, without_files
from autograder.mending import mend
from autograder.plan import Plan
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.sandbox import Opening, Sandbox
from autograder.submission import Notebook, cells_to_run, parse, untouched
from autograder.worker import Worker
from course.cases import CaseSet

MAX_TRIES = 3  # of a submission whose worker failed
LIBRARIES = ("torch", "numpy", "matplotlib", "ipython", "safetensors")
DECIDES_NO_VERDICT = ("notebooks", "exercises", "demo", "lecture")  # folders; cases are data


class Workers:
    """The worker of this process, replaced when it fails; closed with it.

    `ahead` is a sandbox for the first worker, ready or still opening.
    """

    def __init__(self, tier: str | None = None, ahead: Sandbox | Opening | None = None) -> None:
        self._tier = tier
        self._ahead = ahead
        self._worker: Worker | None = None

    def get(self) -> Worker:
        """Return a worker that is ready."""
        if self._worker is None:
            ahead, self._ahead = self._ahead, None
            sandbox = ahead.result() if isinstance(ahead, Opening) else ahead
            self._worker = Worker(self._tier, sandbox)
        return self._worker

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class Submission:
    """What is judged: the notebook's bytes (None: unreadable, `reason` says why) and its plan."""

    student: str
    plan: Plan
    data: bytes | None
    notebook: Notebook | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()  # modules that lie beside the notebook, and are not collected


@dataclass(frozen=True)
class Job:
    """A readable submission to be judged, its hidden cases as they are stored, and what is known.

    `known` holds verdicts that still hold: those exercises are not called again.
    """

    student: str
    plan: Plan
    data: bytes = field(repr=False)
    cases: Mapping[str, bytes] = field(repr=False)
    notes: tuple[str, ...] = ()
    known: Mapping[str, ExerciseVerdict] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


def judge_job(workers: Workers, job: Job) -> SubmissionRecord:
    """Return the record of a job."""
    notebook, _ = mend(parse(job.data), job.plan)
    submission = Submission(
        job.student, job.plan, job.data, notebook, notes=job.notes, beside=job.beside
    )
    cases = {name: CaseSet.from_bytes(data) for name, data in job.cases.items()}
    record, _ = judge_submission(workers, submission, tasks_of(submission, cases), job.known)
    return record


def judge_submission(
    workers: Workers,
    submission: Submission,
    tasks: Sequence[Task],
    known: Mapping[str, ExerciseVerdict] | None = None,
) -> tuple[SubmissionRecord, list[Judged]]:
    """Return the record of a submission, and what led to it; verdicts that are known stay."""
    if submission.notebook is None:
        return not_judged(submission, submission.reason), []
    start = time.monotonic()
    cells = cells_to_run(submission.notebook, submission.plan)
    reason = ""
    for number in range(MAX_TRIES):
        try:
            worker = workers.get()
            judged, runs = judge(worker, cells, tasks, known=known or {}, doubting=number == 0)
        except Doubt:
            continue
        except WorkerError as error:
            reason = f"the grader failed: {error}"
            workers.close()
            continue
        verdicts = [without_files(one.verdict, submission.beside) for one in judged]
        record = _record(submission, verdicts)
        seconds = time.monotonic() - start
        return replace(record, runs=runs, sandbox=worker.tier, seconds=seconds), judged
    return not_judged(submission, reason), []


def not_judged(submission: Submission, reason: str) -> SubmissionRecord:
    """Return the record of a submission that could not be judged, and why: nothing is scored."""
    verdicts = [could_not_run(task, reason) for task in tasks_of(submission, {})]
    return replace(_record(submission, verdicts), reason=reason)


def _record(submission: Submission, verdicts: Iterable[ExerciseVerdict]) -> SubmissionRecord:
    return SubmissionRecord(
        student=submission.student,
        assignment=submission.plan.assignment,
        exercises=tuple(verdicts),
        release=submission.plan.release,
        manual_pending=pending(submission),
        notes=submission.notes,
    )


def tasks_of(submission: Submission, cases: Mapping[str, CaseSet]) -> list[Task]:
    """Return what is to be judged, in the order of the plan."""
    plan, notebook = submission.plan, submission.notebook
    names = [cell.exercise for cell in plan.checks]
    same = untouched(notebook, plan, names) if notebook else set(names)
    tasks = []
    for cell in plan.checks:
        _, definition = find(cell.exercise)
        assert isinstance(definition, Exercise | Question)
        own = cases.get(cell.exercise)
        tasks.append(Task(definition, cell.points, own, cell.exercise in same))
    return tasks


def pending(submission: Submission) -> int:
    """Return how many written answers wait for a person: untouched and deleted ones do not."""
    names = {cell.grade_id for cell in submission.plan.written}
    if submission.notebook is None:
        return len(names)
    present = names & {name for _, _, name in submission.notebook.cells}
    return len(present - untouched(submission.notebook, submission.plan, present))


@cache
def environment() -> dict[str, str]:
    """Return all that verdicts depend on besides a submission and its cases, by name.

    The code is named by a digest: of the grader's, the student package's and the reference's.
    """
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    found = {"python": platform.python_version(), **versions}
    return {**found, "autograder": _digest_of("autograder"), "course": _digest_of("course")}


@cache
def reference_digest() -> str:
    """Return the id of the reference: it answers in the place of functions that failed."""
    return _digest_of("solutions")


def _digest_of(package: str) -> str:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    folder, digest = Path(found.origin).parent, hashlib.sha256()
    for path in sorted(folder.glob("**/*.py")):
        parts = path.relative_to(folder).parts
        if not set(DECIDES_NO_VERDICT) & set(parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
