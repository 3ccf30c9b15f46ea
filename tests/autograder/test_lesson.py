"""What a lesson's text may be, and what the author reads when it is not."""

import re

import pytest

from autograder.errors import BuildError
from autograder.lesson import EMPTY_ANSWER, LESSONS, match, read_lesson
from autograder.plan import LOCKED, SHOW
from tests.autograder.tiny_lesson import ASSIGNMENT, LESSON, TOPIC, write_lesson

CHECK_AREA = '# %% check="box_area" points=1\ncheck(box_area)\n'


def lesson_of(tmp_path, text):
    return read_lesson(write_lesson(tmp_path, text) / f"{ASSIGNMENT}.py")


def test_cells_come_in_order_with_their_kind_name_and_points(tmp_path):
    cells = lesson_of(tmp_path, LESSON).cells
    assert [(c.kind, c.name, c.points) for c in cells] == [
        ("markdown", "", 0),
        ("locked", "", 0),
        ("solution", "box_area", 0),
        ("check", "box_area", 1),
        ("show", "", 0),
        ("solution", "box_iou", 0),
        ("check", "box_iou", 2.5),
        ("question", "largest", 0),
        ("check", "largest", 0.5),
        ("written", "why_union", 2),
        ("markdown", "", 0),
    ]
    assert cells[0].source.startswith("# Boxes\nHow large")


def test_an_empty_written_answer_gets_a_visible_place(tmp_path):
    assert lesson_of(tmp_path, LESSON).cells[9].source == EMPTY_ANSWER


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import math", LOCKED),
        ("sides = [1, 2]", LOCKED),
        ("for side in (1, 2):\n    print(side)", LOCKED),
        ("def area():\n    return 1", LOCKED),
        ("if (n := 2) > 1:\n    print(n)", LOCKED),
        ("options['size'] = 3", LOCKED),
        ("print([side for side in (1, 2)])", SHOW),
        ("draw(box_area)", SHOW),
        ("# only a remark", SHOW),
    ],
)
def test_a_course_cell_is_locked_when_it_defines_something_and_else_only_shown(
    tmp_path, source, kind
):
    assert lesson_of(tmp_path, f"# %%\n{source}\n").cells[0].kind == kind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("show=true", "shown=true", "line 16: a header's key must be one of .* got 'shown'"),
        ("show=true", "show=1", "show must be true.* got show=1"),
        ("# %% show=true", '# %% question="q" show=true', "show must be true"),
        ('"box_iou" points=2.5', '"box_iou"', "line 22: points must be .* got None"),
        ("points=2.5", "points=2.3", "positive multiple of 0.25, got 2.3"),
        ("points=2.5", "points=0", "positive multiple of 0.25, got 0"),
        ("points=2.5", "points=true", "positive multiple of 0.25, got True"),
        ('solution="box_iou"', 'solution="box_iou" points=1', "got one on a solution cell"),
        ('solution="box_iou"', 'solution="box_iou" check="box_iou"', "got solution and check"),
        ('# %% solution="box_iou"\n', '# %% solution="box_iou"\npass\n', "must be empty, got text"),
        ("check(box_iou)", "check(box_area)", r"must be `check\(box_iou\)`.* got 'check\(box_area"),
        ("largest = None", "answer = None", "must assign largest, got 'answer = None"),
        ("largest = None", "largest = = 1", "must be plain Python, got invalid syntax"),
        ("areas = box", "areas = = box", "line 16: a code cell must be plain Python"),
        ('[markdown] written="why', 'written="why', "a written cell must be markdown, got code"),
        ('# %% solution="box_iou"', '# %% [markdown] solution="box_iou"', "must be code, got mark"),
        ("# %% show=true", "# %% [raw]", "must be code or markdown, got raw"),
        (CHECK_AREA, CHECK_AREA * 2, "line 15: box_area must have one check cell, .* line 13"),
    ],
)
def test_a_cell_that_is_not_what_it_must_be_is_refused_by_its_line(tmp_path, old, new, message):
    assert old in LESSON
    with pytest.raises(BuildError, match=message):
        lesson_of(tmp_path, LESSON.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (CHECK_AREA, "", 'box_area must have a check cell, got none; .*check="box_area"'),
        ('# %% solution="box_area"\n', "", "box_area must have a solution cell, got none"),
        ('# %% [markdown] written="why_union" points=2\n', "", "why_union must have a written"),
        ('solution="box_area"', 'solution="box_size"', "solution must name one .* got 'box_size'"),
        (CHECK_AREA, CHECK_AREA.replace("area", "size"), "check must name one .* got 'box_size'"),
    ],
)
def test_a_lesson_that_does_not_hold_what_its_topic_grades_is_refused(tmp_path, old, new, message):
    assert old in LESSON
    with pytest.raises(BuildError, match=message):
        match(lesson_of(tmp_path, LESSON.replace(old, new, 1)), TOPIC)


def test_the_reader_s_own_notes_on_spacing_are_no_keys(tmp_path):
    text = LESSON.replace('# %% solution="box_iou"\n\n', '# %% solution="box_iou"\n\n\n\n')
    assert len(lesson_of(tmp_path, text).cells) == len(re.findall(r"(?m)^# %%", text))


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.py")), ids=lambda path: path.stem)
def test_no_line_of_prose_begins_like_an_item_of_a_numbered_list(path):
    for cell in read_lesson(path).cells:
        for block in cell.source.split("\n\n") if cell.cell_type == "markdown" else []:
            found = [int(n) for n in re.findall(r"^ *(\d+)[.)](?: |$)", block, re.MULTILINE)]
            assert found == [*range(1, len(found) + 1)], block
