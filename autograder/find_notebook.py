"""The notebook of a submission's folder, also where it was not saved under its own name.

Browsers, learning platforms and Jupyter's own Duplicate give other names; unpacking gives a folder
within the folder. Where exactly one notebook holds cells of the assignment, it is the one. Where
that is not certain, nothing is judged, and the reason lists what lies there.
"""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.mending import mend, of_another
from autograder.plan import Plan
from autograder.submission import Unreadable, defined_in_code, parse, read_file

MAX_LISTED = 8  # files that a reason names
MAX_ENTRIES = 500  # of a folder that are looked at
MAX_CANDIDATES = 10
ENDING = ".ipynb"


@dataclass(frozen=True)
class Found:
    """A notebook's bytes, what is to be said about where it was, and the modules beside it."""

    data: bytes
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def find_notebook(folder: Path, plan: Plan) -> Found:
    """Return the notebook that a student handed in, or raise Unreadable with what is there."""
    right = f"{plan.assignment}{ENDING}"
    beside = tuple(sorted(p.stem for p in _files(folder) if p.suffix == ".py"))
    others = [path for path in _notebooks(folder) if path != folder / right]
    if os.path.lexists(folder / right):
        return _with_right_name(folder / right, others, plan, beside)
    fitting = {path: data for path in others if (data := _fitting(path, plan)) is not None}
    if len(set(fitting.values())) == 1:
        path, data = next(iter(fitting.items()))
        where = str(path.relative_to(folder))
        return Found(data, (f"Handed in as {where!r}; it belongs in {right}.",), beside)
    if fitting:
        raise Unreadable(
            f"{right} is missing, and several notebooks could be it: {_listed(folder, fitting)}; "
            f"hand in one, named {right}"
        )
    present = _listed(folder, _present(folder))
    there = f"; in its folder: {present}" if present else "; its folder is empty"
    raise Unreadable(f"{right} is missing{there}: hand in the notebook under this name")


def _with_right_name(path: Path, others: list[Path], plan: Plan, beside: tuple[str, ...]) -> Found:
    """Return the notebook of the right name, or the one copy that holds answers where it has none.

    Whoever works in a copy and hands in both has answered.
    """
    data = read_file(path)
    if not others:
        return Found(data, (), beside)
    names = _listed(path.parent, others)
    try:
        empty = not _is_answered(data, plan)
    except Unreadable as error:
        raise Unreadable(f"{error} (beside it: {names})") from None
    if empty:
        answered = {p: held for p in others if (held := _fitting(p, plan, answered=True))}
        if len(set(answered.values())) == 1:
            other, held = next(iter(answered.items()))
            where = str(other.relative_to(path.parent))
            note = f"{path.name} holds no answer; judged was {where!r}, which lies beside it."
            return Found(held, (note,), beside)
        if answered:
            raise Unreadable(
                f"{path.name} holds no answer, and several notebooks beside it do: "
                f"{_listed(path.parent, answered)}; hand in one, named {path.name}"
            )
    return Found(data, (f"Not read, beside {path.name}: {names}.",), beside)


def _is_answered(data: bytes, plan: Plan) -> bool:
    return bool(defined_in_code(mend(parse(data), plan)[0], plan))


def _fitting(path: Path, plan: Plan, *, answered: bool = False) -> bytes | None:
    """Return the bytes of a notebook that holds cells of the assignment, else None."""
    try:
        data = read_file(path)
        notebook, _ = mend(parse(data), plan)
    except Unreadable:
        return None
    fits = not of_another(notebook, plan) and (not answered or _is_answered(data, plan))
    return data if fits else None


def _notebooks(folder: Path) -> list[Path]:
    """Return the notebooks in a folder; where there is none, those in the folders in it."""
    own = [path for path in _files(folder) if path.name.lower().endswith(ENDING)]
    if own:
        return own[:MAX_CANDIDATES]
    inner = [path for path in _entries(folder) if not path.name.startswith(".")]
    found = [f for path in inner if _is(path, stat.S_ISDIR) for f in _files(path)]
    return [path for path in found if path.name.lower().endswith(ENDING)][:MAX_CANDIDATES]


def _present(folder: Path) -> list[Path]:
    """Return what lies in a submission, one folder deep, but for nbgrader's own files."""
    top = [path for path in _entries(folder) if path.name != "timestamp.txt"]
    deep = [[path] if not _is(path, stat.S_ISDIR) else _entries(path) or [path] for path in top]
    return [path for paths in deep for path in paths]


def _files(folder: Path) -> list[Path]:
    shown = [path for path in _entries(folder) if not path.name.startswith(".")]
    return [path for path in shown if _is(path, stat.S_ISREG)]


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False)]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    """Return whether a path is of a kind by itself: no link is followed."""
    try:
        return kind(path.lstat().st_mode)
    except OSError:
        return False


def _listed(folder: Path, paths: Iterable[Path]) -> str:
    names = [repr(str(path.relative_to(folder))[:80]) for path in paths]
    more = [f"{len(names) - MAX_LISTED} more"] if len(names) > MAX_LISTED else []
    return ", ".join([*names[:MAX_LISTED], *more])
