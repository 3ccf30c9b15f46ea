"""The lesson in a real JupyterLab: as it is handed out, and with the model answers."""

import shutil
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.build import build
from autograder.exercises import topics
from autograder.release import release
from course.check import ALL_PASS
from tests.browser.lab import CHROMIUM, Tab, chromium_tab, jupyter_lab

ASSIGNMENT = "03_nms"
TOPIC = topics()[ASSIGNMENT]
EXERCISES = {f"check_{exercise.name}" for exercise in TOPIC.exercises}
QUESTIONS = {f"check_{question.name}" for question in TOPIC.questions}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium must be installed, found none"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab with an unpacked bundle in student/ and the model answers in model/."""
    folder = tmp_path_factory.mktemp("lab")
    course = build(folder / "course", variants=1)
    served = folder / "served"
    with zipfile.ZipFile(release(course, ASSIGNMENT, folder / "bundle.zip")) as bundle:
        bundle.extractall(served / "student")
    shutil.copytree(course.root / "source" / ASSIGNMENT, served / "model" / ASSIGNMENT)
    with jupyter_lab(served, folder / "home") as where:
        yield where


@pytest.fixture
def tab() -> Iterator[Tab]:
    with chromium_tab() as opened:
        yield opened


def checks(cells: list[dict[str, Any]]) -> dict[str, str]:
    """Return what the one output of each check cell says."""
    found: dict[str, str] = {}
    for cell in cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name in EXERCISES | QUESTIONS:
            (output,) = cell["outputs"]
            found[name] = output["data"]["text/plain"]
    return found


def errors(cells: list[dict[str, Any]]) -> list[list[str]]:
    """Return the lines of each error among the outputs."""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return [output["traceback"] for output in outputs if output["output_type"] == "error"]


def test_run_all_on_the_released_lesson_reaches_the_end_and_each_check_waits(
    address: str, tab: Tab
) -> None:
    tab.open(address, f"student/{ASSIGNMENT}/{ASSIGNMENT}.ipynb")
    cells = tab.run_all()
    said = checks(cells)
    assert said.keys() == EXERCISES | QUESTIONS
    assert all("\nNot answered yet." in text for text in said.values())
    waiting = errors(cells)
    assert {len(lines) for lines in waiting} == {1}
    assert all(line.startswith("This cell is waiting for your answer") for (line,) in waiting)
    assert tab.errors == []
    assert tab.asked == []


def test_run_all_on_the_model_answers_passes_every_check(address: str, tab: Tab) -> None:
    tab.open(address, f"model/{ASSIGNMENT}/{ASSIGNMENT}.ipynb")
    cells = tab.run_all()
    said = checks(cells)
    assert said.keys() == EXERCISES | QUESTIONS
    assert all(ALL_PASS in said[name] for name in EXERCISES)
    assert errors(cells) == []
    assert not any(output.get("name") == "stderr" for c in cells for output in c.get("outputs", ()))
    tab.page.locator(".course-check .passes").first.scroll_into_view_if_needed()
    assert tab.page.locator(".course-check .passes").first.is_visible()
    assert tab.errors == []
    assert tab.asked == []
