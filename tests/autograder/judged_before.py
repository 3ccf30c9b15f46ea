"""Verdicts that are kept already, so that `autograder grade` judges nothing."""

import json
from collections.abc import Sequence

from autograder.course_folder import CourseFolder, write_whole
from autograder.grading import key_of, read_submission, stored_cases
from tests.autograder.recorded import judge
from tests.autograder.tiny_lesson import ASSIGNMENT


def keep_verdicts(course: CourseFolder, students: Sequence[str] = ("ada",)) -> None:
    """Keep invented verdicts where `grade` looks for them."""
    for student in students:
        submission = read_submission(course, ASSIGNMENT, student)
        key = key_of(submission, stored_cases(course, submission), None)
        record, _ = judge(course, ASSIGNMENT, student)
        write_whole(course.results / f"{key}.json", json.dumps(record.to_json()).encode())
