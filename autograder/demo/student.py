"""A student of the demo class: what they hand in for one assignment, and what it is to get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from autograder.cell_texts import BEGIN, END
from autograder.plan import QUESTION, SOLUTION, Plan
from autograder.record import COULD_NOT_RUN, FAILED, PASSED


@dataclass(frozen=True)
class Student:
    """One submission. `cells` maps nbgrader's name of a cell to what the student writes there.

    With `model`, the other cells hold the model answers, but for those that `leaves_out` names.
    `before` adds cells of the student's own in front of a cell; `damage` is what happens to the
    file on its way (None: it never arrives). `marks` and `misconceptions` say, by exercise, what
    the grader is to find; an exercise that is not named there is to get the mark `others`.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    model: bool = False
    leaves_out: tuple[str, ...] = ()
    before: dict[str, str] = field(default_factory=dict)
    damage: Callable[[bytes], bytes | None] = bytes
    others: str = PASSED
    marks: dict[str, str] = field(default_factory=dict)
    misconceptions: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the student's folder."""
        plain = self.name.translate(str.maketrans("óöš", "oos")).lower()
        return plain.replace(" ", "_").replace("-", "_")

    def expected_mark(self, exercise: str) -> str:
        """Return "passed", "partly", "failed" or "could_not_run"."""
        left = FAILED if exercise in self.leaves_out else self.others
        return self.marks.get(exercise, left)


@dataclass(frozen=True)
class Slip:
    """A wrong answer: its source, the misconception that is to be named, and the mark it gets."""

    source: str
    misconception: str
    mark: str = FAILED


def slips(name: str, wrong: Mapping[str, Slip], leaves_out: tuple[str, ...] = ()) -> Student:
    """Return a student who has the model's answers but for a few wrong ones."""
    return Student(
        name,
        {exercise: slip.source for exercise, slip in wrong.items()},
        model=True,
        leaves_out=leaves_out,
        marks={exercise: slip.mark for exercise, slip in wrong.items()},
        misconceptions={exercise: slip.misconception for exercise, slip in wrong.items()},
    )


def untouched(name: str) -> Student:
    """Return a student who hands in the notebook as it was given out."""
    return Student(name, others=FAILED)


def cut_off(name: str) -> Student:
    """Return a student of whose notebook half arrives."""
    return Student(
        name, model=True, damage=lambda data: data[: len(data) // 2], others=COULD_NOT_RUN
    )


def hand_in(
    student: Student, released: bytes, answers: Mapping[str, str] | None = None
) -> bytes | None:
    """Return the bytes that a student hands in, made from the released notebook's.

    `answers` holds the model answers by the names of their cells, for those who have them.
    """
    model = dict(answers or {}) if student.model else {}
    written = {n: text for n, text in model.items() if n not in student.leaves_out} | student.cells
    notebook = nbformat.reads(released.decode(), as_version=4)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in student.before:
            own = nbformat.v4.new_code_cell(student.before[name], id=f"own-{len(cells)}")
            cells.append(own)
        if name in written:
            cell.source = written[name]
        cells.append(cell)
    notebook.cells = cells
    return student.damage(nbformat.writes(notebook).encode())


def model_answers(plan: Plan, source: bytes) -> dict[str, str]:
    """Return the code that the notebook with the model answers has in the cells to be filled."""
    names = {cell.grade_id for cell in plan.cells if cell.kind in (SOLUTION, QUESTION)}
    found = {}
    for cell in nbformat.reads(source.decode(), as_version=4).cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in names:
            lines = cell.source.splitlines()
            lines = [line for line in lines if line.strip() not in (BEGIN, END)]
            found[name] = "\n".join(lines)
    return found
