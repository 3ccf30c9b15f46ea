"""A submission as it was handed in: read without trust, and put in the order in which it is run."""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.notebook_json import Unreadable as Unreadable
from autograder.notebook_json import notebook_json
from autograder.plan import CHECK, GIVEN, LOCKED, QUESTION, SHOW, SOLUTION, Plan, PlanCell
from autograder.source_names import defines

MAX_NOTEBOOK = 50 << 20
MAX_CELLS = 5_000
MAX_CODE = 1_000_000  # characters of all code cells; its syntax tree takes 700 times as much
MAX_SOURCE = 1_000_000  # characters of one cell
NEWLINE = re.compile(r"\r\n?")
RESET = re.compile(r"^[ \t]*%reset\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class RunCell:
    """A cell to be run: the text, where it stands in the submission (None: it was missing).

    `shows`: it only displays, and runs only when a later cell turns out to need it. `given`: the
    course's own functions, no part of any answer.
    """

    source: str
    index: int | None
    shows: bool = False
    given: bool = False


@dataclass(frozen=True)
class Notebook:
    """The cells of a submitted notebook, as (type, source, nbgrader's name or "").

    `attachments` holds, for each cell, what the file says is attached to it: unchecked. `language`
    is the one that the file says it is written in, "" where it says none.
    """

    cells: tuple[tuple[str, str, str], ...]
    release: str
    attachments: tuple[Any, ...] = ()
    language: str = ""

    def sources(self) -> tuple[str, ...]:
        """Return the text of every code cell."""
        return tuple(source for kind, source, _ in self.cells if kind == "code")


def read_file(path: Path) -> bytes:
    """Return a submitted file's bytes; only a regular file of reasonable size is read.

    Links are never followed, so that nobody hands in another's work, and nothing blocks.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Unreadable(f"{path.name} is missing") from None
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"{path.name} must be a regular file")
        if status.st_size > MAX_NOTEBOOK:
            size = f"{status.st_size / 1e6:.0f} MB"
            raise Unreadable(f"{path.name} must be below 50 MB, got {size}: clear its outputs")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MAX_NOTEBOOK + 1)
    finally:
        os.close(handle)
    if not data.strip():
        raise Unreadable(f"{path.name} is empty")
    return data


def parse(data: bytes) -> Notebook:
    """Return the notebook in `data`, whatever its minor version, or raise Unreadable."""
    content = notebook_json(data)
    if len(content["cells"]) > MAX_CELLS:
        raise Unreadable(
            f"the notebook must have at most {MAX_CELLS} cells, got {len(content['cells'])}: "
            "delete those that are no part of it"
        )
    cells, attachments = [], []
    for number, cell in enumerate(content["cells"], 1):
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if not isinstance(source, str):
            continue
        kind = cell.get("cell_type")
        kind = kind if kind in ("code", "markdown") else "raw"
        if kind == "code" and len(source) > MAX_SOURCE:
            raise Unreadable(
                f"cell {number} must have at most {MAX_SOURCE} characters, got {len(source)}: "
                "write no data into the code"
            )
        metadata = _dict(_dict(cell.get("metadata")).get("nbgrader"))
        name = metadata.get("grade_id")
        text = NEWLINE.sub("\n", source[:MAX_SOURCE]).replace("\0", "")
        cells.append((kind, text, name if isinstance(name, str) else ""))
        attachments.append(cell.get("attachments"))
    code = sum(len(source) for kind, source, _ in cells if kind == "code")
    if code > MAX_CODE:
        raise Unreadable(
            f"the notebook's code must be below {MAX_CODE:,} characters, got {code:,}: "
            "take out what was pasted into it"
        )
    metadata = _dict(content.get("metadata"))
    release = _dict(metadata.get("course")).get("release")
    release = release if isinstance(release, str) else ""
    return Notebook(tuple(cells), release, tuple(attachments), _language(metadata))


def _language(metadata: dict[str, Any]) -> str:
    """Return the language of the notebook's kernel, as a word that can be shown."""
    told = [
        _dict(metadata.get("kernelspec")).get("language"),
        _dict(metadata.get("language_info")).get("name"),
        _dict(metadata.get("kernelspec")).get("name"),
    ]
    words = [word for word in told if isinstance(word, str) and word]
    return re.sub(r"[^\w .+#-]", "", words[0])[:30] if words else ""


def stubs(plan: Plan) -> dict[str, str]:
    """Return the released texts of the cells that answers in code belong in, by exercise."""
    answers = [cell for cell in plan.cells if cell.kind in (SOLUTION, QUESTION)]
    return {cell.exercise: cell.source.strip() for cell in answers}


def defined_in_code(notebook: Notebook, plan: Plan) -> set[str]:
    """Return the exercises and questions that a code cell answers which was not given out so."""
    released = {cell.source.strip() for cell in plan.cells}
    written = [source for source in notebook.sources() if source.strip() not in released]
    return {name for name in stubs(plan) if any(defines(source, name) for source in written)}


def cells_to_run(notebook: Notebook, plan: Plan) -> list[RunCell]:
    """Return the cells to run in order.

    Cells that are locked run as released, whatever the submission says in their place, and the
    missing ones of them run where they belonged; given functions come from the plan; checks never
    run. What was given out for an answer does not run when the answer stands in another cell.
    """
    written = defined_in_code(notebook, plan)
    idle = {stub for name, stub in stubs(plan).items() if name in written}
    known = {cell.grade_id: cell for cell in plan.cells}
    present = {name for _, _, name in notebook.cells if name}
    needed = [cell for cell in plan.cells if cell.kind in (LOCKED, GIVEN)]
    missing = [cell for cell in needed if cell.grade_id not in present]
    ordered: list[RunCell] = []
    position = {cell.grade_id: i for i, cell in enumerate(plan.cells)}
    done: set[str] = set()
    for index, (kind, source, name) in enumerate(notebook.cells):
        planned = known.get(name)
        own = [_own_cell(source, index)] if kind == "code" and source.strip() not in idle else []
        if planned is None:
            ordered += own
            continue
        due = [cell for cell in missing if position[cell.grade_id] < position[name]]
        ordered += [_planned_cell(cell, None) for cell in due]
        missing = [cell for cell in missing if cell not in due]
        if planned.kind in (LOCKED, GIVEN, SHOW) and planned.cell_type == "code":
            if name not in done:
                ordered.append(_planned_cell(planned, index))
            done.add(name)
        elif planned.kind != CHECK:
            ordered += own
    return [*ordered, *(_planned_cell(cell, None) for cell in missing)]


def _own_cell(source: str, index: int) -> RunCell:
    """Return a student's cell; %reset does nothing where everything runs afresh."""
    return RunCell(RESET.sub("", source), index)


def _planned_cell(cell: PlanCell, index: int | None) -> RunCell:
    return RunCell(cell.runs or cell.source, index, cell.kind == SHOW, cell.kind == GIVEN)


def untouched(notebook: Notebook, plan: Plan, names: Iterable[str]) -> set[str]:
    """Return which of the cells (nbgrader's names) still have the released text.

    A question that is answered in another cell is not among them.
    """
    sources = {name: source for _, source, name in notebook.cells if name}
    planned = {cell.grade_id: cell.source for cell in plan.cells}
    elsewhere = defined_in_code(notebook, plan)
    return {
        name
        for name in names
        if name in sources
        and sources[name].strip() == planned.get(name, "").strip()
        and name not in elsewhere
    }


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
