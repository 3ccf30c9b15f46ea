"""A run that is killed while it writes the books, and the same command again.

`python -m tests.autograder.test_gradebook_kills 500` kills that many.
"""

import json
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from autograder.course_folder import CourseFolder
from autograder.gradebook import Books, Prepared, prepare
from tests.autograder.recorded import TIMESTAMP, judge, own_copy, set_due
from tests.autograder.submissions import (
    answered,
    autograded,
    hand_in,
    plan_of,
    released,
    rows,
    tiny_course,
    verdicts,
)
from tests.autograder.tiny_lesson import ASSIGNMENT

KILLS = 15
LONGEST = 0.25  # seconds of a run; it writes some thirty submissions in that time
STUDENTS = ("ada", "bob", "cleo", "dan")


def whole_class(course: CourseFolder, *, better: bool) -> list[Prepared]:
    """Return what is to be written of each student, by one grader or by another."""
    made = []
    for student in STUDENTS:
        judged, submitted = judge(course, ASSIGNMENT, student)
        if better and judged.exercises:
            judged = replace(judged, exercises=verdicts().exercises[:1], notes=("judged again",))
        made.append(prepare(plan_of(course), judged, submitted))
    return made


def hand_in_all(course: CourseFolder) -> None:
    """Hand in answers, late ones, an untouched notebook and a broken one."""
    set_due(course)
    contents = (answered(course), answered(course), released(course), b"{")
    for student, content, time_of in zip(STUDENTS, contents, ("", TIMESTAMP, "", ""), strict=True):
        hand_in(course, student, content, time_of or None)


def write_for_ever(course: CourseFolder, begun: Event) -> None:
    """Write the class by the two graders in turn until somebody ends this process."""
    both = [whole_class(course, better=better) for better in (True, False)]
    with Books.open(course) as books:
        begun.set()
        while True:
            for prepared in both[0] + both[1]:
                books.write(prepared)


def killed(course: CourseFolder, chance: random.Random) -> None:
    """Run `write_for_ever` for a moment and kill it."""
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=write_for_ever, args=(course, begun))
    process.start()
    assert begun.wait(60)
    time.sleep(chance.uniform(0, LONGEST))
    process.kill()
    process.join()
    assert process.exitcode == -9


def state(course: CourseFolder) -> list[Any]:
    """Return all that the books hold: rows, files, and what else lies in autograded/."""
    paths = sorted((course.root / "autograded").rglob("*"))
    modes = [(path, path.stat().st_mode) for path in paths]
    return [rows(course), {student: autograded(course, student) for student in STUDENTS}, modes]


def of_student(course: CourseFolder, student: str) -> list[Any]:
    return [[row for row in table if row[0] == student] for table in rows(course).values()]


def check_kills(course: CourseFolder, kills: int, seed: int) -> int:
    """Kill so many runs; return how many left something that the next run had to mend."""
    hand_in_all(course)
    chance, mended = random.Random(seed), 0
    whole: dict[str, list[Any]] = {student: [[[], []]] for student in STUDENTS}
    undisturbed: list[Any] = []
    for better in (True, False):  # the second is what each mending run writes
        write(course, better=better)
        undisturbed = state(course)
        for student in STUDENTS:
            whole[student].append(of_student(course, student))
    for number in range(kills):
        if number % 5 == 0:  # also begin with empty books
            forget(course)
        killed(course, chance)
        with closing(sqlite3.connect(course.gradebook)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for student in STUDENTS:
            assert of_student(course, student) in whole[student]
            for name, data in autograded(course, student).items():
                assert not name.endswith(".ipynb") or json.loads(data)["cells"]
        before = state(course)
        write(course, better=False)
        assert state(course) == undisturbed
        mended += before != undisturbed
    return mended


def write(course: CourseFolder, *, better: bool) -> None:
    with Books.open(course) as books:
        for prepared in whole_class(course, better=better):
            books.write(prepared)


def forget(course: CourseFolder) -> None:
    """Take the class out of the books, as if it had never been graded."""
    with closing(sqlite3.connect(course.gradebook)) as database:
        for table in ("grade", "comment", "submitted_notebook", "submitted_assignment", "student"):
            database.execute(f"DELETE FROM {table}")
        database.commit()
    for path in sorted((course.root / "autograded").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    return own_copy(tiny_course(tmp_path / "built"), tmp_path, monkeypatch)


def test_what_a_killed_run_leaves_is_mended_by_the_next(course: CourseFolder) -> None:
    assert check_kills(course, KILLS, seed=5) >= KILLS // 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        built = own_copy(tiny_course(Path(name) / "built"), Path(name), patch)
        count = int(sys.argv[1])
        print(f"{check_kills(built, count, seed=5)} of {count} killed runs left something to mend")
