"""The notebook that stands in autograded/: the student's cells, as the grader saw them run.

Nothing in it is taken on trust. nbgrader's metadata and locked sources come from the plan, outputs
from the sandbox, verdicts from the judge; of the submission only sources, pictures attached to
markdown and the order of cells remain, and nothing in them can run in a page that shows it.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.utils import compute_checksum

from autograder.executed_outputs import outputs_by_index, verdict_outputs
from autograder.harmless import CUT, clean_attachments, clean_source, harmless_markdown
from autograder.mending import mend
from autograder.plan import CHECK, GIVEN, LOCKED, QUESTION, SOLUTION, WRITTEN, Plan, PlanCell
from autograder.record import COULD_NOT_RUN, ExerciseVerdict, SubmissionRecord
from autograder.submission import Unreadable, parse

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
EDITABLE = (SOLUTION, QUESTION, WRITTEN)
RESTORED = (LOCKED, GIVEN, CHECK, *EDITABLE)  # a missing one is put back at its place
ROOM = {"code": 1_000_000, "markdown": 300_000}  # characters of a whole submission
MISSING = "This cell is missing from the submission."
NO_RESPONSE = "No response."  # nbgrader's own words
UNREADABLE = "The submission could not be read."
NOTHING_TO_MARK = "*(The submission could not be read: there is no answer to mark.)*"


@dataclass(frozen=True)
class StudentCell:
    """A cell of a submission: code or markdown, its text and nbgrader's name of it."""

    kind: str
    source: str
    grade_id: str = ""
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Placed:
    """A cell of the result: the released cell that it is, and the student's with its index."""

    planned: PlanCell | None
    student: StudentCell | None = None
    index: int | None = None


def executed_notebook(
    plan: Plan, submitted: bytes | None, record: SubmissionRecord, guides: dict[str, str]
) -> NotebookNode:
    """Return the notebook of a judged submission as nbformat reads it; see `notebook_content`."""
    return from_dict(notebook_content(plan, submitted, record, guides))


def notebook_content(
    plan: Plan, submitted: bytes | None, record: SubmissionRecord, guides: dict[str, str]
) -> dict[str, Any]:
    """Return the notebook of a judged submission, ready for feedback and formgrader.

    `guides` maps written answers to their marking guides; a guide stands in a cell of its own that
    `StripGuides` takes out of the feedback. A submission that cannot be read (None, or not a
    notebook) gets a placeholder with the reason, every check and every written answer. Equal
    arguments give equal notebooks.
    """
    cells = _student_cells(submitted, plan)
    placed = _placeholder(plan) if cells is None else _place(plan, cells)
    runs = outputs_by_index(record.runs)
    result = _opening(record, unreadable=cells is None)
    for item in placed:
        result.append(_cell(item, record, runs))
        if item.planned and item.planned.kind == WRITTEN and item.planned.grade_id in guides:
            result.append(_guide(item.planned.grade_id, guides[item.planned.grade_id]))
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return {"cells": result, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def notebook_text(content: dict[str, Any]) -> str:
    """Return a notebook as the text that nbformat writes, without its copying and validating."""
    cells = [_lines_apart(cell) for cell in content["cells"]]
    text = json.dumps({**content, "cells": cells}, indent=1, sort_keys=True, ensure_ascii=False)
    return text + "\n"


def _lines_apart(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell with texts as lists of lines, as notebooks are stored."""
    apart = {**cell, "source": cell["source"].splitlines(True)}
    if cell["cell_type"] == "code":
        apart["outputs"] = [_output_lines_apart(output) for output in cell["outputs"]]
    return apart


def _output_lines_apart(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": output["text"].splitlines(True)}
    if "data" not in output:
        return output
    data = {
        mime: text.splitlines(True) if mime.startswith("text/") else text
        for mime, text in output["data"].items()
    }
    return {**output, "data": data}


def _student_cells(submitted: bytes | None, plan: Plan) -> list[StudentCell] | None:
    """Return the cells of a submission, cut where all together are longer than any lesson."""
    try:
        notebook, _ = mend(parse(submitted or b""), plan)
    except Unreadable:
        return None
    room, cells = dict(ROOM), []
    for (cell_type, source, name), held in zip(notebook.cells, notebook.attachments, strict=True):
        kind = "code" if cell_type == "code" else "markdown"
        shown = source if len(source) <= room[kind] else source[: room[kind]] + CUT
        room[kind] = max(room[kind] - len(source), 0)
        cells.append(StudentCell(kind, shown, name, clean_attachments(held)))
    return cells


def _placeholder(plan: Plan) -> list[_Placed]:
    unread = StudentCell("markdown", NOTHING_TO_MARK)
    shown = [cell for cell in plan.cells if cell.kind in (CHECK, WRITTEN)]
    return [_Placed(cell, unread if cell.kind == WRITTEN else None) for cell in shown]


def _place(plan: Plan, cells: list[StudentCell]) -> list[_Placed]:
    """Return the student's cells in their order, and each missing cell after its forerunner."""
    planned = {cell.grade_id: cell for cell in plan.cells}
    owners: dict[str, int] = {}
    for index, cell in enumerate(cells):
        # of several copies the last answer counts, as for nbgrader, and the first of other cells
        known = planned.get(cell.grade_id)
        if known and (known.kind in EDITABLE or cell.grade_id not in owners):
            owners[cell.grade_id] = index
    placed = [
        _Placed(planned[cell.grade_id] if owners.get(cell.grade_id) == i else None, cell, i)
        for i, cell in enumerate(cells)
    ]
    forerunner = None
    for known in plan.cells:
        if known.grade_id not in owners:
            if known.kind not in RESTORED:
                continue
            placed.insert(_position(placed, forerunner) + 1, _Placed(known))
        forerunner = known
    return placed


def _position(placed: list[_Placed], cell: PlanCell | None) -> int:
    return next((i for i, item in enumerate(placed) if cell and item.planned is cell), -1)


def _opening(record: SubmissionRecord, *, unreadable: bool) -> list[dict[str, Any]]:
    """Return a first cell with the grader's own remarks, if there are any."""
    reason = record.reason or (UNREADABLE if unreadable else "")
    remarks = [f"**Could not run:** {reason}"] if reason else []
    text = harmless_markdown("\n\n".join([*remarks, *record.notes]))
    return [_markdown("grader-remarks", text)] if text else []


def _guide(name: str, guide: str) -> dict[str, Any]:
    text = f"**Marking guide** (not part of the feedback)\n\n{guide}"
    return _markdown(f"guide-{name}", text, {"course": {"guide": True}})


def _markdown(name: str, source: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "markdown",
        "id": name[:64],
        "metadata": metadata or {},
        "source": source,
    }


def _cell(
    item: _Placed, record: SubmissionRecord, runs: dict[int | None, list[dict[str, Any]]]
) -> dict[str, Any]:
    planned = item.planned
    kind, source, attachments = _shown(item)
    name = planned.grade_id if planned else f"extra-{item.index}"
    cell = _markdown(name, source, nbgrader_metadata(planned) if planned else {})
    if planned and planned.kind in EDITABLE and item.student is None:
        cell["metadata"]["course"] = {"missing": True}
    if kind == "markdown":
        return {**cell, "attachments": attachments} if attachments else cell
    if planned and planned.kind == CHECK:
        outputs = verdict_outputs(verdict_of(planned, record), planned.points)
    else:
        outputs = runs.get(item.index, [])
    return {**cell, "cell_type": "code", "execution_count": None, "outputs": outputs}


def _shown(item: _Placed) -> tuple[str, str, dict[str, dict[str, str]]]:
    """Return the kind, the text and the pictures that are shown of a cell."""
    planned, student = item.planned, item.student
    if planned and (student is None or not _is_answered(planned, student)):
        return planned.cell_type, planned.source, {}
    assert student is not None  # a cell is the plan's, the student's, or both
    kind = planned.cell_type if planned else student.kind
    if kind == "code":
        return kind, clean_source(student.source), {}
    return kind, harmless_markdown(student.source, student.attachments), student.attachments


def _is_answered(planned: PlanCell, student: StudentCell) -> bool:
    return planned.kind in EDITABLE and student.source.strip() != planned.source.strip()


def nbgrader_metadata(cell: PlanCell) -> dict[str, Any]:
    """Return the metadata that nbgrader gives a released cell, its checksum included."""
    content = {
        "schema_version": 3,
        "grade_id": cell.grade_id,
        "cell_type": cell.cell_type,
        "grade": cell.kind in (CHECK, WRITTEN),
        "solution": cell.kind in EDITABLE,
        "locked": cell.kind not in EDITABLE,
        "task": False,
    }
    if content["grade"]:
        content["points"] = cell.points
    content["checksum"] = _checksum(cell.cell_type, cell.source, json.dumps(content))
    return {"deletable": False, "editable": cell.kind in EDITABLE, "nbgrader": content}


@lru_cache(maxsize=4096)
def _checksum(cell_type: str, source: str, metadata: str) -> str:
    """Return nbgrader's checksum of a released cell, the same for all submissions."""
    content = {"nbgrader": json.loads(metadata)}
    released = {"cell_type": cell_type, "source": source, "metadata": content}
    checksum: str = compute_checksum(from_dict(released))
    return checksum


def verdict_of(check: PlanCell, record: SubmissionRecord) -> ExerciseVerdict:
    """Return the verdict of what a check cell checks; could not run where there is none."""
    found = next((v for v in record.exercises if v.exercise == check.exercise), None)
    reason = record.reason or "Nothing was judged."
    return found or ExerciseVerdict(check.exercise, COULD_NOT_RUN, None, reason)
