"""A submission as it was handed in: read without trust, and put in the order in which it is run."""

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.plan import CHECK, GIVEN, LOCKED, SHOW, Plan, PlanCell
from course.values import count_parts

MAX_NOTEBOOK = 50 << 20
MAX_CELLS = 5_000
MAX_PARTS = 3_000_000  # of the file's JSON; each can take 70 bytes when it is read
MAX_CODE = 1_000_000  # characters of all code cells; its syntax tree takes 700 times as much
MAX_SOURCE = 1_000_000  # characters of one cell


class Unreadable(Exception):
    """Nothing can be judged in this submission; the text says why, for student and instructor."""


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

    `attachments` holds, for each cell, what the file says is attached to it: unchecked.
    """

    cells: tuple[tuple[str, str, str], ...]
    release: str
    attachments: tuple[Any, ...] = ()

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
    cells, attachments = [], []
    for cell in content["cells"][:MAX_CELLS]:
        kind, source = cell.get("cell_type"), cell.get("source", "")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if kind not in ("code", "markdown", "raw") or not isinstance(source, str):
            continue
        metadata = _dict(_dict(cell.get("metadata")).get("nbgrader"))
        name = metadata.get("grade_id")
        cells.append((kind, source[:MAX_SOURCE], name if isinstance(name, str) else ""))
        attachments.append(cell.get("attachments"))
    code = sum(len(source) for kind, source, _ in cells if kind == "code")
    if code > MAX_CODE:
        raise Unreadable(
            f"the notebook's code must be below {MAX_CODE:,} characters, got {code:,}: "
            "take out what was pasted into it"
        )
    release = _dict(_dict(content.get("metadata")).get("course")).get("release")
    release = release if isinstance(release, str) else ""
    return Notebook(tuple(cells), release, tuple(attachments))


def notebook_json(data: bytes) -> dict[str, Any]:
    """Return the notebook as version 4 JSON with a list of cells, or raise Unreadable."""
    if count_parts(data) > MAX_PARTS:
        raise Unreadable(f"the notebook must have at most {MAX_PARTS:,} parts: clear its outputs")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("the notebook is not written in UTF-8; save it again in Jupyter") from None
    except (ValueError, RecursionError):
        raise Unreadable(
            "the notebook is not valid JSON: the file is damaged or cut off; hand it in again"
        ) from None
    version = _dict(content).get("nbformat")
    if isinstance(version, int) and 1 <= version < 4:
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        except Exception:  # its converters raise whatever an odd file provokes
            version = None
    if version not in (1, 2, 3, 4):
        raise Unreadable(f"the notebook's format must be version 4, got {str(version)[:20]!r}")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("the notebook has no list of cells; save it again in Jupyter")
    content["cells"] = [cell for cell in cells if isinstance(cell, dict)]
    return dict(content)


def cells_to_run(notebook: Notebook, plan: Plan) -> list[RunCell]:
    """Return the cells to run in order.

    Cells that are locked run as released, whatever the submission says in their place, and the
    missing ones of them run where they belonged; given functions come from the plan; checks never
    run.
    """
    known = {cell.grade_id: cell for cell in plan.cells}
    present = {name for _, _, name in notebook.cells if name}
    needed = [cell for cell in plan.cells if cell.kind in (LOCKED, GIVEN)]
    missing = [cell for cell in needed if cell.grade_id not in present]
    ordered: list[RunCell] = []
    position = {cell.grade_id: i for i, cell in enumerate(plan.cells)}
    done: set[str] = set()
    for index, (kind, source, name) in enumerate(notebook.cells):
        planned = known.get(name)
        if planned is None:
            if kind == "code":
                ordered.append(RunCell(source, index))
            continue
        due = [cell for cell in missing if position[cell.grade_id] < position[name]]
        ordered += [_planned_cell(cell, None) for cell in due]
        missing = [cell for cell in missing if cell not in due]
        if planned.kind in (LOCKED, GIVEN, SHOW) and planned.cell_type == "code":
            if name not in done:
                ordered.append(_planned_cell(planned, index))
            done.add(name)
        elif planned.kind != CHECK and kind == "code":
            ordered.append(RunCell(source, index))
    return [*ordered, *(_planned_cell(cell, None) for cell in missing)]


def _planned_cell(cell: PlanCell, index: int | None) -> RunCell:
    return RunCell(cell.runs or cell.source, index, cell.kind == SHOW, cell.kind == GIVEN)


def untouched(notebook: Notebook, plan: Plan, names: Iterable[str]) -> set[str]:
    """Return which of the cells (nbgrader's names) still have the released text."""
    sources = {name: source for _, source, name in notebook.cells if name}
    planned = {cell.grade_id: cell.source for cell in plan.cells}
    return {
        name
        for name in names
        if name in sources and sources[name].strip() == planned.get(name, "").strip()
    }


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
