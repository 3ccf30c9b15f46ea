"""What the sandbox tests share: a worker per test process, and short ways to run code in it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder import variants
from autograder.exercise import Exercise, Misconception
from autograder.judge import Judged, Task, judge
from autograder.session import Session
from autograder.submission import RunCell
from autograder.worker import Worker
from course.cases import Group
from course.outcome import Case


def printed(session: Session, source: str) -> str:
    """Run code in a session and return what it printed; an error in it fails the test."""
    result = session.run(source)
    assert not result.error, f"{result.error}: {result.text}"
    return "".join(text for kind, text in result.outputs if kind == "stdout")


def exercise(
    reference: Callable[..., Any],
    draw: Callable[[np.random.Generator], Sequence[Case]],
    groups: Sequence[Group],
    misconceptions: Sequence[Misconception] = (),
    uses: tuple[str, ...] = (),
    forbidden: dict[str, str] | None = None,
) -> Exercise:
    """Return an exercise that lives in a test."""
    return Exercise(
        name=reference.__name__,
        reference=reference,
        groups=tuple(groups),
        draw=draw,
        misconceptions=tuple(misconceptions),
        uses=uses,
        forbidden=forbidden or {},
    )


def judged(worker: Worker, definition: Exercise, *cells: str, seed: int = 0) -> Judged:
    """Judge an answer, given as the text of its cells, on freshly drawn cases."""
    cases = variants.draw(definition, np.random.default_rng(seed))
    (result,), _ = judge(
        worker, [RunCell(cell, i) for i, cell in enumerate(cells)], [Task(definition, 1.0, cases)]
    )
    return result
