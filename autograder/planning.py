"""A lesson planned: what each of its cells is in a release, its model answers, what it is given."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.errors import BuildError
from autograder.exercise import Exercise, Topic
from autograder.given import Given, given_to
from autograder.lesson import Lesson, LessonCell, match
from autograder.model_answer import (
    ModelAnswer,
    check_names,
    check_stub,
    imported,
    model_answer,
)
from autograder.plan import CHECK, GIVEN, LOCKED, SHOW, SOLUTION, Plan, PlanCell

TO_BE_GIVEN = ("course", "given")


@dataclass(frozen=True)
class Planned:
    """The plan of a lesson, without a release id, its model answers, and what it is given."""

    plan: Plan
    answers: dict[str, ModelAnswer]
    given: Given


def plan_lesson(lesson: Lesson, topic: Topic, topics: Iterable[Topic] = ()) -> Planned:
    """Return the plan of a lesson, or raise BuildError where its cells do not fit the topic.

    `topics` are those of the whole course: a lesson is given functions of the earlier ones.
    """
    match(lesson, topic)
    given = given_to(lesson, topics)
    answers = {e.name: model_answer(e.name, e.reference) for e in topic.exercises}
    cells = tuple(_plan_cell(cell, n, answers, given) for n, cell in enumerate(lesson.cells))
    return Planned(Plan(lesson.assignment, "", cells, given.assignments), answers, given)


def prove(planned: Planned, lesson: Lesson, topic: Topic) -> None:
    """Refuse a lesson in which an answer or a stub would not run at its place in the notebook."""
    above: set[str] = set()
    imports = ast.Module(body=[], type_ignores=[])
    for cell in lesson.cells:
        if cell.kind in (LOCKED, SHOW):
            imports.body += [
                node
                for node in ast.parse(cell.source).body
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
        elif cell.kind == GIVEN:
            if imported(imports).get("given") != TO_BE_GIVEN:
                raise BuildError(
                    f"{cell.where}: the notebook must import given before a given cell, got no "
                    "import of it; write `from course import given` in a cell above"
                )
            above |= set(cell.names)
        elif cell.kind == SOLUTION:
            answer = planned.answers[cell.name]
            check_names(answer, above, imported(imports), cell.where)
            check_stub(answer, imports, cell.where)
            above.add(cell.name)
    _refuse_unknown_uses(topic.exercises, lesson)


def _refuse_unknown_uses(exercises: Iterable[Exercise], lesson: Lesson) -> None:
    names = {cell.name for cell in lesson.cells if cell.kind == SOLUTION}
    names |= {name for cell in lesson.cells for name in cell.names}
    for exercise in exercises:
        for used in exercise.uses:
            if used not in names:
                raise BuildError(
                    f"{lesson.assignment}.py: {exercise.name} must use exercises of its own "
                    f"notebook or given ones, got {used}; give that one a solution or a given "
                    "cell, or take it out of `uses`"
                )


def _plan_cell(
    cell: LessonCell, number: int, answers: dict[str, ModelAnswer], given: Given
) -> PlanCell:
    grade_id = cell.name or f"cell_{number:03d}"
    source, runs = cell.source, ""
    if cell.kind == SOLUTION:
        source = answers[cell.name].stub
    elif cell.kind == CHECK:
        grade_id = f"check_{cell.name}"
    elif cell.kind == GIVEN:
        quoted = ", ".join(f'"{name}"' for name in cell.names)
        source, runs = f"{', '.join(cell.names)} = given({quoted})", given.cell(cell.names)
    return PlanCell(grade_id, cell.kind, cell.cell_type, source, cell.name, cell.points, runs)
