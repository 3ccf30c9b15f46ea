"""The student package: checks, pictures, scenes and widgets of the course."""

from course.check import check
from course.given import given
from course.outcome import NotAnswered

__all__ = ["NotAnswered", "check", "given"]
