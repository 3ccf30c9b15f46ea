"""The judge: decides every verdict outside the student's process, from data alone.

A submission's cells are run in a sandboxed process; each exercise's function is called with the
student's hidden inputs, and its outcomes are compared here with the stored expected ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.errors import WorkerError
from autograder.exercise import Exercise, Question
from autograder.forbidden import shortcuts
from autograder.record import (
    COULD_NOT_RUN,
    FAILED,
    PASSED,
    CaseVerdict,
    CellRun,
    ExerciseVerdict,
)
from autograder.running import Code, answer_rightly
from autograder.sandbox import ChildEnded
from autograder.sandbox.child import TOO_LONG
from autograder.submission import RunCell
from autograder.worker import Worker
from course.cases import Assessment, CaseSet, assess
from course.compare import difference
from course.outcome import DIED, NOT_ANSWERED, NOT_FINISHED, VALUE, Outcome, flatten, observe


@dataclass(frozen=True)
class Task:
    """One exercise, with its hidden cases, or one question to be judged."""

    definition: Exercise | Question
    points: float = 1.0
    cases: CaseSet | None = None
    untouched: bool = False

    @property
    def name(self) -> str:
        """The name of the exercise or question."""
        return self.definition.name


@dataclass(frozen=True)
class Judged:
    """A verdict with the outcomes that led to it, for appeals."""

    verdict: ExerciseVerdict
    cases: CaseSet | None = None
    outcomes: tuple[Outcome, ...] = ()


def judge(
    worker: Worker,
    cells: Sequence[RunCell],
    tasks: Sequence[Task],
    given: tuple[str, ...] = (),
    known: Mapping[str, ExerciseVerdict] | None = None,
    doubting: bool = False,
) -> tuple[list[Judged], tuple[CellRun, ...]]:
    """Return the verdict of every task in order, and what the cells displayed.

    Verdicts that are `known` stay: those functions are not called. Raises WorkerError when the
    fault is the grader's own, and Doubt, when `doubting`, at a process that died: the code did it
    if it dies again.
    """
    names = tuple(task.name for task in tasks)
    code, known = Code(worker, cells, given, names, doubting), known or {}
    try:
        judged = [
            Judged(known[task.name])
            if task.name in known
            else _before_later_cells(code, task, _judge_one(code, task))
            for task in tasks
        ]
        verdicts = [one.verdict for one in judged]
        failed = {v.exercise for v in verdicts if v.verdict == FAILED or v.given_right}
        again = [
            _with_right_dependencies(code, task, one, failed)
            for task, one in zip(tasks, judged, strict=True)
        ]
        if not code.results and not code.fatal:
            _start(code)  # no exercise asked for a process: still show what the cells display
        return again, code.runs()
    except WorkerError:
        raise
    except Exception as error:  # what came from the sandbox broke us: nobody's zero, nobody's halt
        raise WorkerError(f"judging it raised {type(error).__name__}") from error
    finally:
        code.discard()


def _start(code: Code) -> None:
    try:
        code.session()
    except ChildEnded:
        return


def _judge_one(code: Code, task: Task) -> Judged:
    definition = task.definition
    if isinstance(definition, Question):
        return Judged(_judge_question(code, task, definition))
    written = [cell.source for cell in code.cells if not cell.given]
    found = shortcuts(written, task.name, definition.forbidden)
    if found:
        message = f"`{found[0]}` must not be used here: {definition.forbidden[found[0]]}"
        return Judged(_failed(task, message))
    assert task.cases is not None
    try:
        session = code.session()
        if task.name not in session.defined([task.name]):
            reason = code.why_missing(task.name)
            message = f"`{task.name}` is not defined" + (f": {reason}" if reason else "")
            return Judged(_failed(task, f"{message}."))
        outcomes = _outcomes(code, task.name, task.cases)
    except ChildEnded as error:
        reason = code.ended(error)
        return Judged(_failed(task, f"The notebook {reason}."))
    return Judged(_verdict(task, assess(task.cases, outcomes)), task.cases, tuple(outcomes))


def _outcomes(code: Code, name: str, cases: CaseSet) -> list[Outcome]:
    """Return the outcome of every case, up to one that ended the process."""
    outcomes: list[Outcome] = []
    subject = code.session().subject(name)
    for case in cases.cases:
        try:
            outcomes.append(observe(subject, case))
        except ChildEnded as error:
            code.ended(error)
            kind = NOT_FINISHED if error.kind == TOO_LONG else DIED
            return [*outcomes, Outcome(kind)]
        if outcomes[-1].kind == NOT_ANSWERED:
            break
    return outcomes


def _verdict(task: Task, assessment: Assessment) -> ExerciseVerdict:
    cases = tuple(
        CaseVerdict(
            result.group.name,
            PASSED if result.passed else FAILED,
            "" if result.passed else result.difference.text if result.difference else "not reached",
        )
        for result in assessment.groups
    )
    verdict = ExerciseVerdict(
        exercise=task.name,
        verdict=PASSED if assessment.passed else FAILED,
        score=round(assessment.score, 4),
        message=_message(task, assessment),
        misconception=assessment.mistake.name if assessment.mistake else None,
        cases=cases,
        points=task.points,
    )
    return verdict


def _message(task: Task, assessment: Assessment) -> str:
    """Return the one sentence that the student reads first."""
    if assessment.passed:
        return ""
    if not assessment.answered:
        first = next((g.difference for g in assessment.groups if g.difference), None)
        waits_for_itself = first is None or any(f"`{n}`" in first.text for n in (task.name, ""))
        return "Not answered yet." if waits_for_itself else f"{first.text}." if first else ""
    if assessment.mistake:
        return assessment.mistake.sentence
    failure = assessment.first_failure
    if failure is None or failure.difference is None:
        return "The cases were not all reached."
    found = failure.difference
    cause = f"{found.text[0].upper()}{found.text[1:]}"
    cause += "" if cause.endswith(("?", ".", "!")) else "."
    if found.kind in ("value", "shape"):
        return f"{failure.group.sentence} ({cause})"
    return f"{cause} ({failure.group.name}: {failure.group.sentence})"


def _failed(task: Task, message: str) -> ExerciseVerdict:
    return ExerciseVerdict(task.name, FAILED, 0.0, message, points=task.points)


def could_not_run(task: Task, reason: str) -> ExerciseVerdict:
    """Return the verdict of a task that could not be judged: no score, a person must look."""
    return ExerciseVerdict(task.name, COULD_NOT_RUN, None, reason, points=task.points)


def without_files(verdict: ExerciseVerdict, beside: Sequence[str]) -> ExerciseVerdict:
    """Return the verdict; could not run where what failed is a module beside the notebook.

    `beside` names the modules that were handed in and are not collected: the answer may be right.
    """
    needed = next((name for name in beside if f"'{name}'" in verdict.message), None)
    if verdict.verdict != FAILED or verdict.score or needed is None:
        return verdict
    reason = (
        f"The answer is in {needed}.py beside the notebook, which is not read: write it into the "
        f"notebook and hand it in again. ({verdict.message})"
    )
    return replace(verdict, verdict=COULD_NOT_RUN, score=None, message=reason)


def _judge_question(code: Code, task: Task, question: Question) -> ExerciseVerdict:
    if task.untouched:
        return _failed(task, "Not answered yet.")
    try:
        answer = code.session().read(question.name)
    except ChildEnded as error:
        return _failed(task, f"The notebook {code.ended(error)}.")
    if answer.kind != VALUE:
        reason = code.why_missing(question.name)
        return _failed(task, f"`{task.name}` has no value" + (f": {reason}." if reason else "."))
    if answer.value is None:
        return _failed(task, "Not answered yet.")
    expected = Outcome(VALUE, question.answer)
    found = difference(answer, expected, question.comparison)
    if found is None:
        return ExerciseVerdict(task.name, PASSED, 1.0, points=task.points)
    name, sentence = question.wrong.get(_written(answer.value), (None, ""))
    form = f" An answer has this form: {question.form}" if found.kind == "type" else ""
    message = sentence or f"That is not the answer.{form}"
    return replace(_failed(task, message), misconception=name)


def _before_later_cells(code: Code, task: Task, judged: Judged) -> Judged:
    """Judge an answer that failed as it stood before later cells took names away from it.

    Its check passed there, in a notebook that is run from top to bottom.
    """
    if judged.verdict.verdict != FAILED or task.untouched:
        return judged
    earlier = code.up_to(task.name)
    if earlier is None:
        return judged
    try:
        again = _judge_one(earlier, task)
    finally:
        earlier.discard()
    return again if (again.verdict.score or 0.0) > (judged.verdict.score or 0.0) else judged


def _written(answer: Any) -> str:
    """Return an answer as the keys of wrong answers are written; "" for a long one."""
    leaves = flatten(answer)
    if len(leaves) > 50 or not all(map(_is_short, leaves)):
        return ""
    return repr(list(answer) if isinstance(answer, tuple) else answer)


def _is_short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 200)


def _with_right_dependencies(code: Code, task: Task, judged: Judged, failed: set[str]) -> Judged:
    """Judge an exercise again when one that it uses failed too, with that one answered rightly."""
    verdict, exercise = judged.verdict, task.definition
    if verdict.verdict != FAILED or judged.cases is None or not isinstance(exercise, Exercise):
        return judged
    given = tuple(name for name in exercise.uses if name in failed)
    if not given:
        return judged
    code.discard()
    try:
        code.session().replace(given, answer_rightly)
        outcomes = _outcomes(code, task.name, judged.cases)
    except ChildEnded as error:
        code.ended(error)
        return judged
    finally:
        code.discard()
    again = _verdict(task, assess(judged.cases, outcomes))
    if (again.score or 0.0) <= (verdict.score or 0.0):
        return judged
    names = " and ".join(f"`{name}`" for name in given)
    message = f"Judged with a right {names} in place of yours. {again.message}".strip()
    return Judged(replace(again, message=message, given_right=given), judged.cases, tuple(outcomes))
