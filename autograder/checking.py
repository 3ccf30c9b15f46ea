"""One file judged without a gradebook: `autograder try` and `autograder check`.

Both use variants drawn from a fixed seed, so that an answer can be tried again on the same cases.
"""

from dataclasses import replace
from pathlib import Path

from autograder import variants
from autograder.assemble import assemble
from autograder.build import LESSONS
from autograder.errors import UsageError, WorkerError
from autograder.exercise import Exercise, Topic, WrittenAnswer
from autograder.exercises import find, topics
from autograder.grading import Submission, Workers, judge_submission
from autograder.judge import Task, judge
from autograder.lesson import read_lesson
from autograder.plan import Plan
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.submission import RunCell, Unreadable, parse, read_file, untouched

FIXED_SEED = b"autograder try"  # no course's secret: these cases may be seen by anybody
PRELUDE = """\
import math
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from course import NotAnswered
"""


def try_file(name: str, path: Path, variant: int = 0, tier: str | None = None) -> ExerciseVerdict:
    """Judge one Python file that defines the function `name`.

    torch, np, nn, F, Tensor and math are there, and so are the exercises that this one uses:
    where the file does not define them, the grader answers for them.
    """
    exercise = _exercise(name)
    try:
        text = read_file(path).decode("utf-8-sig", errors="replace")
    except Unreadable as error:
        raise UsageError(f"FILE must be a readable Python file: {error}") from None
    cells = [RunCell(PRELUDE, None), RunCell(text, 0)]
    task = Task(exercise, 1.0, variants.hidden_cases(exercise, FIXED_SEED, variant))
    with Workers(tier) as workers:
        for _ in range(2):
            try:
                judged, _ = judge(workers.get(), cells, [task], exercise.uses)
                return judged[0].verdict
            except WorkerError as error:
                workers.close()
                failure = error
    raise failure


def check_notebook(
    path: Path, assignment: str, variant: int = 0, tier: str | None = None
) -> SubmissionRecord:
    """Judge one notebook of an assignment as `grade` would, without any course folder."""
    plan, topic = plan_of(assignment)
    try:
        data = read_file(path)
        submission = Submission(path.stem, plan, data, parse(data))
    except Unreadable as error:
        submission = Submission(path.stem, plan, None, reason=str(error))
    tasks = _tasks(submission, topic, variant)
    with Workers(tier) as workers:
        record, _ = judge_submission(workers, submission, tasks)
    return replace(record, release="")


def plan_of(assignment: str) -> tuple[Plan, Topic]:
    """Return the plan of an assignment as its lesson stands now, and its topic."""
    known = topics()
    if assignment not in known:
        names = ", ".join(sorted(known))
        raise UsageError(f"assignment must be one of {names}, got {assignment!r}")
    lesson = read_lesson(LESSONS / f"{assignment}.py")
    return assemble(lesson, known[assignment]).plan, known[assignment]


def _tasks(submission: Submission, topic: Topic, variant: int) -> list[Task]:
    checks = submission.plan.checks
    names = [cell.exercise for cell in checks]
    notebook = submission.notebook
    same = untouched(notebook, submission.plan, names) if notebook else set(names)
    tasks = []
    for cell in checks:
        _, definition = find(cell.exercise)
        assert not isinstance(definition, WrittenAnswer)
        drawn = None
        if isinstance(definition, Exercise):
            drawn = variants.hidden_cases(definition, FIXED_SEED, variant)
        tasks.append(Task(definition, cell.points, drawn, cell.exercise in same))
    return tasks


def _exercise(name: str) -> Exercise:
    known = sorted(e.name for topic in topics().values() for e in topic.exercises)
    if name not in known:
        raise UsageError(f"EXERCISE must be one of {', '.join(known)}, got {name!r}")
    _, definition = find(name)
    assert not isinstance(definition, WrittenAnswer)
    assert isinstance(definition, Exercise)
    return definition
