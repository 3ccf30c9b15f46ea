"""The notebook in autograded/ has the student's cells, our metadata, and nothing that acts."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum, determine_grade

from autograder.course_folder import CourseFolder
from autograder.executed_notebook import (
    NOTHING_TO_MARK,
    UNREADABLE,
    executed_notebook,
    notebook_content,
    notebook_text,
)
from autograder.plan import Plan
from autograder.record import COULD_NOT_RUN, CaseVerdict, CellRun, ExerciseVerdict
from tests.autograder.submissions import (
    SENTENCE,
    answered,
    cell_of,
    notebook_bytes,
    plan_of,
    released,
    tiny_course,
    verdicts,
)

GUIDE = "One point for scale; one for saying that a union is larger."
GUIDES = {"why_union": GUIDE}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
UNREADABLE_BYTES = (
    None,
    b"",
    b"{",
    b"[]",
    b'{"nbformat": 5, "cells": []}',
    b'{"nbformat": 4}',
    b"[" * 100_000,
    b"\xff\xfe",
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("books"))


@pytest.fixture(scope="module")
def plan(course: CourseFolder) -> Plan:
    return plan_of(course)


def executed(
    course: CourseFolder, change: Callable[[NotebookNode], None] = lambda notebook: None
) -> NotebookNode:
    """Return the executed notebook of the usual answers after a change."""
    submitted = answered(course)
    change(submitted)
    result = executed_notebook(plan_of(course), notebook_bytes(submitted), verdicts(), GUIDES)
    nbformat.validate(result)
    MetadataValidator().validate_nb(result)
    return result


def names(notebook: NotebookNode) -> list[str]:
    """Return nbgrader's names of the cells, "" for the others."""
    return [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells]


def test_the_students_answers_stand_among_the_released_cells(
    course: CourseFolder, plan: Plan
) -> None:
    notebook = executed(course)
    expected = [cell.grade_id for cell in plan.cells]
    expected.insert(expected.index("why_union") + 1, "")  # the marking guide
    assert names(notebook) == expected
    assert "sides" in cell_of(notebook, "box_area").source
    assert cell_of(notebook, "why_union").source.startswith("A union")


def test_metadata_is_that_of_the_release(course: CourseFolder, plan: Plan) -> None:
    notebook = executed(course)
    for source in released(course).cells:
        name = source.metadata.nbgrader.grade_id
        assert cell_of(notebook, name).metadata.nbgrader == source.metadata.nbgrader


def test_equal_submissions_give_equal_notebooks(course: CourseFolder) -> None:
    assert executed(course) == executed(course)


@pytest.mark.parametrize("data", [*UNREADABLE_BYTES, "answered", "attached"])
def test_the_text_is_that_which_nbformat_writes(
    course: CourseFolder, plan: Plan, data: bytes | str | None
) -> None:
    if isinstance(data, str):
        submitted = answered(course)
        if data == "attached":
            cell = cell_of(submitted, "why_union")
            cell.source, cell.attachments = "![a](attachment:a.png)", {"a.png": {"image/png": PNG}}
        data = notebook_bytes(submitted)
    shown = (("stdout", "one\ntwo\x0cthree"), ("image/png", PNG), ("error", "Bang"), ("stderr", ""))
    shown += (("text/plain", "tensor(1.)\n\u2028é"),)
    record = verdicts(runs=(CellRun(2, shown),), notes=("a note",))
    content = notebook_content(plan, data, record, GUIDES)
    assert notebook_text(content) == nbformat.writes(from_dict(content)) + "\n"


def test_an_edited_check_cell_is_as_released(course: CourseFolder) -> None:
    def edit(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, "check_box_iou")
        cell.source, cell.metadata.nbgrader.points = "2.5", 1000
        cell.metadata.nbgrader.grade, cell.metadata.nbgrader.solution = False, True

    cell = cell_of(executed(course, edit), "check_box_iou")
    assert (cell.source, cell.metadata.nbgrader.points) == ("check(box_iou)", 2.5)
    assert cell.metadata.nbgrader.checksum == compute_checksum(cell)


def test_a_locked_cell_is_as_released_also_with_another_type(
    course: CourseFolder, plan: Plan
) -> None:
    def edit(notebook: NotebookNode) -> None:
        notebook.cells[1].cell_type = "markdown"
        notebook.cells[1].source = "gone"

    assert executed(course, edit).cells[1].source == plan.cells[1].source
    assert executed(course, edit).cells[1].cell_type == "code"


@pytest.mark.parametrize(
    "name", ["cell_001", "box_area", "check_box_area", "check_largest", "largest", "why_union"]
)
def test_a_deleted_cell_is_back_at_its_place(course: CourseFolder, plan: Plan, name: str) -> None:
    def delete(notebook: NotebookNode) -> None:
        notebook.cells.remove(cell_of(notebook, name))

    notebook = executed(course, delete)
    assert [found for found in names(notebook) if found] == [cell.grade_id for cell in plan.cells]
    planned = plan.cell(name)
    assert planned is not None
    assert cell_of(notebook, name).source == planned.source


def test_all_cells_of_an_emptied_notebook_are_back_in_order(
    course: CourseFolder, plan: Plan
) -> None:
    def empty(notebook: NotebookNode) -> None:
        notebook.cells = []

    restored = [cell.grade_id for cell in plan.cells if cell.kind not in ("markdown", "show")]
    assert [name for name in names(executed(course, empty)) if name] == restored


def test_of_two_copies_the_last_answer_and_the_first_check_count(course: CourseFolder) -> None:
    def copy(notebook: NotebookNode) -> None:
        answer, check = (
            json.loads(json.dumps(cell_of(notebook, name)))
            for name in ("box_area", "check_box_area")
        )
        answer["source"], check["source"] = "def box_area(boxes): ...", "'copied'"
        notebook.cells += nbformat.from_dict([answer, check])

    notebook = executed(course, copy)
    assert cell_of(notebook, "box_area").source == "def box_area(boxes): ..."
    assert cell_of(notebook, "check_box_area").source == "check(box_area)"
    assert notebook.cells[-1].source == "'copied'"
    assert "nbgrader" not in notebook.cells[-1].metadata
    assert notebook.cells[-1].outputs == []


def test_names_that_the_plan_does_not_know_are_removed(course: CourseFolder) -> None:
    def forge(notebook: NotebookNode) -> None:
        cell = json.loads(json.dumps(cell_of(notebook, "check_box_area")))
        cell["metadata"]["nbgrader"]["grade_id"] = "check_bonus"
        cell["metadata"]["tags"] = ['"><script>hit()</script>']
        cell["metadata"]["course"] = {"guide": True}
        notebook.cells += nbformat.from_dict([cell])
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}

    notebook = executed(course, forge)
    assert notebook.cells[-1].metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_outputs_are_those_of_the_sandbox(course: CourseFolder, plan: Plan) -> None:
    shown = (
        ("stdout", "\x1b[31mred\x1b[0m \ud800"),
        ("stderr", "a warning"),
        ("text/plain", "tensor(1.)"),
        ("image/png", PNG),
        ("image/png", "<script>"),
        ("text/html", "<script>"),
        ("error", "Traceback\nValueError: not today"),
    )
    submitted = answered(course)
    for cell in submitted.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="stored by the student")]
    record = verdicts(runs=(CellRun(2, shown),))
    notebook = executed_notebook(plan, notebook_bytes(submitted), record, GUIDES)
    nbformat.validate(notebook)
    outputs = notebook.cells[2].outputs
    assert [o.get("text") or o.get("data") or o.ename for o in outputs] == [
        "red ?",
        "a warning",
        {"text/plain": "tensor(1.)"},
        {"image/png": PNG},
        "ValueError",
    ]
    assert "stored by the student" not in json.dumps(notebook)


def test_too_much_output_is_left_out(course: CourseFolder, plan: Plan) -> None:
    flood = tuple(CellRun(index, (("stdout", "a" * 900_000),) * 60) for index in range(2, 6))
    record = verdicts(runs=flood)
    notebook = executed_notebook(plan, notebook_bytes(answered(course)), record, GUIDES)
    assert len(json.dumps(notebook)) < 2_000_000


def test_too_long_a_notebook_is_cut(course: CourseFolder, plan: Plan) -> None:
    submitted = answered(course)
    submitted.cells += [nbformat.v4.new_code_cell("# " + "a" * 900_000) for _ in range(5)]
    submitted.cells += [nbformat.v4.new_markdown_cell("a" * 900_000) for _ in range(5)]
    notebook = executed_notebook(plan, notebook_bytes(submitted), verdicts(), GUIDES)
    assert len(json.dumps(notebook)) < 1_000_000


@pytest.mark.parametrize(
    ("score", "points", "said"),
    [
        (0.6, 1.5, "<strong>passed in part</strong>: 1.5 of 2.5 points"),
        (0.0, 0.0, "<strong>failed</strong>: 0 of 2.5 points"),
        (-1.0, 0.0, "<strong>failed</strong>: 0 of 2.5 points"),
        (7.0, 2.5, "2.5 of 2.5 points"),
        (0.9273, 2.31825, "2.32 of 2.5 points"),
    ],
)
def test_a_check_cell_has_the_verdict_and_the_points_as_a_number(
    course: CourseFolder, plan: Plan, score: float, points: float, said: str
) -> None:
    exercises = list(verdicts().exercises)
    exercises[1] = replace(exercises[1], score=score)
    record = verdicts(exercises=tuple(exercises))
    notebook = executed_notebook(plan, notebook_bytes(answered(course)), record, GUIDES)
    cell = cell_of(notebook, "check_box_iou")
    shown, number = cell.outputs
    assert SENTENCE in shown.data["text/html"]
    assert said in shown.data["text/html"]
    assert SENTENCE in shown.data["text/plain"]
    assert "It raised ValueError" in shown.data["text/html"]
    assert (shown.output_type, number.output_type) == ("display_data", "execute_result")
    assert determine_grade(cell) == (points, 2.5)


def test_a_check_that_could_not_run_shows_no_number(course: CourseFolder, plan: Plan) -> None:
    exercises = (ExerciseVerdict("box_area", COULD_NOT_RUN, None, "the worker ended"),)
    record = verdicts(exercises=exercises)
    notebook = executed_notebook(plan, notebook_bytes(answered(course)), record, GUIDES)
    (shown,) = cell_of(notebook, "check_box_area").outputs
    assert "the worker ended" in shown.data["text/html"]
    (shown,) = cell_of(notebook, "check_box_iou").outputs
    said = "<strong>could not run</strong>: no score yet, a person must look"
    assert said in shown.data["text/html"]


def test_cases_that_fail_alike_are_told_once(course: CourseFolder, plan: Plan) -> None:
    crash = "It raised IndexError (line 2 of box_area)"
    cases = (
        CaseVerdict("boxes", "failed", crash),
        CaseVerdict("one box", "passed"),
        CaseVerdict("no boxes", "failed", crash),
        CaseVerdict("types", "passed"),
    )
    exercise = ExerciseVerdict("box_area", "failed", 0.0, "Not so.", cases=cases)
    record = verdicts(exercises=(exercise,))
    notebook = executed_notebook(plan, notebook_bytes(answered(course)), record, GUIDES)
    html = cell_of(notebook, "check_box_area").outputs[0].data["text/html"]
    assert html.count(crash) == 1
    assert html.count("the same as in &quot;boxes&quot;") == 1


def test_names_in_backticks_are_shown_as_code(course: CourseFolder, plan: Plan) -> None:
    exercise = ExerciseVerdict("box_area", "failed", 0.0, "`box_area` is not defined.")
    notebook = executed_notebook(
        plan, notebook_bytes(answered(course)), verdicts(exercises=(exercise,)), GUIDES
    )
    html = cell_of(notebook, "check_box_area").outputs[0].data["text/html"]
    assert "<p><code>box_area</code> is not defined.</p>" in html


def test_a_verdict_is_escaped(course: CourseFolder, plan: Plan) -> None:
    case = CaseVerdict("<b>", "failed", "It raised <script>hit()</script>")
    exercise = ExerciseVerdict("box_area", "failed", 0.0, "<script>hit()</script>", cases=(case,))
    record = verdicts(exercises=(exercise,), notes=("<script>hit()</script>",))
    notebook = executed_notebook(plan, notebook_bytes(answered(course)), record, GUIDES)
    assert "<script>" not in notebook.cells[0].source
    html = cell_of(notebook, "check_box_area").outputs[0].data["text/html"]
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 2


def test_what_students_write_in_markdown_does_not_act(course: CourseFolder) -> None:
    def write(notebook: NotebookNode) -> None:
        cell_of(notebook, "why_union").source = "<script>hit()</script>"
        notebook.cells.insert(1, nbformat.v4.new_raw_cell("<script>hit()</script>"))
        own = nbformat.v4.new_markdown_cell("![a](attachment:a.svg)")
        own.attachments = {"a.svg": {"image/svg+xml": "<svg onload=hit()>"}}
        notebook.cells.insert(2, own)

    notebook = executed(course, write)
    assert "<script>" not in json.dumps(notebook)
    assert "<svg" not in json.dumps(notebook)
    assert {cell.cell_type for cell in notebook.cells} == {"code", "markdown"}


def test_the_marking_guide_follows_its_answer(course: CourseFolder) -> None:
    notebook = executed(course)
    guide = notebook.cells[names(notebook).index("why_union") + 1]
    assert GUIDE in guide.source
    assert guide.metadata.course.guide


@pytest.mark.parametrize("data", UNREADABLE_BYTES)
def test_an_unreadable_submission_has_a_placeholder_with_the_reason(
    plan: Plan, data: bytes | None
) -> None:
    record = verdicts(exercises=(), runs=(), reason="the file is damaged")
    notebook = executed_notebook(plan, data, record, GUIDES)
    nbformat.validate(notebook)
    assert "the file is damaged" in notebook.cells[0].source
    assert [name for name in names(notebook) if name] == [
        "check_box_area",
        "check_box_iou",
        "check_largest",
        "why_union",
    ]
    assert cell_of(notebook, "why_union").source == NOTHING_TO_MARK
    assert "the file is damaged" in json.dumps(cell_of(notebook, "check_box_iou").outputs)


def test_a_placeholder_without_a_known_reason_says_that_it_is_one(plan: Plan) -> None:
    assert UNREADABLE in executed_notebook(plan, b"{", verdicts(), {}).cells[0].source


def test_an_answer_changed_in_white_space_only_is_as_released(
    course: CourseFolder, plan: Plan
) -> None:
    def touch(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, "largest")
        cell.source = f"{cell_of(released(course), 'largest').source}\n"

    cell = cell_of(executed(course, touch), "largest")
    assert cell.metadata.nbgrader.checksum == compute_checksum(cell)
