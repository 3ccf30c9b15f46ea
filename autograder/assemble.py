"""An assignment made ready in memory: source notebook, the files beside it, plan and release id.

All that can be wrong with a lesson is found here, before anything is written.
"""

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from autograder.case_drawing import public_cases
from autograder.errors import BuildError
from autograder.exercise import Exercise, Topic
from autograder.lesson import Lesson
from autograder.model_answer import imported, module_file
from autograder.plan import QUESTION, Plan
from autograder.planning import Planned, plan_lesson, prove
from autograder.source_notebook import answered_question, source_notebook

RELEASE_DIGITS = 12
OURS = ("solutions.", "autograder.exercises.")  # where an exercise's definition may reach


@dataclass(frozen=True)
class Assembled:
    """What build writes: the notebook with model answers, the files beside it, and the plan."""

    topic: Topic
    plan: Plan
    notebook: str
    files: dict[str, bytes]


def assemble(lesson: Lesson, topic: Topic, topics: Iterable[Topic] = ()) -> Assembled:
    """Return the assignment of a lesson, or raise BuildError for whatever does not fit.

    `topics` are those of the whole course: a lesson is given functions of the earlier ones.
    """
    planned = plan_lesson(lesson, topic, topics)
    prove(planned, lesson, topic)
    files = {"cases/questions.json": _questions(topic)}
    for exercise in (*topic.exercises, *planned.given.exercises.values()):
        files[f"cases/{exercise.name}.cases"] = public_cases(exercise).to_bytes()
    for name in planned.given.exercises:
        files[f"given/{name}.py"] = planned.given.file(name)
    plan = replace(planned.plan, release=_release_id(topic, planned.plan, files))
    return Assembled(topic, plan, source_notebook(plan, _answered(planned, topic)), files)


def _answered(planned: Planned, topic: Topic) -> dict[str, str]:
    """Return the cells that hold answers, by nbgrader's names."""
    questions = {question.name: question for question in topic.questions}
    return {name: answer.source for name, answer in planned.answers.items()} | {
        cell.grade_id: answered_question(cell.source, questions[cell.exercise])
        for cell in planned.plan.cells
        if cell.kind == QUESTION
    }


def _questions(topic: Topic) -> bytes:
    forms = {q.name: {"form": q.form, "example": q.example} for q in topic.questions}
    try:
        return (json.dumps(forms, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise BuildError(
            f"{topic.assignment}: the example of a question must be plain data (JSON), got "
            f"another kind: {error}; write numbers, text, lists or dicts"
        ) from error


def _release_id(topic: Topic, plan: Plan, files: dict[str, bytes]) -> str:
    """Return a name for all that decides what is asked and what is right; nothing secret is in."""
    deciding = {
        "cells": [vars(cell) for cell in plan.cells],
        "given": plan.given,
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
