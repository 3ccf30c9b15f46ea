"""Fixtures of the grader's tests."""

import functools
from collections.abc import Iterator

import nbgrader.api
import pytest

from autograder.course_config import find_alembic
from autograder.session import Session
from autograder.worker import Worker


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


@pytest.fixture(scope="session", autouse=True)
def alembic_asked_once() -> Iterator[None]:
    """Ask alembic once for its version: nbgrader starts it, seconds long, for each gradebook."""
    find_alembic()
    asked = nbgrader.api.get_alembic_version
    nbgrader.api.get_alembic_version = functools.cache(asked)
    yield
    nbgrader.api.get_alembic_version = asked
