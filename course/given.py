"""`given("box_iou")`: functions of earlier notebooks, so that nobody is blocked by one of them.

A student's own function is preferred, where `check` saved it beside its notebook and it passes its
public cases here and now; else there is the course's. While grading, the grader brings its own.
"""

import contextlib
import io
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from course import pieces
from course.cases import CaseSet, assess
from course.outcome import LocalSubject, observe

CASES, COURSES = Path("cases"), Path("given")
SECONDS = 6.0  # that a student's own function may take for all its public cases


class GivenMissing(RuntimeError):
    """What belongs beside the notebook is not there."""

    def _render_traceback_(self) -> list[str]:
        """IPython shows this line instead of a traceback."""
        return [str(self)]


class _PutAside(Exception):
    """A student's own function is not used; the text says why."""


def given(*names: str) -> Any:
    """Return functions of earlier notebooks, one or a tuple: your own ones, or the course's."""
    found = [_find(name) for name in names]
    return found[0] if len(found) == 1 else tuple(found)


def _find(name: str) -> Any:
    """Return one function, and say in a line whose it is."""
    path = COURSES / f"{name}.py"
    try:
        text = path.read_text(encoding="utf-8")
        case_set = CaseSet.from_bytes((CASES / f"{name}.cases").read_bytes()).quick()
    except (OSError, ValueError):
        raise GivenMissing(
            f"{name} cannot be given: {path} or its public cases are not beside the notebook. "
            "Open the notebook in the folder that you were given, or unpack that folder again."
        ) from None
    put_aside = ""
    for own in _own_files(name):
        folder = own.parent.parent.name
        try:
            function = _passing(own, name, case_set)
        except _PutAside as reason:
            put_aside = put_aside or f" (yours, from {folder}, {reason})"
            continue
        print(f"{name}: your own, from {folder}")
        return _remember(function, name, own.read_text(encoding="utf-8"))
    print(f"{name}: the course's{put_aside}")
    return _remember(_load(path, text, name), name, text)


def _own_files(name: str) -> list[Path]:
    """Return the student's own pieces in this folder and those beside it, the newest first."""
    found = [path for path in Path.cwd().parent.glob(f"*/{pieces.OWN}/{name}.py") if path.is_file()]
    return sorted(found, key=lambda path: (-path.stat().st_mtime, str(path)))


def _passing(path: Path, name: str, case_set: CaseSet) -> Any:
    """Return the function of a piece that passes all public cases, or raise _PutAside."""
    silence = io.StringIO()
    deadline = time.monotonic() + SECONDS
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        try:
            function = _load(path, path.read_text(encoding="utf-8"), name)
            subject, outcomes = LocalSubject(function), []
            for case in case_set.cases:
                outcomes.append(observe(subject, case))
                if time.monotonic() > deadline:
                    raise _PutAside("took too long")
        except KeyboardInterrupt:  # an endless loop, ended by the student's hand
            raise _PutAside("was interrupted") from None
        except (Exception, SystemExit) as error:
            if isinstance(error, _PutAside):
                raise
            raise _PutAside(f"could not be read: {type(error).__name__}") from error
    failure = assess(case_set, outcomes).first_failure
    if failure is not None:
        raise _PutAside(f'fails a public case of "{failure.group.name}"')
    return function


def _load(path: Path, text: str, name: str) -> Any:
    """Return the function that a module defines; its names are out of the notebook's way."""
    module = ModuleType(name)
    exec(compile(text, str(path.resolve()), "exec"), vars(module))
    return getattr(module, name)


def _remember(function: Any, name: str, text: str) -> Any:
    """Keep where a function came from: a later answer that uses it is saved with it."""
    pieces.GIVEN[name] = pieces.GivenFunction(function, text)
    return function
