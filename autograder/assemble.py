"""An assignment made ready in memory: source notebook, public cases, plan and release id.

All that can be wrong with a lesson is found here, before anything is written.
"""

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import v4

from autograder import variants
from autograder.errors import BuildError
from autograder.exercise import Exercise, Topic
from autograder.lesson import Lesson, LessonCell, match
from autograder.model_answer import (
    ModelAnswer,
    check_names,
    check_stub,
    imported,
    model_answer,
    module_file,
)
from autograder.plan import CHECK, LOCKED, QUESTION, SHOW, SOLUTION, WRITTEN, Plan, PlanCell

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
EDITABLE = (SOLUTION, QUESTION, WRITTEN)
GRADED = (CHECK, WRITTEN)
RELEASE_DIGITS = 12
OURS = ("solutions.", "autograder.exercises.")  # where an exercise's definition may reach


@dataclass(frozen=True)
class Assembled:
    """What build writes: the notebook with model answers, the files beside it, and the plan."""

    topic: Topic
    plan: Plan
    notebook: str
    files: dict[str, bytes]


def assemble(lesson: Lesson, topic: Topic) -> Assembled:
    """Return the assignment of a lesson, or raise BuildError for whatever does not fit."""
    match(lesson, topic)
    answers = _model_answers(lesson, topic)
    files = {f"cases/{e.name}.cases": variants.public_cases(e).to_bytes() for e in topic.exercises}
    files["cases/questions.json"] = _questions(topic)
    cells = tuple(_plan_cell(cell, n, answers) for n, cell in enumerate(lesson.cells))
    release = _release_id(topic, cells, files)
    plan = Plan(lesson.assignment, release, cells)
    return Assembled(topic, plan, _notebook(plan, answers), files)


def _model_answers(lesson: Lesson, topic: Topic) -> dict[str, ModelAnswer]:
    """Return the model answers, each proved to run at its place in the notebook."""
    references = {exercise.name: exercise.reference for exercise in topic.exercises}
    answers: dict[str, ModelAnswer] = {}
    imports = ast.Module(body=[], type_ignores=[])
    for cell in lesson.cells:
        if cell.kind in (LOCKED, SHOW):
            imports.body += [
                node
                for node in ast.parse(cell.source).body
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
        elif cell.kind == SOLUTION:
            answer = model_answer(cell.name, references[cell.name])
            check_names(answer, set(answers), imported(imports), cell.where)
            check_stub(answer, imports, cell.where)
            answers[cell.name] = answer
    _refuse_unknown_uses(topic.exercises, lesson)
    return answers


def _refuse_unknown_uses(exercises: Iterable[Exercise], lesson: Lesson) -> None:
    names = {cell.name for cell in lesson.cells if cell.kind == SOLUTION}
    for exercise in exercises:
        for used in exercise.uses:
            if used not in names:
                raise BuildError(
                    f"{lesson.assignment}.py: {exercise.name} must use exercises of its own "
                    f"notebook, got {used}; give that one a solution cell or take it out of `uses`"
                )


def _questions(topic: Topic) -> bytes:
    forms = {q.name: {"form": q.form, "example": q.example} for q in topic.questions}
    try:
        return (json.dumps(forms, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise BuildError(
            f"{topic.assignment}: the example of a question must be plain data (JSON), got "
            f"another kind: {error}; write numbers, text, lists or dicts"
        ) from error


def _plan_cell(cell: LessonCell, number: int, answers: dict[str, ModelAnswer]) -> PlanCell:
    source = answers[cell.name].stub if cell.kind == SOLUTION else cell.source
    grade_id = cell.name or f"cell_{number:03d}"
    if cell.kind == CHECK:
        grade_id = f"check_{cell.name}"
    return PlanCell(grade_id, cell.kind, cell.cell_type, source, cell.name, cell.points)


def _release_id(topic: Topic, cells: tuple[PlanCell, ...], files: dict[str, bytes]) -> str:
    """Return a name for all that decides what is asked and what is right; nothing secret is in."""
    deciding = {
        "cells": [vars(cell) for cell in cells],
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "questions": repr(topic.questions),
        "written": repr(topic.written),
        "exercises": [(e.name, e.uses, e.forbidden, repr(e.groups)) for e in topic.exercises],
        "sources": deciding_sources(topic.exercises),
    }
    text = json.dumps(deciding, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:RELEASE_DIGITS]


def deciding_sources(exercises: Iterable[Exercise]) -> dict[str, str]:
    """Return, by module, the text that defines the exercises, their references and mistakes."""
    functions = [
        function
        for exercise in exercises
        for function in (exercise.reference, exercise.draw, *_mistakes(exercise))
    ]
    waiting = {inspect.unwrap(function).__module__ for function in functions}
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        found[name] = module_file(name).read_text(encoding="utf-8")
        for module, attribute in imported(ast.parse(found[name])).values():
            near = {module, f"{module}.{attribute}"} & set(sys.modules)
            waiting |= {other for other in near if other.startswith(OURS)} - set(found)
    return found


def _mistakes(exercise: Exercise) -> list[Any]:
    return [misconception.function for misconception in exercise.misconceptions]


def _notebook(plan: Plan, answers: dict[str, ModelAnswer]) -> str:
    cells = [_cell(plan, cell, answers) for cell in plan.cells]
    course = {"assignment": plan.assignment, "release": plan.release}
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "course": course}
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    text: str = nbformat.writes(notebook, version=4)
    return text + "\n"


def _cell(plan: Plan, cell: PlanCell, answers: dict[str, ModelAnswer]) -> Any:
    source = answers[cell.exercise].source if cell.kind == SOLUTION else cell.source
    nbgrader = {
        "schema_version": 3,
        "grade_id": cell.grade_id,
        "cell_type": cell.cell_type,
        "grade": cell.kind in GRADED,
        "solution": cell.kind in EDITABLE,
        "locked": cell.kind not in EDITABLE,
        "task": False,
    }
    if cell.kind in GRADED:
        nbgrader["points"] = cell.points
    make = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    digest = hashlib.sha256(f"{plan.assignment}/{cell.grade_id}".encode()).hexdigest()
    metadata: dict[str, Any] = {"nbgrader": nbgrader}
    if cell.kind == SHOW:  # one that waits for an answer must not stop Run All
        metadata["tags"] = ["raises-exception"]
    return make(source, id=digest[:RELEASE_DIGITS], metadata=metadata)
