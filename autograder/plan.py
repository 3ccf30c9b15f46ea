"""The plan of a release: what each cell of an assignment's notebook is, as the instructor built it.

Grading trusts the plan and never the metadata of a submission: ids, points, locked sources and the
order of cells come from here.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

# What a cell is. LOCKED defines names and is always run as released; SHOW only displays, and is
# not run while grading; CHECK is judged by the grader and never run by a student's process; GIVEN
# asks for functions of earlier notebooks, and other code is run in its place while grading.
MARKDOWN, LOCKED, SHOW, SOLUTION, CHECK, QUESTION, WRITTEN, GIVEN = (
    "markdown", "locked", "show", "solution", "check", "question", "written", "given",
)  # fmt: skip


@dataclass(frozen=True)
class PlanCell:
    """One released cell. `grade_id` is nbgrader's name of it; `exercise` what it answers or checks.

    `source` is the released text, a stub for SOLUTION cells; `runs` the code that is run in its
    place while grading, "" where that is the text itself.
    """

    grade_id: str
    kind: str
    cell_type: str
    source: str
    exercise: str = ""
    points: float = 0.0
    runs: str = ""


@dataclass(frozen=True)
class Plan:
    """All cells of a release, in order.

    `release` names this build of the assignment: it changes whenever the notebook, an exercise's
    cases or a reference changes, and depends on nothing secret. `given` are the functions of
    earlier notebooks whose answers the release holds, each with its assignment.
    """

    assignment: str
    release: str
    cells: tuple[PlanCell, ...]
    given: dict[str, str] = field(default_factory=dict)

    def cell(self, grade_id: str) -> PlanCell | None:
        """Return the cell of that nbgrader name, or None."""
        return next((cell for cell in self.cells if cell.grade_id == grade_id), None)

    @property
    def checks(self) -> tuple[PlanCell, ...]:
        """The cells whose points are decided by the grader, in order."""
        return tuple(cell for cell in self.cells if cell.kind == CHECK)

    @property
    def written(self) -> tuple[PlanCell, ...]:
        """The cells whose points are given by hand, in order."""
        return tuple(cell for cell in self.cells if cell.kind == WRITTEN)

    def to_json(self) -> str:
        """Return the plan as text; equal plans give equal text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Return the plan that `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        cells = tuple(PlanCell(**cell) for cell in content["cells"])
        return cls(**{**content, "cells": cells, "given": dict(content["given"])})
