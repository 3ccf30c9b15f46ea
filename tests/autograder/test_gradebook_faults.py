"""What is wrong with a disk or a database is named, with the cure, and nothing is half-written."""

import os
import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autograder.course_config import LOCAL_FILE
from autograder.course_folder import CourseFolder, write_whole
from autograder.errors import DiskError
from autograder.gradebook import Books, GradebookError, record
from autograder.gradebook_faults import place_of
from tests.autograder.judged_before import keep_verdicts
from tests.autograder.own_mounts import apart, command, make_read_only, mount
from tests.autograder.recorded import configure, judge, keep, own_copy
from tests.autograder.submissions import (
    answered,
    autograded,
    grades,
    hand_in,
    plan_of,
    rows,
    tiny_course,
)
from tests.autograder.tiny_lesson import ASSIGNMENT

EMPTY = {"grade": [], "comment": []}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def course(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    copied = own_copy(built, tmp_path, monkeypatch)
    hand_in(copied, "ada", answered(copied))
    return copied


def nothing_written(course: CourseFolder) -> bool:
    left = [path for path in (course.root / "autograded").rglob("*") if path.name != "ada"]
    return rows(course) == EMPTY and not left


def small_disk(course: CourseFolder, free: int) -> tuple[CourseFolder, Path]:
    """Return a copy of the course on a disk with so many free bytes, and the file that fills it."""
    disk = course.root.parent / "disk"
    disk.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk))
    shutil.copytree(course.root, disk / "course")
    (disk / "course" / "autograded").mkdir(exist_ok=True)
    space = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(space.f_bavail * space.f_bsize - free))
    return CourseFolder(disk / "course"), disk / "filler"


def on_a_full_disk(course: CourseFolder, free: int) -> tuple[str, bool, int]:
    own, filler = small_disk(course, free)
    with pytest.raises(GradebookError) as caught:
        keep(own)
    clean = nothing_written(own)
    filler.unlink()
    keep(own)
    return str(caught.value), clean, len(grades(own))


@pytest.mark.parametrize("free", [0, 4096, 8192, 16384])
def test_a_full_disk_is_named_and_the_same_command_goes_on(course: CourseFolder, free: int) -> None:
    said, clean, count = apart(on_a_full_disk, course, free)
    assert re.search(r"must have room to be written, got: .* make room on its disk", said)
    assert (clean, count) == (True, 4)


def graded_on_a_full_disk(course: CourseFolder) -> list[Any]:
    own, filler = small_disk(course, 4096)
    first = command("grade", str(own.root), ASSIGNMENT)
    clean = nothing_written(own)
    filler.unlink()
    second = command("grade", str(own.root), ASSIGNMENT)
    return [first, clean, second, len(grades(own)), sorted(autograded(own))]


def test_grade_on_a_full_disk_ends_with_3_and_goes_on_when_there_is_room(
    course: CourseFolder,
) -> None:
    keep_verdicts(course)
    (code, said), clean, second, count, files = apart(graded_on_a_full_disk, course)
    assert (code, clean) == (3, True)
    assert "must have room to be written, got: No space left on device" in said
    assert "Traceback" not in said
    assert (second[0], count, files) == (0, 4, [f"{ASSIGNMENT}.ipynb"])


def on_a_read_only_folder(course: CourseFolder, folder: Path) -> tuple[str, Any]:
    (course.root / "autograded").mkdir(exist_ok=True)
    before = rows(course), autograded(course)
    make_read_only(folder)
    with pytest.raises(GradebookError) as caught:
        keep(course)
    return str(caught.value), (rows(course), autograded(course)) == before


@pytest.mark.parametrize("part", ["", "autograded", f"autograded/ada/{ASSIGNMENT}"])
def test_a_read_only_folder_is_named_and_the_same_command_goes_on(
    course: CourseFolder, part: str
) -> None:
    if part.endswith(ASSIGNMENT):
        keep(course)
        hand_in(course, "ada", answered(course, largest="largest = 1"))
        with closing(sqlite3.connect(course.gradebook)) as database:
            database.execute("UPDATE grade SET auto_score = 9")
            database.commit()
    said, same = apart(on_a_read_only_folder, course, course.root / part)
    assert same
    assert re.search(rf"{course.root / part}\S* must be writable, got: .*run this again", said)
    keep(course)
    assert grades(course)["check_box_area"] == (1.0, None, None, 0)


def on_a_read_only_gradebook(course: CourseFolder) -> str:
    make_read_only(course.gradebook)
    with pytest.raises(GradebookError) as caught:
        keep(course)
    assert nothing_written(course)
    return str(caught.value)


def test_a_read_only_gradebook_is_named(course: CourseFolder) -> None:
    said = apart(on_a_read_only_gradebook, course)
    assert f"{course.gradebook} must be writable, got: attempt to write a readonly" in said


@pytest.mark.parametrize(("lock", "course_id"), [("EXCLUSIVE", ""), ("IMMEDIATE", "new")])
def test_a_locked_gradebook_is_named_and_nothing_is_written(
    course: CourseFolder, lock: str, course_id: str
) -> None:
    url = f"sqlite:///{course.gradebook}?timeout=0.1"
    configure(
        course,
        f"c.CourseDirectory.db_url = {url!r}",
        f"c.CourseDirectory.course_id = {course_id!r}",
    )
    hand_in(course, "ada", answered(course))
    with closing(sqlite3.connect(course.gradebook)) as other:
        other.execute(f"BEGIN {lock}")
        with pytest.raises(GradebookError, match=r"must be free to be .*database is locked"):
            keep(course)
        other.rollback()
    assert rows(course) == {"grade": [], "comment": []}
    assert not list((course.root / "autograded").glob("*/*"))


def test_a_gradebook_locked_in_between_is_named_and_nothing_is_written(
    course: CourseFolder,
) -> None:
    configure(course, f"c.CourseDirectory.db_url = 'sqlite:///{course.gradebook}?timeout=0.1'")
    hand_in(course, "ada", answered(course))
    judged, submitted = judge(course, ASSIGNMENT, "ada")
    with Books.open(course) as books, closing(sqlite3.connect(course.gradebook)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GradebookError, match=r"free to be written.*then run this again"):
            record(course, plan_of(course), judged, submitted, books)
        other.rollback()
        assert not list((course.root / "autograded").glob("*/*"))
        record(course, plan_of(course), judged, submitted, books)
    assert len(grades(course)) == 4


def test_a_gradebook_that_is_held_for_a_moment_is_waited_for(course: CourseFolder) -> None:
    with closing(sqlite3.connect(course.gradebook, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.5, other.rollback)
        release.start()
        keep(course)
        release.join()
    assert len(grades(course)) == 4


def test_grade_with_a_locked_gradebook_ends_with_3_and_goes_on_when_it_is_free(
    course: CourseFolder,
) -> None:
    configure(course, f"c.CourseDirectory.db_url = 'sqlite:///{course.gradebook}?timeout=0.1'")
    keep_verdicts(course)
    with closing(sqlite3.connect(course.gradebook)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, said = command("grade", str(course.root), ASSIGNMENT)
        other.rollback()
    assert code == 3
    assert f"{course.gradebook} must be free to be written, got: database is locked" in said
    assert "Traceback" not in said
    assert nothing_written(course)
    assert command("grade", str(course.root), ASSIGNMENT)[0] == 0
    assert len(grades(course)) == 4


@pytest.mark.parametrize(
    ("version", "cure"),
    [
        ("ffffffffffff", "a newer nbgrader made it: install that one"),
        ("167914646830", "make a backup and run `nbgrader db upgrade` in the course's folder"),
    ],
)
def test_a_gradebook_of_another_nbgrader_is_left_alone(
    course: CourseFolder, version: str, cure: str
) -> None:
    with closing(sqlite3.connect(course.gradebook)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", [version])
        database.commit()
    before = course.gradebook.read_bytes()
    with pytest.raises(GradebookError, match=rf"gradebook.db must be as nbgrader .*{cure}"):
        keep(course)
    assert course.gradebook.read_bytes() == before
    assert nothing_written(course)


@pytest.mark.parametrize("start", [0, 4096])
def test_a_damaged_gradebook_is_left_alone(course: CourseFolder, start: int) -> None:
    data = course.gradebook.read_bytes()
    course.gradebook.write_bytes(data[:start] + b"\xff" * (len(data) - start))
    before = course.gradebook.read_bytes()
    with pytest.raises(GradebookError, match=r"gradebook.db must be a gradebook of nbgrader, got"):
        keep(course)
    assert course.gradebook.read_bytes() == before
    course.gradebook.write_bytes(data)
    keep(course)
    assert len(grades(course)) == 4


def test_a_gradebook_that_is_not_there_is_named_and_none_is_made(course: CourseFolder) -> None:
    kept = course.gradebook.rename(course.gradebook.with_name("kept.db"))
    with pytest.raises(GradebookError, match=r"gradebook.db must be the gradebook, got no such"):
        keep(course)
    assert not course.gradebook.exists()
    kept.rename(course.gradebook)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "'nonsense' must be free to be written, got: Could not parse"),
        ("mysql+nodriver://u:secret@h/b", r"mysql\+nodriver://u:\*\*\*@h/b must be free"),
        ("mysql+pymysql://u:secret@h/b", "@h/b must have a driver, got: No module named 'pymysql'"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_without_its_password(
    course: CourseFolder, url: str, said: str
) -> None:
    configure(course, f"c.CourseDirectory.db_url = {url!r}")
    with pytest.raises(GradebookError, match=said) as caught:
        keep(course)
    assert "secret" not in str(caught.value)
    (course.root / LOCAL_FILE).unlink()
    keep(course)


def test_an_address_is_shown_without_its_password() -> None:
    assert place_of("sqlite:////srv/gradebook.db?timeout=30") == "/srv/gradebook.db"
    assert place_of("postgresql://ada:secret@db/grades") == "postgresql://ada:***@db/grades"


def writes_into_a_read_only_folder(folder: Path) -> str:
    make_read_only(folder)
    with pytest.raises(DiskError) as caught:
        write_whole(folder / "kept.json", b"verdicts")
    return str(caught.value)


def test_a_file_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    said = apart(writes_into_a_read_only_folder, tmp_path)
    assert f"{tmp_path}/kept.json must be writable, got: Read-only file system" in said
