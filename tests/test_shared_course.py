"""One build serves all processes of a test run, and one that failed serves nobody."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.course_folder import CourseFolder
from tests import shared_course as module
from tests.shared_course import shared_course


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were built, each by a build that makes next to nothing."""
    folders: list[Path] = []

    def build(folder: Path, variants: int, assignments: list[str] | None) -> None:
        folders.append(folder)
        time.sleep(0.2)  # so that another one comes meanwhile
        (folder / "private").mkdir(parents=True)
        (folder / "private" / "current.json").write_text("{}")

    monkeypatch.setattr(module, "build", build)
    return folders


def factory(folder: Path) -> pytest.TempPathFactory:
    folder.mkdir(exist_ok=True)
    return SimpleNamespace(getbasetemp=lambda: folder)  # type: ignore[return-value]


def test_two_workers_at_once_build_one_course(
    built: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    found: list[CourseFolder] = []
    workers = [
        threading.Thread(target=lambda n=n: found.append(shared_course(factory(tmp_path / n))))
        for n in ("gw0", "gw1")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert built == [tmp_path / "course-whole"]
    assert [course.root for course in found] == 2 * built


def test_one_process_alone_keeps_its_course_to_itself(
    built: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    shared_course(factory(tmp_path / "a"), "03_nms")
    assert built == [tmp_path / "a" / "course-03_nms"]


def test_a_build_that_failed_is_built_again(
    built: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    right = module.build

    def fail(folder: Path, *rest: object) -> None:
        right(folder, *rest)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(module, "build", fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        shared_course(factory(tmp_path / "a"))
    monkeypatch.setattr(module, "build", right)
    shared_course(factory(tmp_path / "a"))
    assert len(built) == 2
