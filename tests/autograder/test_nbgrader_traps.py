"""nbgrader's traps: each closes on a stock course, and is gone on a course that we built.

One class of submissions is graded twice by the program `nbgrader autograde`: with nbgrader's own
preprocessors on a small stock course, and on the built course. Each student fell into one trap.
"""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from playwright.sync_api import Page, Route, sync_playwright

from autograder.course_folder import CourseFolder
from autograder.exercises import topics
from autograder.grading import grade_class
from tests.autograder.submissions import cell_of, rows
from tests.shared_course import own_copy

ASSIGNMENT = "03_nms"
STOCK_CONFIG = "c = get_config()\nc.Execute.timeout = 60\n"
POINTS = {"check_double": 4.0, "check_box_area": 1.0}
RIGHT = {"double": "2 * x", "box_area": "(boxes[:, 2:] - boxes[:, :2]).prod(dim=1)"}
WRONG = {"double": "0 * x", "box_area": "0 * boxes[:, 0]"}
HEAD = {"double": "double(x)", "box_area": "box_area(boxes)"}
Grade = tuple[float | None, bool]  # auto_score as a share of the points, needs_manual_grade
FULL, NONE, UNGRADED = (1.0, False), (0.0, False), (None, True)


def unchanged(notebook: NotebookNode, check: str) -> None:
    """Leave the notebook as it is."""


def delete(notebook: NotebookNode, check: str) -> None:
    notebook.cells.remove(cell_of(notebook, check))


def duplicate(notebook: NotebookNode, check: str) -> None:
    cell = cell_of(notebook, check)
    copy = nbformat.from_dict({**cell, "id": "copied"})
    notebook.cells.insert(notebook.cells.index(cell), copy)


def edit(notebook: NotebookNode, check: str) -> None:
    cell = cell_of(notebook, check)
    cell.source = "4.0"
    cell.metadata.nbgrader.solution = True


@dataclass(frozen=True)
class Trap:
    """What a student hands in, what stock nbgrader makes of it, and what it deserves."""

    answer: str
    stock: Grade
    deserved: Grade
    change: Callable[[NotebookNode, str], None] = unchanged


ODD = """
class Odd(torch.Tensor if "torch" in globals() else object):
    def __eq__(self, other):
        return {value}

def {head}:
    return Odd()
"""
TRAPS = {
    "right": Trap("def {head}:\n    return {right}", FULL, FULL),
    "wrong": Trap("def {head}:\n    return {wrong}", NONE, NONE),
    "stderr": Trap(
        "import sys\n\ndef {head}:\n    print('careful', file=sys.stderr)\n    return {right}",
        NONE,
        FULL,
    ),
    "nan": Trap(ODD.replace("{value}", "float('nan')"), FULL, NONE),
    "above_the_maximum": Trap(ODD.replace("{value}", "99"), UNGRADED, NONE),
    "no_output": Trap(
        "get_ipython().displayhook.quiet = lambda: True\n\ndef {head}:\n    return {wrong}",
        FULL,
        NONE,
    ),
    "exit": Trap("import os\nos._exit(0)", UNGRADED, NONE),
    "transformer": Trap(
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])\n\n"
        "def {head}:\n    return {wrong}",
        FULL,
        NONE,
    ),
    "deleted": Trap("def {head}:\n    return {right}", UNGRADED, FULL, delete),
    "edited": Trap("def {head}:\n    return {wrong}", UNGRADED, NONE, edit),
    "z_duplicated": Trap("def {head}:\n    return {right}", UNGRADED, FULL, duplicate),
}


def hand_in(root: Path, assignment: str, student: str, notebook: NotebookNode) -> None:
    folder = root / "submitted" / student / assignment
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{assignment}.ipynb")


def read(root: Path, step: str, assignment: str) -> NotebookNode:
    return nbformat.read(root / step / assignment / f"{assignment}.ipynb", as_version=4)


def fill(text: str, name: str) -> str:
    """Write an answer's text for one of the two functions."""
    for key, words in (("head", HEAD), ("right", RIGHT), ("wrong", WRONG)):
        text = text.replace(f"{{{key}}}", words[name])
    return text


def nbgrader(home: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run nbgrader's program in a course, away from the settings of whoever runs the tests."""
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root,
        env=away_from_home(home),
        capture_output=True,
        text=True,
        timeout=500,
    )


def away_from_home(home: Path) -> dict[str, str]:
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        **{name: str(home / name.lower()) for name in places},
        "HOME": str(home),
        "PATH": path,
    }


def scores(root: Path, check: str) -> dict[str, Grade]:
    """Return every student's grade of a check cell."""
    query = """
        SELECT sub.student_id, grade.auto_score, grade.needs_manual_grade FROM grade
        JOIN base_cell AS cell ON cell.id = grade.cell_id
        JOIN submitted_notebook AS page ON page.id = grade.notebook_id
        JOIN submitted_assignment AS sub ON sub.id = page.assignment_id WHERE cell.name = ?
    """
    with closing(sqlite3.connect(root / "gradebook.db")) as database:
        found = database.execute(query, (check,)).fetchall()
    most = POINTS[check]
    return {who: (None if got is None else got / most, bool(look)) for who, got, look in found}


def stock_lesson() -> NotebookNode:
    """Return a source notebook as an instructor writes it for stock nbgrader."""

    def marks(grade_id: str, **kinds: Any) -> dict[str, Any]:
        plain = {"grade": False, "solution": False, "locked": False, "task": False}
        return {"nbgrader": {"schema_version": 3, "grade_id": grade_id, **plain, **kinds}}

    answer = "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"
    check = marks("check_double", grade=True, locked=True, points=4)
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(answer, metadata=marks("double", solution=True)),
            nbformat.v4.new_code_cell("4.0 * (double(3) == 6)", metadata=check),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A stock course with the class graded by nbgrader's own preprocessors."""
    root = tmp_path_factory.mktemp("stock")
    (root / "nbgrader_config.py").write_text(STOCK_CONFIG)
    (root / "source" / "ps").mkdir(parents=True)
    nbformat.write(stock_lesson(), root / "source" / "ps" / "ps.ipynb")
    made = nbgrader(home, root, "generate_assignment", "ps")
    assert made.returncode == 0, made.stderr
    for student, trap in TRAPS.items():
        notebook = read(root, "release", "ps")
        cell_of(notebook, "double").source = fill(trap.answer, "double")
        trap.change(notebook, "check_double")
        hand_in(root, "ps", student, notebook)
    nbgrader(home, root, "autograde", "ps")
    return root


@pytest.fixture(scope="module")
def course(nms_course: CourseFolder, tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """The built course with the same class handed in."""
    course = own_copy(nms_course, tmp_path_factory.mktemp("ours") / "course")
    for student, trap in TRAPS.items():
        notebook = model(course)
        cell_of(notebook, "box_area").source = fill(trap.answer, "box_area")
        trap.change(notebook, "check_box_area")
        hand_in(course.root, ASSIGNMENT, student, notebook)
    return course


def model(course: CourseFolder) -> NotebookNode:
    """Return the release with the right answers in it."""
    notebook, source = (read(course.root, step, ASSIGNMENT) for step in ("release", "source"))
    topic = topics()[ASSIGNMENT]
    for exercise in topic.exercises:
        cell_of(notebook, exercise.name).source = cell_of(source, exercise.name).source
    for question in topic.questions:
        cell_of(notebook, question.name).source = f"{question.name} = {question.answer!r}"
    return notebook


@pytest.fixture(scope="module")
def graded(course: CourseFolder, home: Path) -> CourseFolder:
    """The built course, graded by the program `nbgrader autograde`."""
    done = nbgrader(home, course.root, "autograde", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    return course


@pytest.mark.parametrize("name", TRAPS)
def test_the_trap_closes_on_a_stock_course(stock: Path, name: str) -> None:
    assert scores(stock, "check_double")[name] == TRAPS[name].stock


@pytest.mark.parametrize("name", TRAPS)
def test_the_trap_is_gone_on_a_built_course(graded: CourseFolder, name: str) -> None:
    assert scores(graded.root, "check_box_area")[name] == TRAPS[name].deserved


@pytest.mark.parametrize("name", [n for n, trap in TRAPS.items() if trap.deserved == NONE])
def test_who_gets_nothing_reads_why(graded: CourseFolder, name: str) -> None:
    folder = graded.root / "autograded" / name / ASSIGNMENT
    notebook = nbformat.read(folder / f"{ASSIGNMENT}.ipynb", as_version=4)
    shown = cell_of(notebook, "check_box_area").outputs[0].data["text/html"]
    assert "<strong>failed</strong>: 0 of 1 points</p><p>" in shown


def test_what_builds_on_a_wrong_answer_keeps_its_points(graded: CourseFolder) -> None:
    folder = graded.root / "autograded" / "wrong" / ASSIGNMENT
    notebook = nbformat.read(folder / f"{ASSIGNMENT}.ipynb", as_version=4)
    assert cell_of(notebook, "check_box_iou").outputs[1].data["text/plain"] == "3.0"


def test_grade_after_nbgrader_changes_nothing(graded: CourseFolder) -> None:
    def books() -> tuple[Any, dict[Path, bytes]]:
        files = (graded.root / "autograded").glob("*/*/*")
        return rows(graded), {path: path.read_bytes() for path in files}

    before = books()
    records = grade_class(graded, ASSIGNMENT)
    assert len(records) == len(before[1]) == len(TRAPS)
    assert books() == before


@contextmanager
def jupyter_server(home: Path, root: Path) -> Iterator[str]:
    """Serve formgrader for a course on this machine alone; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("token=", "password=", f"port={port}", "ip=127.0.0.1", "open_browser=False")
    arguments = [f"--ServerApp.{option}" for option in options]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "server", "--allow-root", *arguments],
            cwd=root,
            env=away_from_home(home),
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/formgrader/api/status")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise TimeoutError(f"no answer from {address} in {seconds} seconds")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of headless Chromium that reaches nothing but this machine."""

    def stay_here(route: Route) -> None:
        if re.match(r"https?://127\.0\.0\.1:", route.request.url):
            route.continue_()
        else:
            route.abort()

    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/*", stay_here)
        yield page
        browser.close()


@pytest.mark.browser
def test_formgrader_shows_the_score_and_its_button_grades(
    graded: CourseFolder, home: Path, page: Page
) -> None:
    script = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
    notebook = model(graded)
    cell_of(notebook, "why_not_lower").source = f"Because: {script}"
    hand_in(graded.root, ASSIGNMENT, "formgraded", notebook)
    with jupyter_server(home, graded.root) as address:
        page.goto(f"{address}/formgrader/manage_submissions/{ASSIGNMENT}")
        page.wait_for_selector("td:has-text('formgraded')")
        row = page.locator("tr", has=page.locator("td", has_text="formgraded"))
        row.locator(".autograde a").click()
        page.wait_for_selector("#success-modal, #error-modal", timeout=120_000)
        assert scores(graded.root, "check_box_area")["formgraded"] == FULL
        found = submission_id(graded.root, "formgraded")
        page.goto(f"{address}/formgrader/submissions/{found}/")
        page.wait_for_function("document.querySelector('#check_box_area').placeholder !== ''")
        assert page.locator("#check_box_area").get_attribute("placeholder") == "1"
        assert page.locator("text=Marking guide").count() == 1
        assert page.locator("text=Because:").count() == 1
        assert page.evaluate("window.hit") is None
        answer = urllib.request.urlopen(f"{address}/formgrader/api/submissions/{ASSIGNMENT}")
        with answer:
            shown = {entry["student"]: entry["score"] for entry in json.load(answer)}
        assert shown["right"] == shown["formgraded"] == 14.0


def submission_id(root: Path, student: str) -> str:
    query = """
        SELECT page.id FROM submitted_notebook AS page
        JOIN submitted_assignment AS sub ON sub.id = page.assignment_id WHERE sub.student_id = ?
    """
    with closing(sqlite3.connect(root / "gradebook.db")) as database:
        ((found,),) = database.execute(query, (student,)).fetchall()
    return str(found)
