"""Every assignment: its model answers have all points, and the notebook as it is given out none."""

from collections.abc import Iterator

import pytest

from autograder.course_folder import CourseFolder
from autograder.exercises import topics
from autograder.grading import stored_cases, submission_of
from autograder.judging import Workers, judge_submission, tasks_of
from autograder.record import PASSED, SubmissionRecord
from course.cases import CaseSet


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


def judged(course: CourseFolder, step: str, assignment: str, workers: Workers) -> SubmissionRecord:
    """Judge a notebook of the course on its hidden cases as if somebody had handed it in."""
    data = (course.root / step / assignment / f"{assignment}.ipynb").read_bytes()
    submission = submission_of(course, "somebody", course.plan(assignment), data)
    stored = stored_cases(course, submission)
    cases = {name: CaseSet.from_bytes(case_set) for name, case_set in stored.items()}
    record, _ = judge_submission(workers, submission, tasks_of(submission, cases))
    return record


@pytest.mark.parametrize("assignment", topics())
def test_the_instructors_notebook_has_all_automatic_points(whole_course, workers, assignment):
    record = judged(whole_course, "source", assignment, workers)
    lost = {v.exercise: v.message for v in record.exercises if v.verdict != PASSED}
    assert lost == {}
    assert len(record.exercises) == len(whole_course.plan(assignment).checks)
    assert record.score == pytest.approx(sum(v.points for v in record.exercises))


@pytest.mark.parametrize("assignment", topics())
def test_the_released_notebook_has_no_points_and_waits_everywhere(
    whole_course, workers, assignment
):
    record = judged(whole_course, "release", assignment, workers)
    assert record.score == 0
    assert {v.message for v in record.exercises} == {"Not answered yet."}
    assert record.manual_pending == 0
    assert not any("Traceback" in str(run.outputs) for run in record.runs)
