"""The commands as they are typed: output, JSON and exit codes."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder import cli
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.student import hand_in

ASSIGNMENT = "03_nms"
ANSWERS = Path(__file__).parent / "answers" / "03_nms"


@pytest.fixture(scope="module")
def course(nms_course: CourseFolder) -> CourseFolder:
    return nms_course


@dataclass
class Told:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def typed(*arguments: object) -> Told:
    """Run the command line as its program does, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["autograder", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Told(code, out.getvalue(), err.getvalue())


def test_the_program_starts_by_its_name_and_prints_nothing_but_the_record():
    program = Path(sys.executable).with_name("autograder")
    command = [program, "try", "nms", ANSWERS / "right_helpers.py", "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (cli.DONE, "")
    assert json.loads(told.stdout)["verdict"] == "passed"


def test_try_prints_the_record_as_json_and_nothing_else(tmp_path):
    right = typed("try", "nms", ANSWERS / "right_helpers.py", "--json")
    assert right.returncode == cli.DONE, right.stderr
    record = json.loads(right.stdout)
    assert (record["exercise"], record["verdict"], record["score"]) == ("nms", "passed", 1.0)
    assert record["misconception"] is None
    assert set(record["cases"][0]) == {"group", "verdict", "message"}


def test_try_names_the_misconception_and_exits_with_1(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "def box_area(boxes):\n    return (boxes[:, 2] - boxes[:, 0] + 1) * "
        "(boxes[:, 3] - boxes[:, 1] + 1)\n"
    )
    told = typed("try", "box_area", wrong)
    assert told.returncode == cli.NOT_PASSED
    assert "box_area: failed, 0%" in told.stdout
    record = json.loads(typed("try", "box_area", wrong, "--json", "--variant", 7).stdout)
    assert record["misconception"] == "plus_one_pixel"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def nms(:",
        "def nms(*a):\n    raise NotAnswered('nms')",
        "def nms(*a):\n    return None",
        "def nms(boxes, scores, t):\n    return scores",
        "nms = 3",
        "\0\0",
        "import os; os._exit(0)",
    ],
)
def test_try_scores_0_for_what_does_no_work(tmp_path, text):
    file = tmp_path / "answer.py"
    file.write_text(text or " ")
    told = typed("try", "nms", file, "--json")
    if not text:
        assert told.returncode == cli.USAGE
        return
    assert told.returncode == cli.NOT_PASSED
    assert json.loads(told.stdout)["score"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("try", "nosuch", "x.py"), "EXERCISE must be one of MaskHead, anchor_grid"),
        (("try", "nms", "nosuch.py"), "nosuch.py is missing"),
        (
            ("check", "x.ipynb", "--assignment", "99_none"),
            "assignment must be one of 01_sliding_windows, 02",
        ),
        (("grade", "nosuch", "03_nms"), "must be a course that `autograder build"),
        (("report", "nosuch"), "must be a course that `autograder build"),
        (("try", "nms", "x.py", "--tier", "iron"), "tier must be warm or cold, got 'iron'"),
        (("nosuch",), "No such command"),
    ],
)
def test_wrong_usage_is_told_with_the_cure_and_exits_with_2_or_3(arguments, said):
    told = typed(*arguments)
    assert told.returncode in (cli.USAGE, cli.GRADER_FAILED)
    assert said in told.stderr
    assert "Traceback" not in told.stderr


def test_a_fault_of_the_grader_exits_with_3(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("by us")

    with pytest.raises(SystemExit) as ended:
        cli.main(broken)
    assert ended.value.code == cli.GRADER_FAILED
    assert "a fault of the grader: by us" in capsys.readouterr().err


def test_no_sandbox_is_spelled_out_and_warns():
    told = typed("try", "box_area", ANSWERS / "right_numpy.py", "--no-sandbox")
    assert told.returncode == cli.DONE
    assert "Warning: without a sandbox" in told.stderr


def test_check_gives_the_model_answers_full_automatic_marks(course):
    notebook = course.root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    told = typed("check", notebook, "--assignment", ASSIGNMENT, "--json")
    record = json.loads(told.stdout)
    assert told.returncode == cli.DONE
    assert [e["score"] for e in record["exercises"]] == [1.0] * 7
    assert record["manual_pending"] == 0  # nothing is written in its place
    assert {e["points"] for e in record["exercises"]} == {1.0, 2.0, 3.0, 4.0}


def test_check_gives_the_untouched_release_notebook_nothing(course):
    notebook = course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    told = typed("check", notebook, "--assignment", ASSIGNMENT, "--json")
    assert told.returncode == cli.NOT_PASSED
    record = json.loads(told.stdout)
    assert record["score"] == 0
    assert {e["message"] for e in record["exercises"]} == {"Not answered yet."}


def test_grade_show_and_report_on_a_small_class(course, tmp_path):
    copied = tmp_path / "course"
    shutil.copytree(course.root, copied)
    released = (copied / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    for student in STUDENTS:
        if student.id in ("amara_okafor", "hana_kobayashi"):
            folder = copied / "submitted" / student.id / ASSIGNMENT
            folder.mkdir(parents=True)
            (folder / f"{ASSIGNMENT}.ipynb").write_bytes(hand_in(student, released) or b"")
    told = typed("grade", copied, ASSIGNMENT, "--json", tmp_path / "records.json")
    assert told.returncode == cli.DONE, told.stderr
    assert "amara_okafor" in told.stdout
    records = json.loads((tmp_path / "records.json").read_text())["submissions"]
    assert [record["student"] for record in records] == ["amara_okafor", "hana_kobayashi"]
    assert all("runs" not in record for record in records)
    shown = typed("show", copied, ASSIGNMENT, "hana_kobayashi")
    assert shown.returncode == cli.DONE, shown.stderr
    assert "IoU equal to the threshold" in shown.stdout
    page = tmp_path / "report.html"
    assert typed("report", copied, ASSIGNMENT, "--out", page).returncode == cli.DONE
    assert "hana_kobayashi" in page.read_text()
    assert typed("report", copied, "--out", page, "--anonymous").returncode == cli.DONE
    assert "hana_kobayashi" not in page.read_text()


def test_a_check_starts_without_what_only_a_build_needs():
    code = (
        "import sys; import autograder.cli; from autograder import variants;"
        "variants.public_cases = None;"  # a draw would raise
        "from autograder.checking import plan_of; plan_of('03_nms');"
        "print({'matplotlib', 'nbgrader', 'sqlalchemy', 'IPython'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
