"""Every lesson in a real JupyterLab: as it is handed out, and with the model answers."""

import shutil
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.exercises import topics
from autograder.release import release
from course.check import ALL_PASS
from tests.browser.lab import CHROMIUM, Tab, chromium_tab, jupyter_lab
from tests.browser.widget_page import Figure
from tests.shared_course import shared_course

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium must be installed, found none"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab with the unpacked bundles in student/ and the model answers in model/."""
    folder = tmp_path_factory.mktemp("lab")
    course = shared_course(tmp_path_factory)
    served = folder / "served"
    for assignment in topics():
        path = release(course, assignment, folder / f"{assignment}.zip", given_anyway=True)
        with zipfile.ZipFile(path) as bundle:
            bundle.extractall(served / "student")
    shutil.copytree(course.root / "source", served / "model")
    with jupyter_lab(served, folder / "home") as where:
        yield where


@pytest.fixture(scope="module")
def one_tab() -> Iterator[Tab]:
    with chromium_tab() as opened:
        yield opened


@pytest.fixture
def tab(one_tab: Tab) -> Tab:
    """The page in which one notebook is opened after the other."""
    one_tab.errors.clear()
    one_tab.asked.clear()
    return one_tab


def exercise_checks(assignment: str) -> set[str]:
    return {f"check_{exercise.name}" for exercise in topics()[assignment].exercises}


def question_checks(assignment: str) -> set[str]:
    return {f"check_{question.name}" for question in topics()[assignment].questions}


def stopped_at(cells: list[dict[str, Any]]) -> list[str]:
    """Return the texts of the code cells that did not run, and of the one that ended the run."""
    return [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and (cell["execution_count"] is None or _ends_the_run(cell))
    ]


def _ends_the_run(cell: dict[str, Any]) -> bool:
    raised = any(output["output_type"] == "error" for output in cell["outputs"])
    return raised and "raises-exception" not in cell["metadata"].get("tags", ())


def checks(assignment: str, cells: list[dict[str, Any]]) -> dict[str, str]:
    """Return what the one output of each check cell says."""
    names = exercise_checks(assignment) | question_checks(assignment)
    found: dict[str, str] = {}
    for cell in cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name in names:
            (output,) = cell["outputs"]
            found[name] = output["data"]["text/plain"]
    assert found.keys() == names
    return found


def errors(cells: list[dict[str, Any]]) -> list[list[str]]:
    """Return the lines of each error among the outputs."""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return [output["traceback"] for output in outputs if output["output_type"] == "error"]


@pytest.mark.parametrize("assignment", topics())
def test_run_all_on_the_released_lesson_reaches_the_end_and_each_check_waits(
    address: str, tab: Tab, assignment: str
) -> None:
    tab.open(address, f"student/{assignment}/{assignment}.ipynb")
    cells = tab.run_all()
    tab.shut_down()
    assert stopped_at(cells) == []
    said = checks(assignment, cells)
    assert all("\nNot answered yet." in text for text in said.values())
    waiting = errors(cells)
    assert {len(lines) for lines in waiting} <= {1}
    assert all(line.startswith("This cell is waiting for your answer") for (line,) in waiting)
    assert tab.errors == []
    assert tab.asked == []


@pytest.mark.parametrize("assignment", topics())
def test_run_all_on_the_model_answers_passes_every_check(
    address: str, tab: Tab, assignment: str
) -> None:
    tab.open(address, f"model/{assignment}/{assignment}.ipynb")
    cells = tab.run_all()
    assert stopped_at(cells) == []
    said = checks(assignment, cells)
    assert all(ALL_PASS in said[name] for name in exercise_checks(assignment))
    assert errors(cells) == []
    assert not any(output.get("name") == "stderr" for c in cells for output in c.get("outputs", ()))
    figures = tab.page.locator(".course-widget")
    assert figures.count() == sum("widgets." in "".join(cell["source"]) for cell in cells)
    for number in range(figures.count()):
        figure = Figure(tab, number=number)
        figure.root.scroll_into_view_if_needed()
        figure.to_its_ends()
    tab.page.locator(".course-check .passes").first.scroll_into_view_if_needed()
    assert tab.page.locator(".course-check .passes").first.is_visible()
    tab.shut_down()
    assert tab.errors == []
    assert tab.asked == []
