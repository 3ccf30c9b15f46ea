"""One file judged without a gradebook: `autograder try` and `autograder check`.

Both use variants drawn from a fixed seed, so that an answer can be tried again on the same cases.
"""

from dataclasses import replace
from pathlib import Path

from autograder import variants
from autograder.case_drawing import hidden_sets
from autograder.errors import UsageError, WorkerError
from autograder.exercise import Exercise, Topic
from autograder.exercises import find, topics
from autograder.judge import Task, could_not_run, judge
from autograder.judging import MAX_TRIES, Submission, Workers, judge_submission, tasks_of
from autograder.lesson import LESSONS, read_lesson
from autograder.mending import mend, of_another
from autograder.plan import Plan
from autograder.planning import plan_lesson
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.submission import RunCell, Unreadable, parse, read_file

FIXED_SEED = b"autograder try"  # no course's secret: these cases may be seen by anybody
PRELUDE = """\
import math
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from course import NotAnswered
"""


def try_file(name: str, path: Path, workers: Workers, variant: int = 0) -> ExerciseVerdict:
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
    for _ in range(MAX_TRIES):
        try:
            judged, _ = judge(workers.get(), cells, [task], exercise.uses)
            return judged[0].verdict
        except WorkerError as error:
            workers.close()
            reason = str(error)
    return could_not_run(task, f"the grader failed: {reason}")


def check_notebook(
    path: Path, assignment: str, workers: Workers, variant: int = 0, jobs: int = 1
) -> SubmissionRecord:
    """Judge one notebook of an assignment as `grade` would, without any course folder.

    `jobs`: processes that draw the cases; see `hidden_sets`.
    """
    plan, topic = plan_of(assignment)
    try:
        data = read_file(path)
        notebook, notes = mend(parse(data), plan)
        if another := of_another(notebook, plan):
            raise Unreadable(another)
        submission = Submission(path.stem, plan, data, notebook, notes=notes)
    except Unreadable as error:
        submission = Submission(path.stem, plan, None, reason=str(error))
    drawn = hidden_sets(topic.exercises, FIXED_SEED, variant, jobs)
    tasks = tasks_of(submission, drawn)
    record, _ = judge_submission(workers, submission, tasks)
    return replace(record, release="")


def plan_of(assignment: str) -> tuple[Plan, Topic]:
    """Return the plan of an assignment as its lesson stands now, of no release, and its topic."""
    known = topics()
    if assignment not in known:
        names = ", ".join(sorted(known))
        raise UsageError(f"assignment must be one of {names}, got {assignment!r}")
    lesson = read_lesson(LESSONS / f"{assignment}.py")
    return plan_lesson(lesson, known[assignment], known.values()).plan, known[assignment]


def _exercise(name: str) -> Exercise:
    known = sorted(e.name for topic in topics().values() for e in topic.exercises)
    if name not in known:
        raise UsageError(f"EXERCISE must be one of {', '.join(known)}, got {name!r}")
    _, definition = find(name)
    assert isinstance(definition, Exercise)
    return definition
