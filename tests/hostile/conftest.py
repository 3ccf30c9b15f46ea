"""One course for all attacks, small limits, and services on this machine that nobody may reach."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from autograder import running
from autograder import session as session_module
from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.exercises import find
from autograder.lesson import LESSONS
from autograder.sandbox import child as child_module
from autograder.variants import public_cases
from tests.autograder.conftest import alembic_asked_once, shapes_checked_elsewhere

__all__ = ["alembic_asked_once", "shapes_checked_elsewhere"]

ASSIGNMENT = "03_nms"
TOKEN = "planted-" + os.urandom(12).hex()  # in the grader's environment, memory and course


class Canaries:
    """Services on this machine; `heard` says who reached one."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[str] = []
        self._open = ExitStack()
        kinds = {
            "TCP": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "UDP": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "UNIX": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "service.sock")),
            "ABSTRACT": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0service-{os.urandom(8).hex()}"),
        }
        self.places: dict[str, str] = {}
        for name, (family, kind, address) in kinds.items():
            server = self._open.enter_context(socket.socket(family, kind))
            self._open.callback(_wake, server)
            server.bind(address)
            found = server.getsockname()
            text = str(found[1]) if family == socket.AF_INET else str(address).strip("\0")
            self.places[name] = text
            threading.Thread(target=self._serve, args=(name, server), daemon=True).start()

    def _serve(self, name: str, server: socket.socket) -> None:
        stream = server.type == socket.SOCK_STREAM
        if stream:
            server.listen()
        while True:
            try:
                if stream:
                    server.accept()[0].close()
                else:
                    _, sender = server.recvfrom(100)
                    if sender is None:  # shut down
                        return
                    server.sendto(b"heard", sender)
            except OSError:
                return
            self.heard.append(name)

    def close(self) -> None:
        self._open.close()


def _wake(server: socket.socket) -> None:
    """End the wait of the thread that serves: until then its socket stays open."""
    with suppress(OSError):  # a socket without connections says so, and wakes
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    """Services of a file's own: the controls reach theirs, nobody else may."""
    services = Canaries(tmp_path_factory.mktemp("service"))
    services.places["TABLE"] = table_of_public_cases()
    yield services
    services.close()


def table_of_public_cases() -> str:
    """Return the public cases of `box_area` as a dict in Python's words."""
    cases = public_cases(find("box_area")[1])
    entries = [
        f"{tuple(case.arguments[0].flatten().tolist())!r}: torch.tensor({outcome.value.tolist()!r}, "
        f"dtype={outcome.value.dtype})"
        for case, outcome in zip(cases.cases, cases.expected, strict=True)
    ]
    return "{" + ", ".join(entries) + "}"


def set_small_limits() -> None:
    """Set limits at which a bomb is over soon."""
    session_module.CELL = session_module.Limits(cpu=3, wall=6)
    session_module.CALL = session_module.Limits(cpu=1, wall=4)
    running.SUBMISSION_SECONDS = 20.0
    child_module.MAX_MEMORY = 700 << 20


@pytest.fixture(scope="module")
def small_limits() -> Iterator[None]:
    """Small limits, for as long as the tests of a process run."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (session_module, "CELL"),
            (session_module, "CALL"),
            (running, "SUBMISSION_SECONDS"),
            (child_module, "MAX_MEMORY"),
        ):
            patch.setattr(module, name, getattr(module, name))
        patch.setenv("PLANTED", TOKEN)
        set_small_limits()
        yield


def short_lesson(folder: Path) -> Path:
    """Write the lesson without what only explains and draws: it is run for each attack anew."""
    cells = (LESSONS / f"{ASSIGNMENT}.py").read_text().split("\n# %%")
    kept = [c for c in cells if re.match(r" (solution|check|question|\[markdown\] written)=?", c)]
    imports = next(cell for cell in cells if "\nimport torch" in cell)
    folder.mkdir()
    (folder / f"{ASSIGNMENT}.py").write_text("\n# %%".join([cells[0], imports, *kept]))
    return folder


@pytest.fixture(scope="session")
def hostile_course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A course of 03_nms with the token in it, to which nobody has handed in anything."""
    folder = tmp_path_factory.mktemp("hostile")
    course = build(folder / "course", 1, [ASSIGNMENT], lessons=short_lesson(folder / "lessons"))
    (course.root / "private" / "planted.txt").write_text(TOKEN)
    (course.root / "source" / "planted.txt").write_text(TOKEN)
    return course
