"""What an exercise is: its cases, how they are compared, and the misconceptions that it knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course.cases import Group
from course.compare import CLOSE, Comparison
from course.outcome import Case


@dataclass(frozen=True)
class Misconception:
    """A known wrong implementation and the sentence that a student who wrote it reads."""

    name: str
    sentence: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One function to write.

    `draw` makes the cases of one variant from a random generator; every group must occur.
    `uses` names exercises whose functions this one may call. `forbidden` maps names that an
    answer must not contain to the reason that the lesson tells beforehand.
    """

    name: str
    reference: Callable[..., Any]
    groups: tuple[Group, ...]
    draw: Callable[[np.random.Generator], Sequence[Case]]
    misconceptions: tuple[Misconception, ...]
    uses: tuple[str, ...] = ()
    forbidden: dict[str, str] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """Return the group of that name."""
        return next(group for group in self.groups if group.name == name)


@dataclass(frozen=True)
class Question:
    """A question whose answer is data: a variable of the same name, judged by equality.

    `form` says what an answer looks like and is shown beside the cell; `example` has that form and
    is not the answer. `wrong` maps answers that betray a misconception, as `repr` writes them, to
    the sentence that a student reads.
    """

    name: str
    answer: Any
    form: str
    example: Any
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)  # repr: (name, sentence)
    comparison: Comparison = CLOSE


@dataclass(frozen=True)
class WrittenAnswer:
    """A question answered in words and graded by hand; `guide` is for the grader's eyes only."""

    name: str
    guide: str


@dataclass(frozen=True)
class Topic:
    """All that is graded in one assignment."""

    assignment: str
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...] = ()
    written: tuple[WrittenAnswer, ...] = ()
