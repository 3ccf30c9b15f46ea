"""The judge: decides every verdict outside the student's process, from data alone.

A submission's cells are run in a sandboxed process; each exercise's function is called with the
student's hidden inputs, and its outcomes are compared here with the stored expected ones.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from autograder.errors import WorkerError
from autograder.exercise import Exercise, Question
from autograder.exercises import find
from autograder.forbidden import shortcuts
from autograder.record import (
    COULD_NOT_RUN,
    FAILED,
    PASSED,
    CaseVerdict,
    CellRun,
    ExerciseVerdict,
)
from autograder.sandbox import ChildEnded
from autograder.sandbox.child import BROKE_PROTOCOL, TOO_LONG, TOO_MUCH_MEMORY
from autograder.session import CellResult, Session
from autograder.submission import RunCell
from autograder.worker import Worker
from course.cases import Assessment, CaseSet, assess
from course.outcome import (
    DIED,
    NOT_ANSWERED,
    NOT_FINISHED,
    VALUE,
    Outcome,
    difference,
    flatten,
    observe,
)

SUBMISSION_SECONDS = 400.0  # by the wall's clock, for one submission
MAX_RESTARTS = 6  # fresh processes for one submission whose code keeps ending them
MAX_ASKED = 50_000  # numbers in the arguments of a function answered in the student's place

ENDINGS = {
    TOO_LONG: "did not finish: is there an endless loop?",
    TOO_MUCH_MEMORY: "needed more memory than there is",
    BROKE_PROTOCOL: "disturbed the process that ran it",
}
DIED_TEXT = "ended the process: an exit, a crash, or too much memory"


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


@dataclass
class Code:
    """A submission's cells in a process, which is started anew whenever the code ended it.

    `given`: names that the grader answers rightly until a cell defines them.
    """

    worker: Worker
    cells: Sequence[RunCell]
    given: tuple[str, ...] = ()
    results: dict[int, CellResult] = field(default_factory=dict)
    fatal: dict[int, str] = field(default_factory=dict)  # cells that ended the process
    restarts: int = 0
    deadline: float = field(default_factory=lambda: time.monotonic() + SUBMISSION_SECONDS)
    _session: Session | None = None

    def session(self) -> Session:
        """Return a process in which all cells have run; ChildEnded when none can be had."""
        while self._session is None:
            if self.restarts > MAX_RESTARTS or time.monotonic() > self.deadline:
                raise ChildEnded(TOO_LONG)
            self.restarts += 1
            session = self.worker.session([cell.source for cell in self.cells])
            try:
                if self.given:
                    session.replace(self.given, answer_rightly)
                self._run_all(session)
            except ChildEnded:
                session.close()
                continue
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    def discard(self) -> None:
        """End the process; the next use starts a fresh one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def ended(self, error: ChildEnded) -> str:
        """Discard a process that ended; return how, once the control has shown that it was right.

        Raises WorkerError when known-good code fails too: then the fault is ours.
        """
        self.discard()
        if not self.worker.control():
            raise WorkerError(f"the sandbox failed: known-good code ended too ({error.kind})")
        return ENDINGS.get(error.kind, DIED_TEXT)

    def _run_all(self, session: Session) -> None:
        waiting: list[tuple[int, RunCell]] = []  # cells that only display
        for number, cell in enumerate(self.cells):
            if number in self.fatal:
                continue
            if cell.shows:
                waiting.append((number, cell))
                continue
            result = self._run_one(session, number, cell)
            if result.missing and waiting:
                for shown, display in waiting:
                    self._run_one(session, shown, display)
                waiting = []
                del self.results[number]
                self._run_one(session, number, cell)

    def _run_one(self, session: Session, number: int, cell: RunCell) -> CellResult:
        try:
            result = session.run(cell.source)
        except ChildEnded as error:
            self.fatal[number] = self.ended(error)
            raise
        self.results.setdefault(number, result)
        return result

    def runs(self) -> tuple[CellRun, ...]:
        """Return what the submission's own cells displayed."""
        shown = []
        for number, cell in enumerate(self.cells):
            if cell.index is None:
                continue
            result = self.results.get(number, CellResult())
            outputs = list(result.outputs)
            if number in self.fatal:
                outputs.append(("error", f"This cell {self.fatal[number]}."))
            elif result.error:
                outputs.append(("error", error_text(result)))
            if outputs:
                shown.append(CellRun(cell.index, tuple(outputs)))
        return tuple(shown)

    def why_missing(self, name: str) -> str:
        """Return why a name may not exist: the cell that mentions it and stopped."""
        for number, cell in enumerate(self.cells):
            if name not in cell.source:
                continue
            place = "" if cell.index is None else f" in cell {cell.index + 1}"
            if number in self.fatal:
                return f"the code{place} {self.fatal[number]}"
            result = self.results.get(number)
            if result is not None and result.error and not result.waits_for:
                return f"the code{place} stopped with {error_text(result)}"
        return ""


def error_text(result: CellResult) -> str:
    """Return an error of a cell in one line."""
    if result.waits_for:
        return f"waiting for your answer to the exercise {result.waits_for}"
    where = f" ({result.line})" if result.line else ""
    return f"{result.error}: {result.text}{where}" if result.text else f"{result.error}{where}"


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
) -> tuple[list[Judged], tuple[CellRun, ...]]:
    """Return the verdict of every task in order, and what the cells displayed.

    Raises WorkerError when the fault is the grader's own.
    """
    code = Code(worker, cells, given)
    try:
        judged = [_judge_one(code, task) for task in tasks]
        failed = {j.verdict.exercise for j in judged if j.verdict.verdict == FAILED}
        again = [
            _with_right_dependencies(code, task, one, failed)
            for task, one in zip(tasks, judged, strict=True)
        ]
        if not code.results and not code.fatal:
            _start(code)  # no exercise asked for a process: still show what the cells display
        return again, code.runs()
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
    found = shortcuts([cell.source for cell in code.cells], task.name, definition.forbidden)
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
    plain = list(answer.value) if isinstance(answer.value, tuple) else answer.value
    name, sentence = question.wrong.get(repr(plain), (None, ""))
    form = f" An answer has this form: {question.form}" if found.kind == "type" else ""
    message = sentence or f"That is not the answer.{form}"
    return replace(_failed(task, message), misconception=name)


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


def answer_rightly(name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    """Return what the reference answers to a call from a student's process."""
    _, exercise = find(name)
    leaves = flatten([arguments, named])
    size = sum(leaf.numel() if isinstance(leaf, Tensor) else 1 for leaf in leaves)
    if not isinstance(exercise, Exercise) or size > MAX_ASKED:
        raise ValueError(f"{name} was called with {size} numbers: too many to answer")
    return exercise.reference(*arguments, **named)
