"""Functions of earlier notebooks that a lesson is given: which they are, and code that has them.

A given function is the model answer of an earlier assignment's exercise. Its code stands alone: it
holds the other model answers that it needs, and imports what they import.
"""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.errors import BuildError
from autograder.exercise import Exercise, Topic
from autograder.lesson import Lesson
from autograder.model_answer import LIBRARIES, ModelAnswer, model_answer
from autograder.plan import GIVEN
from course.pieces import isolated


@dataclass(frozen=True)
class Given:
    """What a lesson is given.

    `exercises` are those that it names; `answers` the model answers of these and of all that they
    need, each after those that it needs itself; `assignments` says where each is written.
    """

    exercises: dict[str, Exercise] = field(default_factory=dict)
    answers: dict[str, ModelAnswer] = field(default_factory=dict)
    assignments: dict[str, str] = field(default_factory=dict)

    def code(self, names: Iterable[str]) -> str:
        """Return code that defines these functions and all that they need."""
        needed = self._needed(names)
        answers = [answer for name, answer in self.answers.items() if name in needed]
        return "\n\n\n".join([import_lines(answers), *(answer.code for answer in answers)]) + "\n"

    def file(self, name: str) -> bytes:
        """Return the module that is released for one function."""
        head = f'"""The course\'s `{name}`, of {self.assignments[name]}."""'
        return f"{head}\n\n{self.code([name])}".encode()

    def cell(self, names: Sequence[str]) -> str:
        """Return the code that is run for a cell while grading: it defines these names alone."""
        return isolated(self.code(names), names)

    def _needed(self, names: Iterable[str]) -> set[str]:
        needed: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            needed.add(name)
            waiting += self.answers[name].needs & self.answers.keys() - needed
        return needed


def given_to(lesson: Lesson, topics: Iterable[Topic]) -> Given:
    """Return what the lesson's cells name; BuildError unless it is of an earlier assignment.

    `topics` are those of the whole course.
    """
    given = Given()
    every = {e.name: (topic.assignment, e) for topic in topics for e in topic.exercises}
    known = {name: at for name, at in every.items() if at[0] < lesson.assignment}
    for cell in (cell for cell in lesson.cells if cell.kind == GIVEN):
        for name in cell.names:
            if name not in known:
                raise BuildError(_unknown(name, cell.where, every, known))
            given.exercises[name] = known[name][1]
            _add(given, name, known)
    return given


def import_lines(answers: Iterable[ModelAnswer]) -> str:
    """Return the import statements for what the answers take from libraries."""
    found: dict[str, tuple[str, str]] = {}
    for answer in answers:
        for name in sorted(answer.needs):
            source = answer.imports.get(name, ("", ""))
            if source[0].partition(".")[0] not in LIBRARIES:
                continue
            if found.setdefault(name, source) != source:
                raise BuildError(
                    f"{name} must mean one thing in all functions that are given together, got "
                    f"another in {answer.exercise}; import it alike in solutions/"
                )
    lines = set()
    for name, (module, attribute) in found.items():
        what = attribute or module
        line = f"from {module} import {attribute}" if attribute else f"import {module}"
        lines.add(line if what == name else f"{line} as {name}")
    return "\n".join(sorted(lines, key=lambda line: (line.startswith("from"), line)))


def _add(given: Given, name: str, known: Mapping[str, tuple[str, Exercise]]) -> None:
    """Add a function, after all that it needs."""
    if name in given.answers:
        return
    assignment, exercise = known[name]
    answer = model_answer(name, exercise.reference)
    for needed in sorted(answer.needs - set(dir(builtins))):
        if answer.imports.get(needed, ("", ""))[0].partition(".")[0] in LIBRARIES:
            continue
        if needed not in known:
            raise BuildError(
                f"{name} must need only other exercises to be given, got {needed}; "
                "write it into the function"
            )
        _add(given, needed, known)
    given.answers[name] = answer
    given.assignments[name] = assignment


def _unknown(
    name: str,
    where: str,
    every: Mapping[str, tuple[str, Exercise]],
    known: Mapping[str, tuple[str, Exercise]],
) -> str:
    of = f"{name!r}, which is of {every[name][0]}" if name in every else repr(name)
    cure = "write it in a solution cell" if name in every else "mend the name"
    return (
        f"{where}: given must name exercises of earlier assignments "
        f"({', '.join(known) or 'none'}), got {of}; {cure}"
    )
