"""Whatever the JSON of a notebook becomes: a reason, or cells to run and a valid executed notebook."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.nbgraderformat import MetadataValidator

from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.student import hand_in
from autograder.executed_notebook import executed_notebook
from autograder.mending import mend, of_another
from autograder.plan import GIVEN, LOCKED, Plan
from autograder.record import SubmissionRecord
from autograder.submission import MAX_CELLS, Unreadable, cells_to_run, parse
from tests.autograder.odd_submissions import ASSIGNMENT, FILE, Json, code, stripped

JUNK = (
    None, True, 0, -1, 4, 7.5, float("inf"), 10**30, "", "\ud800", "\0", "nms", "code", "check_nms",
    "def nms(:", "\r\n", [], {}, [[[]]], ["def ", None], {"a": 1}, {"nbgrader": []},
)  # fmt: skip
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def plan(nms_course: CourseFolder) -> Plan:
    return nms_course.plan(ASSIGNMENT)


@pytest.fixture(scope="module")
def right(nms_course: CourseFolder) -> Json:
    """The right notebook up to `nms`: enough to have a cell of every kind."""
    released = (nms_course.root / "release" / ASSIGNMENT / FILE).read_bytes()
    content: Json = json.loads(hand_in(STUDENTS[0], released) or b"")
    names = [c["metadata"]["nbgrader"]["grade_id"] for c in content["cells"]]
    return {**content, "cells": content["cells"][: names.index("check_nms") + 1]}


def containers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value, as its container and the key or index in it."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from containers(value[key])


def mutate(content: Json, draw: Any) -> None:
    """Drop, double, replace or retype one node."""
    places = list(containers(content))
    container, key = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.sampled_from(["drop", "double", "junk", "text", "list"])):
        case "drop":
            del container[key]
        case "double" if isinstance(container, list):
            container.insert(key, deepcopy(container[key]))
        case "double":
            container[f"{key} again"] = deepcopy(container[key])
        case "junk":
            container[key] = deepcopy(draw(st.sampled_from(JUNK)))
        case "text":
            container[key] = json.dumps(container[key])
        case "list":
            container[key] = [container[key]]


def read(data: bytes, plan: Plan) -> bool:
    """Go all the way from bytes to an executed notebook; return whether it could be read."""
    readable, reason = False, ""
    try:
        notebook, notes = mend(parse(data), plan)
    except Unreadable as error:
        reason = str(error)
    else:
        reason = of_another(notebook, plan)
        readable = not reason
        assert all(note.endswith(".") for note in notes)
        ran = [cell.source for cell in cells_to_run(notebook, plan)]
        needed = [c.runs or c.source for c in plan.cells if c.kind in (LOCKED, GIVEN)]
        assert all(source in ran for source in needed)
    assert readable == (not reason)
    record = SubmissionRecord("ada", ASSIGNMENT, exercises=())
    result = executed_notebook(plan, data, record, {})
    nbformat.validate(result)
    MetadataValidator().validate_nb(result)
    nbformat.writes(result)
    return readable


@FUZZ
@given(st.data(), st.integers(1, 6))
def test_a_notebook_with_broken_nodes_is_read_or_refused(
    right: Json, plan: Plan, data: st.DataObject, count: int
) -> None:
    content = deepcopy(right)
    for _ in range(count):
        if content:
            mutate(content, data.draw)
    read(json.dumps(content).encode(), plan)


@FUZZ
@given(st.integers(0), st.integers(0, 5), st.binary(max_size=5))
def test_a_notebook_with_broken_bytes_is_read_or_refused(
    right: Json, plan: Plan, where: int, lost: int, new: bytes
) -> None:
    data = json.dumps(right).encode()
    where %= len(data)
    read(data[:where] + new + data[where + lost :], plan)


@pytest.mark.parametrize("count", [MAX_CELLS, MAX_CELLS + 1])
def test_as_many_cells_as_allowed_are_run_and_one_more_is_refused(
    right: Json, plan: Plan, count: int
) -> None:
    content = deepcopy(right)
    content["cells"] += [code(f"x = {i}") for i in range(count - len(content["cells"]))]
    data = json.dumps(content).encode()
    assert read(data, plan) == (count == MAX_CELLS)


def test_names_that_were_lost_are_all_found_again(right: Json, plan: Plan) -> None:
    whole = parse(json.dumps(right).encode())
    content = deepcopy(right)
    stripped(content)
    mended, notes = mend(parse(json.dumps(content).encode()), plan)
    assert mended.cells == whole.cells
    assert len(notes) == 1
    assert mend(whole, plan) == (whole, ())


def test_a_cell_of_the_students_own_is_never_taken_for_a_locked_one(
    right: Json, plan: Plan
) -> None:
    """Where a locked cell was deleted, what stands at its place is the student's and is run."""
    content = deepcopy(right)
    place = next(
        i for i, c in enumerate(content["cells"])
        if c["cell_type"] == "code" and c["metadata"]["nbgrader"]["locked"]
    )  # fmt: skip
    content["cells"][place] = code("mine = 1")
    mended, _ = mend(parse(json.dumps(content).encode()), plan)
    assert mended.cells[place] == ("code", "mine = 1", "")
    assert "mine = 1" in [cell.source for cell in cells_to_run(mended, plan)]
