"""Grading: from a submitted file to a record, once, and never again for the same thing.

A record is kept in the course's private folder under a key that names all that decided it: the
submission's bytes, the release, the student's variants and the environment. So a killed run goes
on where it stopped, and a second run executes nothing.
"""

import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import autograder
import course as student_package
from autograder.course_folder import CourseFolder, write_whole
from autograder.errors import CourseError, UsageError, WorkerError
from autograder.exercise import Exercise, WrittenAnswer
from autograder.exercises import find
from autograder.judge import Judged, Task, could_not_run, judge
from autograder.plan import Plan
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.sandbox import COLD, OPEN, WARM, Sandbox
from autograder.submission import (
    Notebook,
    Unreadable,
    cells_to_run,
    parse,
    read_file,
    untouched,
)
from autograder.worker import Worker
from course.cases import CaseSet
from course.outcome import Outcome

MAX_TRIES = 3  # of a submission whose worker failed
LIBRARIES = ("torch", "numpy", "matplotlib", "ipython", "safetensors")


class Workers:
    """The worker of this process, replaced when it fails; closed with it.

    `ahead` is a sandbox that is being opened meanwhile, for the first worker.
    """

    def __init__(self, tier: str | None = None, ahead: Future[Sandbox] | None = None) -> None:
        self._tier = tier
        self._ahead = ahead
        self._worker: Worker | None = None

    def get(self) -> Worker:
        """Return a worker that is ready."""
        if self._worker is None:
            ahead, self._ahead = self._ahead, None
            self._worker = Worker(self._tier, ahead.result() if ahead else None)
        return self._worker

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        if self._ahead is not None:
            self._ahead.result().close()
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


def submitted_students(course: CourseFolder, assignment: str) -> list[str]:
    """Return the students who handed in a folder for an assignment, in order."""
    found = (course.root / "submitted").glob(f"*/{assignment}")
    return sorted(path.parent.name for path in found)


def read_submission(course: CourseFolder, assignment: str, student: str) -> Submission:
    """Return a student's submission; one that cannot be read says why."""
    plan = course.plan(assignment)
    folder = course.root / "submitted" / student / assignment
    try:
        for part in (folder.parent, folder):
            if part.is_symlink() or not part.is_dir():
                raise Unreadable(f"{part.name} must be a folder of the student's own")
        return submission_of(course, student, plan, read_file(folder / f"{assignment}.ipynb"))
    except Unreadable as error:
        return Submission(student, plan, None, reason=str(error))


def submission_of(course: CourseFolder, student: str, plan: Plan, data: bytes) -> Submission:
    """Return the submission in a notebook's bytes, under the release that it was made from."""
    try:
        notebook = parse(data)
    except Unreadable as error:
        return Submission(student, plan, data, reason=str(error))
    notes: tuple[str, ...] = ()
    if notebook.release and notebook.release != plan.release:
        try:
            plan = course.plan(plan.assignment, notebook.release)
        except CourseError:
            notes = (f"made from release {notebook.release[:20]!r}, which is unknown here",)
    return Submission(student, plan, data, notebook, notes=notes)


def stored_cases(course: CourseFolder, submission: Submission) -> dict[str, bytes]:
    """Return the student's own hidden cases of every exercise, as they are stored."""
    plan = submission.plan
    names = [cell.exercise for cell in plan.checks]
    exercises = [name for name in names if isinstance(find(name)[1], Exercise)]
    return {name: course.case_data(submission.student, plan, name) for name in exercises}


def tasks_of(submission: Submission, cases: Mapping[str, CaseSet]) -> list[Task]:
    """Return what is to be judged, in the order of the plan."""
    plan, notebook = submission.plan, submission.notebook
    names = [cell.exercise for cell in plan.checks]
    same = untouched(notebook, plan, names) if notebook else set(names)
    tasks = []
    for cell in plan.checks:
        _, definition = find(cell.exercise)
        assert not isinstance(definition, WrittenAnswer)
        own = cases.get(cell.exercise)
        tasks.append(Task(definition, cell.points, own, cell.exercise in same))
    return tasks


def _tasks(submission: Submission, stored: Mapping[str, bytes]) -> list[Task]:
    readable = stored if submission.notebook else {}
    cases = {name: CaseSet.from_bytes(data) for name, data in readable.items()}
    return tasks_of(submission, cases)


@cache
def environment() -> str:
    """Return the id of all that verdicts depend on besides the submission: versions and grader."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in LIBRARIES:
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for package in (autograder, student_package):
        for path in sorted(Path(str(package.__file__)).parent.glob("**/*.py")):
            if "notebooks" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def key_of(submission: Submission, stored: Mapping[str, bytes], tier: str | None) -> str:
    """Return the name under which the record of a submission is kept."""
    digest = hashlib.sha256(submission.data or submission.reason.encode())
    cases = {name: hashlib.sha256(data).hexdigest() for name, data in stored.items()}
    named = [submission.student, submission.plan.to_json(), cases, environment(), tier]
    digest.update(json.dumps(named).encode())
    return digest.hexdigest()[:32]


def judge_submission(
    workers: Workers, submission: Submission, tasks: Sequence[Task]
) -> tuple[SubmissionRecord, list[Judged]]:
    """Return the record of a submission; whatever goes wrong, it has a verdict and a reason."""
    start = time.monotonic()
    plan = submission.plan
    record = SubmissionRecord(
        student=submission.student,
        assignment=plan.assignment,
        exercises=(),
        release=plan.release,
        manual_pending=pending(submission),
        notes=submission.notes,
    )
    if submission.notebook is None:
        verdicts = tuple(could_not_run(task, submission.reason) for task in tasks)
        return replace(record, exercises=verdicts, reason=submission.reason), []
    reason = ""
    for _ in range(MAX_TRIES):
        try:
            worker = workers.get()
            judged, runs = judge(worker, cells_to_run(submission.notebook, plan), tasks)
        except WorkerError as error:
            reason = f"the grader failed: {error}"
            workers.close()
            continue
        verdicts = tuple(one.verdict for one in judged)
        seconds = time.monotonic() - start
        return (
            replace(record, exercises=verdicts, runs=runs, sandbox=worker.tier, seconds=seconds),
            judged,
        )
    verdicts = tuple(could_not_run(task, reason) for task in tasks)
    return replace(record, exercises=verdicts, reason=reason), []


def pending(submission: Submission) -> int:
    """Return how many written answers wait for a person: untouched and deleted ones do not."""
    names = {cell.grade_id for cell in submission.plan.written}
    if submission.notebook is None:
        return len(names)
    present = names & {name for _, _, name in submission.notebook.cells}
    return len(present - untouched(submission.notebook, submission.plan, present))


def judge_student(
    course: CourseFolder,
    assignment: str,
    student: str,
    workers: Workers | None = None,
    tier: str | None = None,
) -> tuple[SubmissionRecord, bytes | None]:
    """Return a student's record, from the store or judged now, and the submitted bytes."""
    submission = read_submission(course, assignment, student)
    stored = stored_cases(course, submission)
    key = key_of(submission, stored, tier)
    path = course.results / f"{key}.json"
    data = submission.data if submission.notebook else None
    if path.exists():
        return SubmissionRecord.from_json(json.loads(path.read_text())), data
    own = workers or Workers(tier)
    try:
        record, _ = judge_submission(own, submission, _tasks(submission, stored))
    finally:
        if workers is None:
            own.close()
    record = replace(record, key=key)
    if submission.notebook is None or record.reason == "":  # a failed worker is tried again
        write_whole(path, json.dumps(record.to_json(), indent=1).encode(), mode=0o600)
    return record, data


def grade_class(
    course: CourseFolder,
    assignment: str,
    students: Sequence[str] | None = None,
    tier: str | None = None,
    progress: Callable[[int, int, SubmissionRecord], None] | None = None,
    ahead: Future[Sandbox] | None = None,
    workers: Workers | None = None,
) -> list[SubmissionRecord]:
    """Judge all submissions of an assignment and write them into the gradebook, one by one.

    Each is durable as soon as it is judged: a killed run, started again, goes on from there.
    `workers` that are given are used and stay open.
    """
    from autograder.gradebook import Books, record

    course.plan(assignment)  # refuses one that was not built
    chosen = list(students) if students else submitted_students(course, assignment)
    if not chosen:
        raise UsageError(
            f"no submissions of {assignment} in {course.root / 'submitted'}: "
            f"they belong in submitted/STUDENT/{assignment}/{assignment}.ipynb"
        )
    records = []
    own = nullcontext(workers) if workers else Workers(tier, ahead)
    with own as ready, Books.open(course) as books:
        for student in chosen:
            judged, data = judge_student(course, assignment, student, ready, tier)
            record(course, course.plan(assignment, judged.release), judged, data, books)
            records.append(judged)
            if progress:
                progress(len(records), len(chosen), judged)
    return records


def graded_records(course: CourseFolder, assignment: str) -> list[SubmissionRecord]:
    """Return the records of all submissions that were judged as they stand now, on any tier."""
    records = []
    for student in submitted_students(course, assignment):
        submission = read_submission(course, assignment, student)
        stored = stored_cases(course, submission)
        for tier in (None, WARM, COLD, OPEN):
            path = course.results / f"{key_of(submission, stored, tier)}.json"
            if path.exists():
                records.append(SubmissionRecord.from_json(json.loads(path.read_text())))
                break
    return records


def outcomes_of(
    course: CourseFolder, assignment: str, student: str, tier: str | None = None
) -> list[tuple[ExerciseVerdict, CaseSet, tuple[Outcome, ...]]]:
    """Judge a submission once more; return each exercise's verdict, hidden cases and outcomes."""
    submission = read_submission(course, assignment, student)
    if submission.notebook is None:
        raise UsageError(f"the submission of {student} cannot be judged: {submission.reason}")
    tasks = _tasks(submission, stored_cases(course, submission))
    with Workers(tier) as workers:
        record, judged = judge_submission(workers, submission, tasks)
    if record.reason:
        raise WorkerError(record.reason)
    return [(one.verdict, one.cases, one.outcomes) for one in judged if one.cases is not None]
