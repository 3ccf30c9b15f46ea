"""The reference, for the widgets of an instructor's install, which find it by an entry point."""

from typing import Any

from autograder.exercise import Exercise
from autograder.exercises import topics
from course.widgets.sources import Mistake


def reference_of(exercise: str) -> Any:
    """Return the reference of an exercise; LookupError where there is none of that name."""
    return _known(exercise).reference


def mistakes_of(*exercises: str) -> dict[str, Mistake]:
    """Return the known mistakes of exercises by a label, with the sentences that students read."""
    return {
        f"{name}: {known.name.replace('_', ' ')}": Mistake(name, known.function, known.sentence)
        for name in exercises
        for known in _known(name).misconceptions
    }


def _known(name: str) -> Exercise:
    for topic in topics().values():
        for known in topic.exercises:
            if known.name == name:
                return known
    raise LookupError(f"exercise must be one of the course's, got {name!r}")
