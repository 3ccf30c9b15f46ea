"""Verdicts that are kept already, so that `autograder grade` judges nothing."""

from collections.abc import Sequence

from autograder.course_folder import CourseFolder
from autograder.grading import read_submission, stored_cases
from autograder.results import kept
from tests.autograder.recorded import judge
from tests.autograder.tiny_lesson import ASSIGNMENT


def keep_verdicts(course: CourseFolder, students: Sequence[str] = ("ada",)) -> None:
    """Keep invented verdicts where `grade` looks for them."""
    for student in students:
        submission = read_submission(course, ASSIGNMENT, student)
        record, _ = judge(course, ASSIGNMENT, student)
        kept(course, submission, stored_cases(course, submission), None).keep(record)
