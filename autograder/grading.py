"""Grading a class: submissions are read here, judged by an executor, and recorded here, by one
writer, each as soon as it is judged.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from autograder.course_folder import CourseFolder
from autograder.errors import CourseError, UsageError, WorkerError
from autograder.executors import Done, Executor, Here, Processes, default_count
from autograder.exercise import Exercise
from autograder.exercises import find
from autograder.find_notebook import find_notebook
from autograder.judging import (
    MAX_TRIES,
    Job,
    Submission,
    Workers,
    judge_job,
    judge_submission,
    not_judged,
    tasks_of,
)
from autograder.mending import mend, of_another
from autograder.plan import Plan
from autograder.prepared import Prepared, prepare
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.results import Kept, kept, kept_on_any_tier
from autograder.sandbox import Opening
from autograder.submission import Unreadable, parse
from course.cases import CaseSet
from course.outcome import Outcome

NEWEST = "newest"
MOST_DONE = 4  # records that wait to be written
Progress = Callable[[int, int, SubmissionRecord], None]


def submitted_students(course: CourseFolder, assignment: str) -> list[str]:
    """Return the students who handed in a folder for an assignment, in order."""
    found = (course.root / "submitted").glob(f"*/{assignment}")
    return sorted(path.parent.name for path in found)


def read_submission(
    course: CourseFolder, assignment: str, student: str, release: str | None = None
) -> Submission:
    """Return a student's submission; one that cannot be read says why.

    It is judged on the cases of the release that it was made from, or of the `release` named.
    """
    plan = course.plan(assignment)
    folder = course.root / "submitted" / student / assignment
    try:
        for part in (folder.parent, folder):
            if part.is_symlink() or not part.is_dir():
                raise Unreadable(f"{part.name} must be a folder of the student's own")
        found = find_notebook(folder, plan)
        submission = submission_of(course, student, plan, found.data, release)
        notes = (*found.notes, *submission.notes)
        return replace(submission, notes=notes, beside=found.beside)
    except Unreadable as error:
        return Submission(student, plan, None, reason=str(error))


def submission_of(
    course: CourseFolder, student: str, plan: Plan, data: bytes, release: str | None = None
) -> Submission:
    """Return the submission in a notebook's bytes; see `read_submission`."""
    try:
        notebook = parse(data)
    except Unreadable as error:
        return Submission(student, plan, data, reason=str(error))
    notes: tuple[str, ...] = ()
    if release:
        plan = plan if release == NEWEST else course.plan(plan.assignment, release)
        if notebook.release and notebook.release != plan.release:
            made = notebook.release[:20]
            notes = (f"made from release {made!r}, judged on the cases of {plan.release!r}",)
    elif notebook.release and notebook.release != plan.release:
        try:
            plan = course.plan(plan.assignment, notebook.release)
        except CourseError:
            notes = (f"made from release {notebook.release[:20]!r}, which is unknown here",)
    notebook, mended = mend(notebook, plan)
    if another := of_another(notebook, plan):
        return Submission(student, plan, data, reason=f"{another}; hand in {plan.assignment}.ipynb")
    return Submission(student, plan, data, notebook, notes=(*notes, *mended))


def stored_cases(course: CourseFolder, submission: Submission) -> dict[str, bytes]:
    """Return the student's own hidden cases of every exercise, as they are stored."""
    plan = submission.plan
    names = [cell.exercise for cell in plan.checks]
    exercises = [name for name in names if isinstance(find(name)[1], Exercise)]
    return {name: course.case_data(submission.student, plan, name) for name in exercises}


@dataclass(frozen=True)
class _Read:
    """A submission that was read: its job, and the place of its verdicts."""

    submission: Submission
    cases: Mapping[str, bytes]
    kept: Kept

    @property
    def data(self) -> bytes | None:
        """The notebook's bytes; None where it could not be read."""
        return self.submission.data if self.submission.notebook else None

    def settled(self) -> SubmissionRecord | None:
        """Return the record if nothing is left to judge: it is kept, or cannot be read."""
        known = self.kept.record()
        if known is None and self.submission.notebook is None:
            return self.kept.keep(not_judged(self.submission, self.submission.reason))
        return known

    def job(self) -> Job:
        """Return what is left to judge."""
        of = self.submission
        assert of.data is not None
        known = self.kept.known()
        return Job(of.student, of.plan, of.data, self.cases, of.notes, known, of.beside)


def _read(
    course: CourseFolder, assignment: str, student: str, tier: str | None, release: str | None
) -> _Read:
    submission = read_submission(course, assignment, student, release)
    cases = stored_cases(course, submission) if submission.notebook else {}
    return _Read(submission, cases, kept(course, submission, cases, tier))


def judge_student(
    course: CourseFolder,
    assignment: str,
    student: str,
    workers: Workers | None = None,
    tier: str | None = None,
) -> tuple[SubmissionRecord, bytes | None]:
    """Return a student's record, from the store or judged now, and the submitted bytes."""
    one = _read(course, assignment, student, tier, None)
    settled = one.settled()
    if settled is not None:
        return settled, one.data
    own = workers or Workers(tier)
    try:
        return one.kept.keep(judge_job(own, one.job())), one.data
    finally:
        if workers is None:
            own.close()


def grade_class(
    course: CourseFolder,
    assignment: str,
    students: Sequence[str] | None = None,
    tier: str | None = None,
    progress: Progress | None = None,
    *,
    ahead: Opening | None = None,
    workers: Workers | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    release: str | None = None,
) -> list[SubmissionRecord]:
    """Judge all submissions of an assignment and write them into the gradebook, one by one.

    They are judged in `jobs` processes of this machine (by default as many as it bears), or by
    the Dask cluster at the address `scheduler`, or here by `workers`, which stay open. Each is
    durable as soon as it is judged: a killed run, started again, goes on from there. `release`
    names the release, or "newest", on whose cases all are judged; by default each submission is
    judged on those of the release that it was made from.

    Returns the records in the order of the students, without what the cells displayed.
    """
    from autograder.gradebook import Books

    unused = [ahead] if ahead else []
    with closing_unused(unused):
        course.plan(
            assignment, None if release == NEWEST else release
        )  # refuses what was not built
        if jobs is not None and jobs < 1:
            raise UsageError(f"jobs must be at least 1, got {jobs}")
        chosen = list(students) if students else submitted_students(course, assignment)
        if not chosen:
            raise UsageError(
                f"no submissions of {assignment} in {course.root / 'submitted'}: "
                f"they belong in submitted/STUDENT/{assignment}/{assignment}.ipynb"
            )
        records: dict[int, SubmissionRecord] = {}

        def read() -> Iterator[_Read]:
            for student in chosen:
                yield _read(course, assignment, student, tier, release)

        def executor() -> Executor:
            if workers is not None:
                return Here(workers)
            if scheduler is not None:
                from autograder.cluster import Cluster

                return Cluster(scheduler, tier)
            count = min(jobs or default_count(), len(chosen))
            return Processes(count, tier, unused.pop() if unused else None)

        with Books.open(course) as books:
            for number, one, judged, prepared in _judged(read(), executor):
                books.write(prepared or prepare(one.submission.plan, judged, one.data))
                records[number] = replace(judged, runs=())
                if progress:
                    progress(len(records), len(chosen), judged)
        return [records[number] for number in range(len(chosen))]


@contextmanager
def closing_unused(sandboxes: list[Opening]) -> Iterator[None]:
    """Close at the end the sandboxes that nobody took out of the list."""
    try:
        yield
    finally:
        for sandbox in sandboxes:
            sandbox.close()


def _judged(
    submissions: Iterator[_Read], executor: Callable[[], Executor]
) -> Iterator[tuple[int, _Read, SubmissionRecord, Prepared | None]]:
    """Yield each submission with its number and its record, as they come.

    What the books take comes along where the one who judged it prepared it.

    An executor is started when the first one must be judged. A job that is lost is tried again,
    three times in all; after that the submission could not run.
    """
    numbered = enumerate(submissions)
    running: dict[int, tuple[_Read, int]] = {}
    done: deque[tuple[int, _Read, SubmissionRecord, Prepared | None]] = deque()
    used: Executor | None = None
    try:
        while True:
            # Idle processes get work first; what is done is recorded while they judge.
            while len(done) < MOST_DONE and (used is None or used.room):
                number, one = next(numbered, (0, None))
                if one is None:
                    break
                if (settled := one.settled()) is not None:
                    done.append((number, one, settled, None))
                    continue
                used = used or executor()
                used.submit(number, one.job())
                running[number] = one, 1
            if done:
                yield done.popleft()
                continue
            if used is None or not running:
                return
            number, result = used.next()
            one, tries = running.pop(number)
            if isinstance(result, Done):
                done.append((number, one, one.kept.keep(result.record), result.prepared))
            elif tries < MAX_TRIES and not result.final:
                used.submit(number, one.job())
                running[number] = one, tries + 1
            else:
                reason = f"the grader failed: {result.reason}"
                failed = one.kept.keep(not_judged(one.submission, reason))
                done.append((number, one, failed, None))
    finally:
        if used is not None:
            used.close()


def graded_records(course: CourseFolder, assignment: str) -> list[SubmissionRecord]:
    """Return the records of all submissions that were judged as they stand now, on any tier."""
    records = []
    for student in submitted_students(course, assignment):
        submission = read_submission(course, assignment, student)
        cases = stored_cases(course, submission) if submission.notebook else {}
        found = (place.record(runs=False) for place in kept_on_any_tier(course, submission, cases))
        records += [record for record in found if record is not None][:1]
    return records


def outcomes_of(
    course: CourseFolder, assignment: str, student: str, tier: str | None = None
) -> list[tuple[ExerciseVerdict, CaseSet, tuple[Outcome, ...]]]:
    """Judge a submission once more; return each exercise's verdict, hidden cases and outcomes."""
    submission = read_submission(course, assignment, student)
    if submission.notebook is None:
        raise UsageError(f"the submission of {student} cannot be judged: {submission.reason}")
    stored = stored_cases(course, submission)
    cases = {name: CaseSet.from_bytes(data) for name, data in stored.items()}
    with Workers(tier) as workers:
        record, judged = judge_submission(workers, submission, tasks_of(submission, cases))
    if record.reason:
        raise WorkerError(record.reason)
    return [(one.verdict, one.cases, one.outcomes) for one in judged if one.cases is not None]
