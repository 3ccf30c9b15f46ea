"""Feedback pages in bulk are nbgrader's own, and nothing that is up to date is written."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import feedback
from autograder.course_folder import CourseFolder
from autograder.errors import UsageError
from autograder.feedback import FeedbackError, Pages, write_feedback
from tests.autograder.nbgrader_commands import generate_feedback
from tests.autograder.own_mounts import command
from tests.autograder.recorded import TIMESTAMP, configure, keep, own_copy, set_due
from tests.autograder.submissions import (
    answered,
    autograded,
    hand_in,
    released,
    tiny_course,
    verdicts,
)
from tests.autograder.test_executed_notebook import PNG
from tests.autograder.tiny_lesson import ASSIGNMENT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nbgrader's own
MARKED = (
    "Well **done**, see [this](https://example.org) and $x < y$.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
)
ODD_TEXTS = (
    "<script>hit()</script>",
    "</div></body></html> &lt;b&gt; & < >",
    "{{ 7 * 7 }} {% raw %} {{ resources.place }}",
    "$$\\frac{1}{2}$$\n\n    code\n\n- a\n- b\n\n> said\n\n![a](attachment:a.png)",
    " \n\t\u2028 \u00a0é\n\n# Heading\n\n***",
    "<p>open <li> <b>never closed",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("feedback"))


@pytest.fixture
def course(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    """A graded class: answers, an untouched notebook, a broken one, late ones, odd texts."""
    course = own_copy(built, tmp_path, monkeypatch)
    configure(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    set_due(course)
    hand_in(course, "ada", answered(course), "2025-12-31 00:00:00 UTC")
    hand_in(course, "bob", released(course))
    hand_in(course, "cut", b"{")
    hand_in(course, "late", answered(course), TIMESTAMP)
    (course.root / "submitted" / "ada" / ASSIGNMENT / "mine.png").write_bytes(b"picture")
    for student in ("ada", "bob", "cut", "late"):
        keep(course, student)
    for number, said in enumerate(ODD_TEXTS):
        keep_odd(course, f"odd_{number}", said)
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        books.find_comment("why_union", ASSIGNMENT, ASSIGNMENT, "ada").manual_comment = MARKED[0]
        marked = books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "ada")
        marked.manual_score, marked.extra_credit = 1.25, 0.5
        books.db.commit()
    return course


def keep_odd(course: CourseFolder, student: str, said: str) -> None:
    """Record a submission that says this wherever a student can say something."""
    notebook = answered(course, why_union=said, box_area=said)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(said))
    notebook.cells.insert(3, nbformat.v4.new_raw_cell(said))
    notebook.cells += [nbformat.v4.new_code_cell(said), nbformat.v4.new_markdown_cell("")]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.attachments = {"a.png": {"image/png": PNG}}
    hand_in(course, student, notebook)
    shown = tuple((kind, said) for kind in ("stdout", "stderr", "error", "text/plain"))
    judged = verdicts()
    runs = tuple(
        replace(judged.runs[0], index=i, outputs=(*shown, ("image/png", PNG))) for i in (3, 5)
    )
    hostile = replace(judged.exercises[0], message=said)
    keep(course, student, exercises=(hostile, *judged.exercises[1:]), runs=runs, notes=(said,))


def files(course: CourseFolder) -> dict[str, tuple[int, bytes]]:
    """Return modes and contents of all that lies in feedback/."""
    top = course.root / "feedback"
    found = sorted(path for path in top.rglob("*") if path.is_file())
    return {str(p.relative_to(top)): (p.stat().st_mode, p.read_bytes()) for p in found}


def page(course: CourseFolder, student: str) -> Path:
    return course.root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"


def test_the_files_are_those_that_nbgrader_leaves(course: CourseFolder) -> None:
    assert generate_feedback(course.root, ASSIGNMENT)[0] == 0
    by_nbgrader = files(course)
    assert len([name for name in by_nbgrader if name.endswith(".html")]) == 4 + len(ODD_TEXTS)
    shutil.rmtree(course.root / "feedback")
    made = write_feedback(course, ASSIGNMENT, jobs=1)
    assert (len(made.written), len(made.kept)) == (4 + len(ODD_TEXTS), 0)
    ours = files(course)
    assert sorted(ours) == sorted(by_nbgrader)
    for name, content in by_nbgrader.items():
        assert ours[name] == content, name
    assert f"ada/{ASSIGNMENT}/mine.png" in ours
    assert b"Late submission penalty" in ours[f"late/{ASSIGNMENT}/{ASSIGNMENT}.html"][1]
    assert b"Well <strong>done</strong>" in ours[f"ada/{ASSIGNMENT}/{ASSIGNMENT}.html"][1]


def test_the_modes_are_those_of_a_shared_course(course: CourseFolder) -> None:
    configure(course, "c.CourseDirectory.groupshared = True")
    generate_feedback(course.root, ASSIGNMENT, "--student=ada")
    folders = [course.root / "feedback", page(course, "ada").parent]
    by_nbgrader = files(course), [folder.stat().st_mode for folder in folders]
    shutil.rmtree(course.root / "feedback")
    write_feedback(course, ASSIGNMENT, ["ada"])
    assert (files(course), [folder.stat().st_mode for folder in folders]) == by_nbgrader


def test_several_processes_leave_the_same(course: CourseFolder) -> None:
    write_feedback(course, ASSIGNMENT, jobs=1)
    alone = files(course)
    shutil.rmtree(course.root / "feedback")
    told: list[tuple[int, int]] = []
    made = write_feedback(course, ASSIGNMENT, jobs=2, progress=lambda *now: told.append(now))
    assert files(course) == alone
    assert len(made.written) == len(told) == 10
    assert told[-1] == (10, 10)


def test_only_what_changed_is_written_again(course: CourseFolder) -> None:
    write_feedback(course, ASSIGNMENT)

    def times() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in (course.root / "feedback").rglob("*.*")}

    before = times()
    assert write_feedback(course, ASSIGNMENT).written == ()
    assert times() == before
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        books.find_comment("box_iou", ASSIGNMENT, ASSIGNMENT, "bob").manual_comment = "Nearly."
        books.db.commit()
    page(course, "late").write_text("damaged")
    (page(course, "ada").parent / "old.png").write_bytes(b"of an older submission")
    assert write_feedback(course, ASSIGNMENT).written == ("ada", "bob", "late")
    after = times()
    assert {path for path, time in before.items() if after[path] != time} == {
        page(course, "bob"),
        page(course, "late"),
    }
    assert "Nearly." in page(course, "bob").read_text()
    assert not (page(course, "ada").parent / "old.png").exists()


def test_what_a_killed_run_left_is_cleared_away(course: CourseFolder) -> None:
    left = course.root / "feedback" / "ada" / f".{ASSIGNMENT}.killed"
    left.mkdir(parents=True)
    (left / f"{ASSIGNMENT}.html").write_text("half")
    write_feedback(course, ASSIGNMENT, ["ada"])
    assert [path.name for path in (course.root / "feedback" / "ada").iterdir()] == [ASSIGNMENT]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_page_that_cannot_be_made_is_named_and_the_others_are(
    course: CourseFolder, jobs: int
) -> None:
    for student in ("bob", "odd_0"):
        notebook = course.root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        notebook.chmod(0o644)
        notebook.write_text("{")
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        books.remove_submission(ASSIGNMENT, "cut")
    with pytest.raises(FeedbackError) as caught:
        write_feedback(course, ASSIGNMENT, jobs=jobs)
    said = str(caught.value)
    assert said.startswith("3 of 10 pages could not be written: bob: 03_tiny.ipynb in autograded/")
    assert "cut: the submission must be in the gradebook, got no 03_tiny of 'cut'" in said
    assert "run `autograder grade` again" in said
    assert len(list((course.root / "feedback").rglob("*.html"))) == 7


def test_a_cell_without_a_row_is_named(course: CourseFolder) -> None:
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        books.db.delete(books.find_comment("box_iou", ASSIGNMENT, ASSIGNMENT, "ada"))
        books.db.commit()
    with pytest.raises(FeedbackError, match="ada: cell 'box_iou' must be in the gradebook, got no"):
        write_feedback(course, ASSIGNMENT, ["ada"])


def end(*_: Any) -> bool:
    os._exit(1)


def test_a_process_that_is_ended_is_told(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "_write", end)
    with pytest.raises(FeedbackError, match=r"must live to its end, got one that was ended"):
        write_feedback(course, ASSIGNMENT, jobs=2)


def test_without_grades_there_is_no_feedback(course: CourseFolder) -> None:
    with pytest.raises(UsageError, match="'zoe' must have a graded submission of 03_tiny, got non"):
        write_feedback(course, ASSIGNMENT, ["zoe"])
    shutil.rmtree(course.root / "autograded")
    with pytest.raises(UsageError, match="03_tiny must have graded submissions, got none in"):
        write_feedback(course, ASSIGNMENT)
    with pytest.raises(UsageError, match="jobs must be at least 1, got 0"):
        write_feedback(course, ASSIGNMENT, jobs=0)


@pytest.mark.parametrize(
    "setting",
    ["c.HTMLExporter.template_name = 'lab'", "c.GenerateFeedback.preprocessors = []"],
)
def test_settings_that_only_nbgrader_follows_are_refused(
    course: CourseFolder, setting: str
) -> None:
    configure(course, setting)
    with pytest.raises(UsageError, match="run `nbgrader generate_feedback` instead"):
        write_feedback(course, ASSIGNMENT)


def test_no_student_can_name_the_place_of_a_cell(course: CourseFolder) -> None:
    places = {Pages.of(course, ASSIGNMENT)._place for _ in range(2)}
    assert len(places) == 2
    assert all(re.fullmatch(r"cell[0-9a-f]{32}", place) for place in places)


def test_nothing_of_a_guide_or_a_script_is_in_a_page(course: CourseFolder) -> None:
    write_feedback(course, ASSIGNMENT)
    assert "Marking guide" in autograded(course)[f"{ASSIGNMENT}.ipynb"].decode()
    for path in (course.root / "feedback").rglob("*.html"):
        assert "Marking guide" not in path.read_text()
        assert "<script>hit()" not in path.read_text()


def test_the_command_says_what_it_did(course: CourseFolder) -> None:
    code, said = command("feedback", str(course.root), ASSIGNMENT, "--jobs", "1")
    assert (code, "Wrote 10 pages in" in said, "0 were up to date" in said) == (0, True, True)
    code, said = command("feedback", str(course.root), ASSIGNMENT, "--student", "ada")
    assert (code, "Wrote 0 pages" in said, "1 were up to date" in said) == (0, True, True)
    page(course, "ada").parent.parent.rename(page(course, "ada").parent.parent.with_name("put"))
    shutil.rmtree(course.root / "autograded")
    assert command("feedback", str(course.root), ASSIGNMENT)[0] == 2
