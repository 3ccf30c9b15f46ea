"""All attacks in one batch among honest submissions: none succeeds, and nobody else notices."""

import csv
import io
import os
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin

from autograder.console import open_console, print_overview, what_went_wrong
from autograder.course_folder import CourseFolder
from autograder.grading import grade_class
from autograder.record import SubmissionRecord
from autograder.report import write_report
from tests.autograder.nbgrader_commands import generate_feedback
from tests.autograder.submissions import rows
from tests.hostile import batch
from tests.hostile.attack import CLASSES, Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.batch import ASSIGNMENT, HONEST
from tests.hostile.conftest import Canaries
from tests.hostile.pages import active_parts

Graded = tuple[CourseFolder, dict[str, SubmissionRecord]]


@pytest.fixture(scope="module")
def own_tmp():
    """The folder for the grader's own temporary files, which the sandbox's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
    folder.rmdir()


@pytest.fixture(scope="module")
def peaceful(hostile_course, small_limits, own_tmp, tmp_path_factory) -> Graded:
    """The honest students alone."""
    return graded(hostile_course, tmp_path_factory.mktemp("peaceful") / "course")


@pytest.fixture(scope="module")
def before() -> dict[str, object]:
    """What is on this machine before the batch."""
    return {
        "processes": batch.processes_left(),
        "files": batch.files_left(),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


@pytest.fixture(scope="module")
def attacked(
    peaceful, hostile_course, small_limits, own_tmp, canaries, before, tmp_path_factory
) -> Graded:
    """The honest students among all attackers, in one batch."""
    folder = tmp_path_factory.mktemp("attacked") / "course"
    return graded(hostile_course, folder, ATTACKS, canaries)


def graded(
    course: CourseFolder,
    folder: Path,
    attacks: tuple[Attack, ...] = (),
    canaries: Canaries | None = None,
) -> Graded:
    shutil.copytree(course.root, folder)
    own = CourseFolder.open(folder)
    batch.hand_in_honest(own)
    for attack in attacks:
        batch.hand_in_attack(own, attack, canaries.places if canaries else {})
    (folder / "before").mkdir()
    submitted = batch.tree(folder, "before", "gradebook.db")
    records = grade_class(own, ASSIGNMENT)
    after = batch.tree(folder, "before", "gradebook.db", "autograded")
    new = {name for name in after if name not in submitted}
    assert {name: after.get(name) for name in submitted} == submitted  # no file was changed
    assert all(name.startswith("private/results/") for name in new), new
    return own, {record.student: record for record in records}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_attack_succeeds(attacked: Graded, attack: Attack):
    for student in batch.students_of(attack):
        record = attacked[1][student]
        assert batch.success(attack, record) == ""
        assert record.reason or all(v.message or v.score == 1 for v in record.exercises)


def test_the_honest_get_what_they_get_without_attackers(attacked: Graded, peaceful: Graded):
    for student in HONEST:
        alone, among = (replace(g[1][student], seconds=0.0) for g in (peaceful, attacked))
        assert among == alone
    assert peaceful[1]["honest_right"].score == 14
    assert 0 < peaceful[1]["honest_partly"].score < 14
    assert peaceful[1]["honest_untouched"].score == 0


def test_their_rows_and_files_are_the_same_too(attacked: Graded, peaceful: Graded):
    def of_the_honest(course: CourseFolder):
        tables = rows(course)
        return {name: [r for r in table if r[0] in HONEST] for name, table in tables.items()}

    assert of_the_honest(attacked[0]) == of_the_honest(peaceful[0])
    for student in HONEST:
        folders = [graded[0].root / "autograded" / student for graded in (attacked, peaceful)]
        assert batch.tree(folders[0]) == batch.tree(folders[1])


def test_everybody_has_a_verdict_and_a_row_of_their_own(attacked: Graded):
    course, records = attacked
    students = {s for attack in ATTACKS for s in batch.students_of(attack)} | set(HONEST)
    assert set(records) == students
    assert {row[0] for row in rows(course)["grade"]} == students
    assert {path.name for path in (course.root / "autograded").iterdir()} == students


def test_nothing_is_left_on_the_machine(attacked: Graded, before, own_tmp: Path):
    assert batch.processes_left() == before["processes"]
    assert batch.files_left() == before["files"]
    assert len(os.listdir("/proc/self/fd")) <= before["descriptors"]
    assert list(own_tmp.iterdir()) == []


def test_no_service_of_this_machine_was_reached(attacked: Graded, canaries: Canaries):
    assert canaries.heard == []


def test_the_suite_covers_every_class_of_attacks():
    assert {attack.kind for attack in ATTACKS} == set(CLASSES)
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert all(attack.tries.endswith(".") and attack.defence for attack in ATTACKS)
    assert sys.platform == "linux"


# --- what people read


INJECTIONS = [attack for attack in ATTACKS if attack.kind == 12]


@pytest.fixture(scope="module")
def feedback(attacked: Graded, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The feedback of who injects something, and of an honest student, as nbgrader makes it."""
    readers = {s for attack in INJECTIONS for s in batch.students_of(attack)} | {"honest_union"}
    folder = tmp_path_factory.mktemp("feedback") / "course"

    def others(place: str, names: list[str]) -> set[str]:
        top = Path(place).name in ("autograded", "submitted")
        return {name for name in names if top and name not in readers}

    shutil.copytree(attacked[0].root, folder, ignore=others, symlinks=True)
    code, log = generate_feedback(folder, ASSIGNMENT)
    assert code == 0, log
    pages = {s: folder / "feedback" / s / ASSIGNMENT / f"{ASSIGNMENT}.html" for s in readers}
    return {student: page.read_text() for student, page in pages.items()}


@pytest.mark.parametrize("attack", INJECTIONS, ids=lambda attack: attack.name)
def test_feedback_has_nothing_that_acts_but_what_nbgrader_puts_into_every_page(
    feedback: dict[str, str], attack: Attack
):
    usual = active_parts(feedback["honest_union"])
    assert usual  # the search finds nbgrader's own scripts
    assert active_parts(feedback[attack.name]) <= usual
    assert "\x1b" not in feedback[attack.name]


def test_the_report_has_nothing_that_acts_but_its_own(attacked, peaceful, tmp_path: Path):
    records = {"usual": peaceful[1].values(), "hostile": attacked[1].values()}
    pages = {
        name: write_report(list(chosen), tmp_path / f"{name}.html").read_text()
        for name, chosen in records.items()
    }
    assert active_parts(pages["hostile"]) <= active_parts(pages["usual"])
    assert "\x1b" not in pages["hostile"]


def test_the_terminal_gets_no_codes_of_a_student(attacked: Graded):
    heard = io.StringIO()
    console = open_console(heard)
    print_overview(list(attacked[1].values()), console, {})
    for record in attacked[1].values():
        console.print(what_went_wrong(record), markup=False)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", heard.getvalue())


def test_an_exported_table_holds_ids_and_numbers_alone(attacked: Graded, tmp_path: Path):
    exporter = CsvExportPlugin()
    exporter.to = str(tmp_path / "grades.csv")
    with Gradebook(f"sqlite:///{attacked[0].gradebook}", "") as books:
        exporter.export(books)
    with (tmp_path / "grades.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["student_id"] for row in rows} == set(attacked[1])
    texts = {value for row in rows for value in row.values()}
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@")) or "<" in text]


def test_only_pictures_of_what_lies_beside_a_notebook_are_taken_along(attacked: Graded):
    folder = attacked[0].root / "autograded" / "file_names" / ASSIGNMENT
    assert all(path.suffix in (".ipynb", ".png") for path in folder.iterdir())
