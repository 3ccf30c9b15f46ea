"""Fixtures of the grader's tests."""

import functools
from collections.abc import Iterator

import jaxtyping
import nbgrader.api
import pytest

from autograder.course_config import find_alembic
from autograder.course_folder import CourseFolder
from autograder.lesson import LESSONS, read_lesson
from autograder.plan import WRITTEN
from autograder.session import Session
from autograder.worker import Worker
from tests.autograder import exercise_rules as rules
from tests.shared_course import shared_course


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the rules of every assignment what they are tested on."""
    owner = metafunc.cls
    if owner is None or not issubclass(owner, rules.ExerciseRules):
        return
    topic, names = rules.topic_of(owner.assignment), set(metafunc.fixturenames)
    if {"name", "style"} <= names:
        metafunc.parametrize(("name", "style"), rules.right_answers(owner.assignment))
    if {"name", "mistake"} <= names:
        pairs = [(e.name, known.name) for e in topic.exercises for known in e.misconceptions]
        metafunc.parametrize(("name", "mistake"), pairs)
    if "exercise_name" in names:
        metafunc.parametrize("exercise_name", [exercise.name for exercise in topic.exercises])
    if "idle" in names:
        metafunc.parametrize("idle", rules.IDLE)
    if "natural" in names:
        metafunc.parametrize("natural", rules.natural_mistakes(owner.assignment))
    if "edge_mistake" in names:
        metafunc.parametrize("edge_mistake", owner.edge, ids=lambda e: f"{e[0]}-{e[1]}")
    if "core_mistake" in names:
        metafunc.parametrize("core_mistake", owner.core, ids=lambda e: f"{e[0]}-{e[1]}")
    if "question" in names:
        metafunc.parametrize("question", topic.questions, ids=lambda q: q.name)
    if "written" in names:
        lesson = read_lesson(LESSONS / f"{owner.assignment}.py")
        points = {cell.name: cell.points for cell in lesson.cells if cell.kind == WRITTEN}
        pairs = [(written, points[written.name]) for written in topic.written]
        metafunc.parametrize(("written", "points"), pairs, ids=[w.name for w, _ in pairs])


@pytest.fixture(scope="session", autouse=True)
def one_process_judges() -> Iterator[None]:
    """Let one process judge where a test does not ask for several: the tests fill the cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.grading.default_count", lambda: 1)
        yield


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One worker of the best tier for all tests of a process."""
    with Worker() as ready:
        yield ready


@pytest.fixture
def session(worker: Worker) -> Iterator[Session]:
    """A fresh process in the sandbox."""
    started = worker.session()
    yield started
    started.close()


@pytest.fixture(scope="session")
def whole_course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A course of all assignments, one hidden variant each; for reading only."""
    return shared_course(tmp_path_factory)


@pytest.fixture(scope="session")
def nms_course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A course of 03_nms alone, one hidden variant; for reading only."""
    return shared_course(tmp_path_factory, "03_nms")


@pytest.fixture(scope="session", autouse=True)
def shapes_checked_elsewhere() -> Iterator[None]:
    """Leave the check of the reference's shapes to its own tests: here it is a third of the time."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session", autouse=True)
def alembic_asked_once() -> Iterator[None]:
    """Ask alembic once for its version: nbgrader starts it, seconds long, for each gradebook."""
    find_alembic()
    asked = nbgrader.api.get_alembic_version
    nbgrader.api.get_alembic_version = functools.cache(asked)
    yield
    nbgrader.api.get_alembic_version = asked
