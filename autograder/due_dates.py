"""When assignments are due, as the instructor told nbgrader's gradebook."""

import datetime

from nbgrader.api import Gradebook, MissingEntry

from autograder.course_config import db_url
from autograder.course_folder import CourseFolder


def due_date(course: CourseFolder, assignment: str) -> datetime.datetime | None:
    """Return when an assignment is due, in UTC and without a zone; None where nobody has said."""
    with Gradebook(db_url(course.root)) as gradebook:
        try:
            due: datetime.datetime | None = gradebook.find_assignment(assignment).duedate
        except MissingEntry:
            return None
    return due
