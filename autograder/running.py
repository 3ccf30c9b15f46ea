"""A submission's code in a sandboxed process, started anew whenever the code ended it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from autograder.errors import Doubt, WorkerError
from autograder.exercise import Exercise
from autograder.exercises import find
from autograder.record import CellRun
from autograder.sandbox import ChildEnded
from autograder.sandbox.child import BROKE_PROTOCOL, DIED, TOO_LONG, TOO_MUCH_MEMORY
from autograder.session import CellResult, Session
from autograder.source_names import bound, defines, definitions, has_definition, reach
from autograder.submission import RunCell
from autograder.worker import Worker
from course.outcome import flatten

SUBMISSION_SECONDS = 400.0  # by the wall's clock, for one submission at a pace of 1
MAX_RESTARTS = 6  # fresh processes for one submission whose code keeps ending them
MAX_SHOWN = 20_000_000  # characters that all cells of one submission may display
MAX_ASKED = 5_000  # numbers in the arguments of a function answered in the student's place
MAX_WORK = 2e8  # its two largest arguments' sizes and its plain numbers, multiplied

MAX_STATEMENTS = 200  # of a cell that stopped

ENDINGS = {
    TOO_LONG: "did not finish (an endless loop?)",
    TOO_MUCH_MEMORY: "needed more memory than there is",
    BROKE_PROTOCOL: "disturbed the process that ran it",
}
DIED_TEXT = "ended the process: an exit, a crash, or too much memory"


@dataclass
class Code:
    """A submission's cells in a process, which is started anew whenever the code ended it.

    `given`: names that the grader answers rightly until a cell defines them. `answers`: the names
    that are judged. `doubting`: a process that dies is a `Doubt`, not yet the code's doing.
    """

    worker: Worker
    cells: Sequence[RunCell]
    given: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    doubting: bool = False
    results: dict[int, CellResult] = field(default_factory=dict)
    fatal: dict[int, str] = field(default_factory=dict)  # cells that ended the process
    restarts: int = 0
    deadline: float = 0.0  # of the monotonic clock
    shown: int = 0  # characters that cells displayed
    _session: Session | None = None

    def __post_init__(self) -> None:
        if not self.deadline:
            self.deadline = time.monotonic() + SUBMISSION_SECONDS * self.worker.pace

    def session(self) -> Session:
        """Return a process in which all cells have run; ChildEnded when none can be had."""
        while self._session is None:
            if self.restarts > MAX_RESTARTS or time.monotonic() > self.deadline:
                raise ChildEnded(TOO_LONG)
            self.restarts += 1
            session = self.worker.session([cell.source for cell in self.cells])
            session.until = self.deadline
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

    def up_to(self, name: str) -> "Code | None":
        """Return the cells up to the last that defines a name, where later ones disturb it.

        They do when they bind or delete a name that the definition reaches; None when they do not.
        """
        holders = [n for n, cell in enumerate(self.cells) if has_definition(cell.source, name)]
        holders = holders or [n for n, cell in enumerate(self.cells) if defines(cell.source, name)]
        if not holders:
            return None
        end = holders[-1] + 1
        needed = {name, *reach([cell.source for cell in self.cells[:end]], name).looked_up}
        if not any(needed & bound(cell.source) for cell in self.cells[end:]):
            return None
        fatal = {number: text for number, text in self.fatal.items() if number < end}
        return Code(
            self.worker, self.cells[:end], self.given, self.answers, self.doubting,
            fatal=fatal, deadline=self.deadline,
        )  # fmt: skip

    def ended(self, error: ChildEnded) -> str:
        """Discard a process that ended; return how, once the control has shown that it was right.

        Raises WorkerError when known-good code fails too: then the fault is ours; Doubt where
        deaths are doubted: from in here a machine that ran out of memory looks like an exit.
        """
        self.discard()
        if self.doubting and error.kind == DIED:
            raise Doubt("a process ended, perhaps not by the code that it ran")
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
        self._run_what_is_left(session)

    def _run_what_is_left(self, session: Session) -> None:
        """Run the definitions of cells that stopped, where they hold an answer that is not there.

        A cell stops at an import that only the student's machine has, or because the cells it
        needs come later. What it defines may be right all the same.
        """
        stopped = {n for n, result in self.results.items() if result.error}
        wanted = [
            (number, name)
            for number in sorted(stopped)
            for name in self.answers
            if defines(self.cells[number].source, name)
        ]
        if not wanted:
            return
        there = session.defined([name for _, name in wanted])
        for number in sorted({number for number, name in wanted if name not in there}):
            for statement in definitions(self.cells[number].source)[:MAX_STATEMENTS]:
                try:
                    session.run(statement)
                except ChildEnded as error:
                    self.fatal[number] = self.ended(error)
                    raise

    def _run_one(self, session: Session, number: int, cell: RunCell) -> CellResult:
        try:
            result = session.run(cell.source)
        except ChildEnded as error:
            self.fatal[number] = self.ended(error)
            raise
        if number not in self.results:
            self.results[number] = self._while_there_is_room(result)
        return result

    def _while_there_is_room(self, result: CellResult) -> CellResult:
        """Return the result without what it displayed, if the submission displayed too much."""
        self.shown += sum(len(text) for _, text in result.outputs)
        return result if self.shown <= MAX_SHOWN else replace(result, outputs=())

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


def answer_rightly(name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    """Return what the reference answers to a call from a student's process."""
    _, exercise = find(name)
    given = [*arguments, *named.values()]
    size = sum(_numbers(argument) for argument in given)
    if not isinstance(exercise, Exercise) or size > MAX_ASKED or _work(given) > MAX_WORK:
        raise ValueError(f"{name} was called with {size} numbers: too much to answer")
    return exercise.reference(*arguments, **named)


def _numbers(argument: Any) -> int:
    """Return how many numbers an argument holds; an axis counts also where another is empty."""
    leaves = flatten(argument)
    return sum(max(x.numel(), *x.shape, 1) if isinstance(x, Tensor) else 1 for x in leaves)


def _work(given: Sequence[Any]) -> float:
    """Return a bound of what a reference makes of its arguments: it runs here, without a watch."""
    sizes, factor = [1, 1], 1.0
    for argument in given:
        leaves = flatten(argument)
        sizes.append(_numbers(argument))
        if len(leaves) <= 4:  # a number, or a pair of them: a stride, a size, a threshold
            for leaf in leaves:
                factor *= max(1.0, abs(float(leaf))) if isinstance(leaf, int | float) else 1.0
    *_, second, first = sorted(sizes)
    return factor * first * second
