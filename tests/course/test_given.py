"""`given` in a student's notebook: whose function it is, and what `check` saves for it."""

import linecache
import os
import sys
from pathlib import Path

import pytest
import torch

from course import check, given
from course.cases import CaseSet, Group
from course.given import GivenMissing
from course.outcome import VALUE, Case, Outcome
from course.pieces import GIVEN, NotAlone, isolated, piece, save

BOXES = torch.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 5.5, 2.1]])
COURSES = "def width(boxes):\n    return boxes[:, 2] - boxes[:, 0]\n"
OWN = '"""Mine."""\ndef width(boxes):\n    print("loud")\n    return -(boxes[:, 0] - boxes[:, 2])\n'


@pytest.fixture(autouse=True)
def in_a_notebook_s_folder(tmp_path, monkeypatch):
    """Start in the folder of 05_later, with width given, beside an empty 03_first."""
    GIVEN.clear()
    folder = tmp_path / "05_later"
    for name in ("cases", "given"):
        (folder / name).mkdir(parents=True)
    cases = (Case("widths", (BOXES,)), Case("none", (BOXES[:0],)))
    expected = tuple(Outcome(VALUE, c.arguments[0][:, 2] - c.arguments[0][:, 0]) for c in cases)
    groups = (Group("widths", "A width is right minus left."), Group("none", "None.", edge=True))
    for name in ("width", "breadth"):
        case_set = CaseSet(name, groups, cases, expected, ())
        (folder / "cases" / f"{name}.cases").write_bytes(case_set.to_bytes())
        (folder / "given" / f"{name}.py").write_text(COURSES.replace("width", name))
    monkeypatch.chdir(folder)


def own(source, folder="03_first", name="width"):
    path = Path.cwd().parent / folder / "own" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return path


def notebook(*cells):
    """Return the names of a notebook whose cells were run."""
    names = {"__name__": "__main__", "check": check, "given": given}
    for number, source in enumerate(cells):
        file = f"/tmp/ipykernel_7/{number}-{hash(source)}.py"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)
    return names


def alone(text):
    """Run a piece by itself and return its names."""
    names = {}
    exec(text, names)
    return names


def test_without_one_s_own_there_is_the_course_s(capsys):
    assert given("width")(BOXES).tolist() == [2.0, 4.5]
    assert capsys.readouterr().out == "width: the course's\n"


def test_one_s_own_function_is_preferred_and_quiet(capsys):
    own(OWN)
    function = given("width")
    assert capsys.readouterr().out == "width: your own, from 03_first\n"
    assert function(BOXES).tolist() == [2.0, 4.5]
    assert function.__code__.co_filename.endswith("03_first/own/width.py")


def test_several_functions_come_as_a_tuple_each_with_its_line(capsys):
    own(OWN)
    width, breadth = given("width", "breadth")
    assert capsys.readouterr().out == "width: your own, from 03_first\nbreadth: the course's\n"
    assert width(BOXES).tolist() == breadth(BOXES).tolist()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def width(boxes):\n    return boxes[:, 3]\n", 'fails a public case of "widths"'),
        (OWN.replace("return", "boxes[:] = 0; return"), 'fails a public case of "widths"'),
        (OWN + "import nowhere_at_all\n", "could not be read: ModuleNotFoundError"),
        (OWN + "raise SystemExit\n", "could not be read: SystemExit"),
        ("def width(boxes:\n", "could not be read: SyntaxError"),
        ("def breadth(boxes):\n    return 1\n", "could not be read: AttributeError"),
        (OWN.replace("return", "raise KeyboardInterrupt; return"), "was interrupted"),
        ("width = 3", 'fails a public case of "widths"'),
    ],
)
def test_one_s_own_that_does_not_pass_here_is_put_aside_with_the_reason(capsys, source, reason):
    own(source)
    assert given("width")(BOXES).tolist() == [2.0, 4.5]
    assert capsys.readouterr().out == f"width: the course's (yours, from 03_first, {reason})\n"


def test_one_s_own_that_takes_too_long_is_put_aside(capsys, monkeypatch):
    own(OWN)
    monkeypatch.setattr(sys.modules["course.given"], "SECONDS", 0.0)
    given("width")
    assert "(yours, from 03_first, took too long)" in capsys.readouterr().out


def test_of_several_own_ones_the_newest_that_passes_counts(capsys):
    for age, (folder, source) in enumerate(
        [("03_copy", "def width(boxes):\n    return 0\n"), ("03_first", OWN), ("03_old", OWN)]
    ):
        os.utime(own(source, folder), (1e9 - age, 1e9 - age))
    given("width")
    assert capsys.readouterr().out == "width: your own, from 03_first\n"


@pytest.mark.parametrize("missing", ["given/width.py", "cases/width.cases"])
def test_what_is_missing_beside_the_notebook_is_said_with_the_cure(missing):
    Path(missing).unlink()
    with pytest.raises(GivenMissing, match=r"width cannot be given.*unpack that folder again") as e:
        given("width")
    assert e.value._render_traceback_() == [str(e.value)]


# What check saves.


def test_check_saves_an_answer_that_passes_and_given_takes_it_from_there(capsys, monkeypatch):
    monkeypatch.setattr("IPython.display.display", lambda report: None)
    names = notebook(
        "import torch.nn.functional as F\nfrom torch import Tensor\nSIGN = -1",
        "def minus(a, b):\n    return SIGN * (F.relu(b) - a)",
        "def width(boxes: Tensor) -> Tensor:\n    # mine\n    return minus(*boxes[:, ::2].T[[1, 0]])",
        "check(width)",
    )
    text = Path("own/width.py").read_text()
    assert text.startswith('"""Your own `width`: it passed its public cases."""\n\nfrom torch')
    assert "# mine" in text
    given("width")
    assert capsys.readouterr().out == "width: your own, from 05_later\n"
    before = Path("own/width.py").stat().st_mtime_ns
    notebook_again = names["check"]
    exec("check(width)", {**names, "check": notebook_again})
    assert Path("own/width.py").stat().st_mtime_ns == before


def test_check_saves_no_answer_that_fails(monkeypatch):
    monkeypatch.setattr("IPython.display.display", lambda report: None)
    notebook("def width(boxes):\n    return boxes[:, 3]", "check(width)")
    assert not Path("own").exists()


def test_check_goes_on_where_nothing_can_be_written(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    Path("own").write_text("a file in the way")
    notebook(COURSES, "check(width)")
    assert shown[0].passed


def test_a_function_that_was_given_is_not_saved_as_one_s_own():
    names = notebook('width = given("width")')
    save("width", names["width"], names)
    assert not Path("own").exists()


@pytest.mark.parametrize(
    "cells",
    [
        [COURSES],
        ["def left(b):\n    return b[:, 0]\n" + COURSES.replace("boxes[:, 0]", "left(boxes)")],
        ["width = lambda boxes: boxes[:, 2] - boxes[:, 0]"],
        [COURSES.replace("width", "mine"), "width = mine"],
        ["import functools\n@functools.cache\ndef at():\n    return 2\n", COURSES.replace("2", "at()")],
        ["at = {'right': [2, None, 'x']}", COURSES.replace("2]", "at['right'][0]]")],
        ["from math import pi as three", COURSES.replace("2]", "int(three - 1)]")],
        ["import torch as t", "from torch import sub as minus", COURSES.replace("return ", "return t.abs(").rstrip() + ")"],
        ["class Sides:\n    def __init__(self, b):\n        self.w = b[:, 2] - b[:, 0]\n", "def width(boxes):\n    return Sides(boxes).w"],
        ["def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n", COURSES.replace("2]", "2 * even(2)]")],
        ["import functools\ndef plain(f):\n    @functools.wraps(f)\n    def inner(*a):\n        return f(*a)\n    return inner\n@plain\n" + COURSES],
        ["if True:\n    def width(boxes):\n        return boxes[:, 2] - boxes[:, 0]"],
        [COURSES + "    unknown_in_the_notebook_too\n"],
        ['def width(boxes):\n    text = """\n  two lines"""\n    assert text[1] == " "\n    return boxes[:, 2] - boxes[:, 0]'],
        ['breadth = given("breadth")', "def width(boxes):\n    return breadth(boxes)"],
        ['narrow = given("breadth")', "def width(boxes):\n    return narrow(boxes)"],
    ],
)  # fmt: skip
def test_a_piece_does_alone_what_the_function_does_in_the_notebook(cells):
    names = notebook(*cells)
    assert alone(piece("width", names))["width"](BOXES).tolist() == [2.0, 4.5]


def test_a_class_is_a_piece_too():
    names = notebook(
        "from torch import nn",
        "class Head(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.layer = nn.Linear(n, 1)\n    def forward(self, x):\n        return self.layer(x)",
    )
    head = alone(piece("Head", names))["Head"](4)
    assert head(BOXES).shape == (2, 1)


@pytest.mark.parametrize(
    "cells",
    [
        ["import torch\nat = torch.tensor(2)", COURSES.replace("2]", "at]")],
        ["import helpers_of_a_student as h", COURSES.replace("2]", "h.at]")],
        ["from helpers_of_a_student import at", COURSES.replace("2]", "at()]")],
        ["def make(k):\n    return lambda boxes: boxes[:, k] - boxes[:, 0]", "width = make(2)"],
        [
            "import functools",
            "def f(k, boxes):\n    return boxes",
            "width = functools.partial(f, 2)",
        ],
        ["at = list(range(9999))", COURSES.replace("2]", "at[2]]")],
        ["nan = float('nan')", COURSES.replace("2]", "2 if nan else 1]")],
    ],
)
def test_what_cannot_stand_alone_is_no_piece_and_check_saves_nothing(cells, monkeypatch):
    Path("helpers_of_a_student.py").write_text("two = 2\ndef at():\n    return two\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    names = notebook(*cells)
    with pytest.raises(NotAlone):
        piece("width", names)
    save("width", names["width"], names)
    assert not Path("own").exists()


def test_isolated_code_binds_its_names_alone_and_leaves_strings_as_they_are():
    source = 'text = """a\n  b"""\n\ndef one():\n    return text\n\ndef two():\n    return one()\n'
    names = alone(isolated(source, ["one", "two"]))
    assert names.keys() == {"__builtins__", "one", "two"}
    assert names["two"]() == "a\n  b"
