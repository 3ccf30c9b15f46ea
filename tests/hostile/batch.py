"""A class of attackers among honest students: handing in, and what of the machine is looked at."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import nbformat

from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.student import hand_in
from autograder.record import COULD_NOT_RUN, SubmissionRecord
from autograder.running import MAX_SHOWN
from autograder.session import MAX_OUTPUT_TEXT, MAX_OUTPUTS
from tests.hostile.attack import SIGN, Attack

ASSIGNMENT = "03_nms"
HONEST = {
    "honest_right": "Amara Okafor",
    "honest_noisy": "Tomasz Wójcik",
    "honest_union": "Elif Demir",
    "honest_partly": "Hana Kobayashi",
    "honest_begun": "Ben Carter",
    "honest_untouched": "Anna Novak",
}
COMMS = ("outlives", "left-behind")  # names that processes of attacks give themselves
FILES = ("json.py", "inputs", "program", "tests.txt", "left", "big0", "0")


def hand_in_honest(course: CourseFolder) -> None:
    """Put the honest students' submissions into a course."""
    released = release_of(course)
    by_name = {student.name: student for student in STUDENTS}
    for folder, name in HONEST.items():
        data = hand_in(by_name[name], released)
        assert data is not None
        _own_folder(course, folder).joinpath(f"{ASSIGNMENT}.ipynb").write_bytes(data)


def hand_in_attack(course: CourseFolder, attack: Attack, places: Mapping[str, str]) -> list[str]:
    """Put an attack's submissions into a course; return its students."""
    students = students_of(attack)
    for student in students:
        notebook = attack.notebook(nbformat.reads(release_of(course), as_version=4), places)
        folder = _own_folder(course, student)
        (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook))
        if attack.place:
            attack.place(folder)
    return students


def students_of(attack: Attack) -> list[str]:
    """Return the students who hand in an attack."""
    return [f"{attack.name}_{i}" for i in (1, 2)] if attack.twice else [attack.name]


def release_of(course: CourseFolder) -> bytes:
    """Return the released notebook."""
    return (course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()


def _own_folder(course: CourseFolder, student: str) -> Path:
    folder = course.root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    return folder


def success(attack: Attack, record: SubmissionRecord) -> str:
    """Return how an attack succeeded, "" where it did not; all signs are looked for in each."""
    stuck = [v.exercise for v in record.exercises if v.verdict == COULD_NOT_RUN]
    if attack.unreadable:
        return "" if record.reason and record.score is None else "it was read"
    if record.score is None or stuck:
        return f"the grader failed: {record.reason} {stuck}"
    if record.score > attack.earns:
        return f"it earned {record.score} points"
    if any(SIGN in text for run in record.runs for _, text in run.outputs):
        return "it printed its sign"
    return flood(record)


def flood(record: SubmissionRecord) -> str:
    """Return what is too large in what a submission's cells displayed."""
    sizes = [len(text) for run in record.runs for kind, text in run.outputs if kind != "image/png"]
    most = max((len(run.outputs) for run in record.runs), default=0)
    total = sum(len(text) for run in record.runs for _, text in run.outputs)
    if max(sizes, default=0) > MAX_OUTPUT_TEXT or most > MAX_OUTPUTS + 1 or total > MAX_SHOWN:
        return f"{most} outputs in a cell, {total} characters in all"
    return ""


def processes_left() -> list[str]:
    """Return all processes below this one, and those with a name that an attack takes."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            comm = (folder / "comm").read_text().strip()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if comm in COMMS or parent == os.getpid():
            found.append(f"{folder.name} {comm}")
    return found


def files_left() -> list[str]:
    """Return the files that attacks leave where everybody may write."""
    tops = ("/tmp", "/dev/shm", "/dev", "/")
    return [f"{top}/{name}" for top in tops for name in FILES if os.path.exists(f"{top}/{name}")]


def tree(root: Path, *leave_out: str) -> dict[str, str]:
    """Return the hash of every file in a folder, and where every link points."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.split("/")[0] in leave_out or name in leave_out:
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
