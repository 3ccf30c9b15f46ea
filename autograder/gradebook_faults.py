"""Why the books could not be opened or written, and what helps."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import nbgrader
from nbgrader.api import InvalidEntry
from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from autograder.errors import AutograderError

AGAIN = "then run this again"
# What a database or a file system says, what must be so, and the cure.
FAULTS = (
    (
        ("is full", "no space left", "quota exceeded"),
        "must have room to be written",
        f"make room on its disk, {AGAIN}",
    ),
    (
        ("is locked", "lock timeout", "deadlock"),
        "must be free to be written",
        f"see that no other program holds it (formgrader, a second `grade`), {AGAIN}",
    ),
    (
        ("readonly", "read-only", "permission denied", "not permitted", "unable to open"),
        "must be writable",
        f"give it and its folder to whoever runs the grader, {AGAIN}",
    ),
    (
        ("not a database", "malformed"),
        "must be a gradebook of nbgrader",
        "put your backup in its place, or remove it and run `autograder build` and `grade` again: "
        "verdicts are kept, but what people gave by hand is in the gradebook alone",
    ),
    (
        ("no such table", "no such column", "undefinedcolumn", "undefinedtable", "does not exist"),
        "must be as this nbgrader keeps it",
        "make a backup, run `nbgrader db upgrade` in the course's folder, " + AGAIN,
    ),
    (
        ("connection to server", "connection failed", "connection refused",
         "connection timeout", "is lost", "server closed", "terminating connection"),
        "must be reachable",
        "start the database's server, or mend c.CourseDirectory.db_url in nbgrader_local.py, "
        + AGAIN,
    ),
)  # fmt: skip


class GradebookError(AutograderError):
    """nbgrader's gradebook or autograded/ cannot be written."""


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what goes wrong with the gradebook at `url`, or with a file, into a GradebookError."""
    try:
        yield
    except (SQLAlchemyError, InvalidEntry, OSError) as error:
        raise GradebookError(_explanation(error, url)) from error
    except ModuleNotFoundError as error:  # of the database's driver
        raise GradebookError(
            f"{place_of(url)} must have a driver, got: {error}; for PostgreSQL "
            "run pip install 'detection-course-instructor[postgres]'"
        ) from error


def _explanation(error: Exception, url: str) -> str:
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    cause, place = said.splitlines()[0], place_of(url)
    if isinstance(error, OSError):
        cause, place = error.strerror or cause, str(error.filename or "autograded/")
    kind = f"{type(getattr(error, 'orig', error)).__name__} {said}".lower()
    for words, must, cure in FAULTS:
        if any(word in kind for word in words):
            return f"{place} {must}, got: {cause}; {cure}"
    return f"{place} must be free to be written, got: {cause}; mend what it names, {AGAIN}"


def place_of(url: str) -> str:
    """Return the path or, without its password, the address of a database."""
    try:
        known = make_url(url)
    except ArgumentError:
        return repr(url)
    return _file_of(known) or known.render_as_string(hide_password=True)


def _file_of(url: URL) -> str:
    return url.database or "" if url.get_backend_name() == "sqlite" else ""


def refuse_missing(url: str) -> None:
    """Refuse an SQLite file that is not there: nbgrader itself would make an empty one."""
    path = _file_of(make_url(url))
    if path and path != ":memory:" and not Path(path).exists():
        raise GradebookError(
            f"{path} must be the gradebook, got no such file; put your backup there, "
            "run `autograder build` on this course again, or mend c.CourseDirectory.db_url in "
            "nbgrader_local.py"
        )


def refuse_other_versions(url: str) -> None:
    """Refuse a gradebook of another nbgrader, before anything is written into it."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if inspect(connection).has_table("alembic_version"):
                query = text("SELECT version_num FROM alembic_version")
                version = connection.scalar(query)
                known_versions, newest = _versions()
                if version is not None and version != newest:
                    cure = "make a backup and run `nbgrader db upgrade` in the course's folder"
                    if version not in known_versions:
                        cure = "a newer nbgrader made it: install that one"
                    raise GradebookError(
                        f"{place_of(url)} must be as nbgrader {nbgrader.__version__} keeps it, "
                        f"version {newest}, got version {str(version)[:40]!r}; {cure}"
                    )
    finally:
        engine.dispose()


@cache
def _versions() -> tuple[set[str], str]:
    """Return the versions of a gradebook that nbgrader knows, and the newest."""
    folder = Path(nbgrader.__file__).parent / "alembic" / "versions"
    texts = [path.read_text() for path in folder.glob("*.py")]
    known, older = (
        {found for text in texts for found in re.findall(rf"^{name} = ['\"](\w+)", text, re.M)}
        for name in ("revision", "down_revision")
    )
    (newest,) = known - older
    return known, newest
