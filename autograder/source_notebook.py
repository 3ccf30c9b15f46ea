"""The instructor's notebook: the planned cells with answers in them, and nbgrader's metadata."""

import ast
import hashlib
from typing import Any

import nbformat
from nbformat import v4

from autograder.cell_texts import BEGIN, END
from autograder.errors import BuildError
from autograder.exercise import Question
from autograder.plan import CHECK, QUESTION, SHOW, SOLUTION, WRITTEN, Plan, PlanCell
from autograder.stubs import RELEASED

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
EDITABLE = (SOLUTION, QUESTION, WRITTEN)
GRADED = (CHECK, WRITTEN)
ID_DIGITS = 12


def source_notebook(plan: Plan, answered: dict[str, str]) -> str:
    """Return the notebook of a plan as text; `answered` are the cells that hold an answer."""
    cells = [_cell(plan, cell, answered.get(cell.grade_id)) for cell in plan.cells]
    course = {"assignment": plan.assignment, "release": plan.release}
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "course": course}
    notebook = v4.new_notebook(cells=cells, metadata=metadata)
    text: str = nbformat.writes(notebook, version=4)
    return text + "\n"


def answered_question(starter: str, question: Question) -> str:
    """Return the cell of a question with the answer in place of what the starter assigns."""
    value = repr(question.answer)
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError) as error:
        raise BuildError(
            f"the answer to {question.name} must be plain data, got {value:.60}; "
            "write numbers, text, lists or dicts"
        ) from error
    lines = starter.splitlines()
    for node in reversed(ast.parse(starter).body):
        bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == question.name}
        if bound and isinstance(node, ast.Assign | ast.AnnAssign):
            lines[node.lineno - 1 : node.end_lineno] = [f"{question.name} = {value}"]
            break
    else:
        lines.append(f"{question.name} = {value}")
    return "\n".join([BEGIN, *lines, END])


def _cell(plan: Plan, cell: PlanCell, answered: str | None) -> Any:
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
    if answered is not None:
        metadata["course"] = {RELEASED: cell.source}
    if cell.kind == SHOW:  # one that waits for an answer must not stop Run All
        metadata["tags"] = ["raises-exception"]
    source = cell.source if answered is None else answered
    return make(source, id=digest[:ID_DIGITS], metadata=metadata)
