"""What the commands print: safe on any terminal, complete on a narrow one."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.console import (
    grading_progress,
    open_console,
    plain,
    points,
    print_overview,
    print_table,
    words,
)
from tests.autograder.records import failed, passed, small_class, submission


def printed(records, width=120, encoding="utf-8", prints=print_table, **names):
    bytes_out = io.BytesIO()
    file = io.TextIOWrapper(bytes_out, encoding=encoding, newline="")
    console = open_console(file)
    console.width = width
    prints(records, console, names)
    file.flush()
    return bytes_out.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Zoë  Müller\n(2nd)", "Zoë Müller (2nd)"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a new title\x07name", "name"),
        ("\x1b]8;;file:///etc\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("\x1bcreset", "reset"),
        ("a\x00b\x07c\x08d\x7fe", "a b c d e"),
        ("abc\u202edcba", "abcdcba"),
        ("\ud83d", "\ufffd"),
        ("line\u2028break\x85", "line break"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left_in_a_text(text, safe):
    assert plain(text) == safe


def test_a_text_too_long_to_print_is_cut():
    assert plain("x" * 10_000, 10) == "x" * 9 + "…"


def test_points_have_at_most_two_decimals_and_none_is_a_dash():
    assert [points(v) for v in (0.0, 10.0, 2.4, 1 / 3, None)] == ["0", "10", "2.4", "0.33", "—"]


def test_a_name_reads_as_words():
    assert words("plus_one_pixel") == "plus one pixel"


def test_the_table_has_score_marks_and_misconception_of_each_student():
    lines = printed(small_class(), ada="Ada Lovelace").splitlines()
    row = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert row["Ada"] == ["Ada", "Lovelace", "7", "✓", "✓"]
    assert row["ben"] == ["ben", "4", "✗", "✓", "box_iou:", "plus", "one", "pixel"]
    assert row["cleo"][:4] == ["cleo", "2.4", "✗", "◐"]
    assert row["dan"] == ["dan", "—", "?", "?", "the", "notebook", "is", "not", "JSON"]


def test_the_table_needs_no_unicode():
    text = printed([*small_class(), submission("Zoë", failed("nms"))], encoding="ascii")
    assert "Zo?" in text
    assert re.search(r"ben[ |]+4[ |]+x[ |]+\+ ", text)
    assert "could not run" in text


def test_markup_and_terminal_commands_in_a_name_are_printed_as_text():
    text = printed([submission("[red]x\x1b[2J", failed("nms", "[/bold] \x1b]0;t\x07", None))])
    assert "[red]x" in text
    assert "nms: [/bold]" in text
    assert "\x1b" not in text


def test_the_table_fits_a_terminal_of_80_columns():
    names = ["box_iou", "nms"]
    records = [submission("a" * 40, *map(passed, names)), *small_class()]
    text = printed(records, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "ben: box_iou: plus one pixel" in text.splitlines()


def test_progress_into_a_log_is_a_line_at_each_tenth():
    out = io.StringIO()
    with grading_progress(Console(file=out)) as advance:
        for done in range(1, 41):
            advance(done, 40, submission("ada"))
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[4].startswith("graded 20 of 40, about ")


def test_progress_on_a_terminal_shows_count_rate_and_who_was_last():
    out = io.StringIO()
    with grading_progress(Console(file=out, force_terminal=True, width=120)) as advance:
        advance(3, 40, submission("[b]ada\x1b[2K"))
    shown = out.getvalue()
    assert "3/40" in shown
    assert "a second" in shown
    assert "[b]ada" in shown


def test_the_overview_has_a_row_for_each_student_and_a_column_for_each_assignment():
    more = [submission("ada", passed("box_iou")), submission("eve", passed("box_iou"))]
    records = [*small_class(), *(replace(record, assignment="04_map") for record in more)]
    text = printed(records, width=80, prints=print_overview, ada="Ada Lovelace")
    table, _, reasons = text.partition("?: a person must look")
    row = {line.split()[0]: line.split() for line in table.splitlines() if line.strip()}
    assert row["Ada"] == ["Ada", "Lovelace", "7", "3"]
    assert row["ben"] == ["ben", "4"]  # handed in one of the two
    assert row["dan"] == ["dan", "?"]
    assert row["eve"] == ["eve", "3"]
    assert "ben: box_iou: plus one pixel" in reasons
    assert reasons.index("03_nms") < reasons.index("ben:") < reasons.index("04_map")


def test_the_overview_fits_a_terminal_that_knows_ascii_only():
    text = printed(small_class(), width=80, encoding="ascii", prints=print_overview)
    assert "|ben " in text
    assert max(map(len, text.splitlines())) <= 80
