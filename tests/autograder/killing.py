"""Grading killed at a random moment: the client, a judging process, a student's process, or the
warm process that forks those. What is left is compared with an undisturbed run.

As a program it kills as often as it is told: python -m tests.autograder.killing 100
"""

import ctypes
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.run import write_classes
from autograder.grading import grade_class
from tests.autograder.submissions import rows

ASSIGNMENT = "03_nms"
WHOM = ("client", "judging process", "student's process", "warm process")
CLASS = ("amara_okafor", "anna_novak", "diego_salas", "hana_kobayashi", "mei_zhao", "yuki_tanaka")
PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 20.0


@dataclass(frozen=True)
class Undisturbed:
    """A course with submissions, and what grading it leaves."""

    course: CourseFolder
    rows: Any
    files: dict[str, bytes]
    seconds: float


def undisturbed(folder: Path, students: tuple[str, ...] = CLASS) -> Undisturbed:
    """Build a course, hand in, and grade a copy of it."""
    course = build(folder / "built", 1, [ASSIGNMENT])
    write_classes(course, {ASSIGNMENT: [s for s in STUDENTS if s.id in students]})
    graded = copy_of(course, folder / "graded")
    client = Client(graded)
    start = time.monotonic()
    assert client.wait() == 0
    seconds = time.monotonic() - start
    return Undisturbed(course, rows(graded), files(graded), seconds)


def copy_of(course: CourseFolder, folder: Path) -> CourseFolder:
    """Return a copy of a course."""
    shutil.copytree(course.root, folder)
    return CourseFolder.open(folder)


def files(course: CourseFolder) -> dict[str, bytes]:
    """Return all that is in autograded/, hidden files too."""
    top = course.root / "autograded"
    return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}


class Client:
    """`autograder grade` in a process that is forked from this one, which has imported it all."""

    def __init__(self, course: CourseFolder) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans come to this process
        self.scratch = Path(tempfile.mkdtemp(prefix="killed-"))
        self.scratch.chmod(0o755)  # started by root, the sandbox is another user's
        self._before = set(children(os.getpid()))
        fork = multiprocessing.get_context("fork")
        self.process = fork.Process(target=_grade, args=(course, self.scratch))
        self.process.start()

    def wait(self) -> int:
        """Return the exit code, once the client and all that it started are gone."""
        self.process.join(300)
        assert self.process.exitcode is not None, "it hangs"
        deadline = time.monotonic() + GONE_SECONDS
        while left := self._orphans():
            assert time.monotonic() < deadline, f"left behind: {[command(pid) for pid in left]}"
            time.sleep(0.05)
        assert not list(self.scratch.iterdir())
        self.scratch.rmdir()
        return self.process.exitcode

    def _orphans(self) -> list[int]:
        """Return what still runs of all that was started, the dead ones reaped."""
        started = set(children(os.getpid())) - self._before
        return [pid for pid in started if os.waitpid(pid, os.WNOHANG) == (0, 0)]

    def kill(self, whom: str, chance: random.Random) -> bool:
        """Kill one of the processes, as soon as there is one; return whether there was."""
        pid = self.process.pid
        assert pid is not None
        while self.process.exitcode is None:
            found = [pid] if whom == "client" else victims(pid, whom)
            try:
                os.kill(chance.choice(found), signal.SIGKILL)
            except (IndexError, ProcessLookupError):
                self.process.join(0.005)
            else:
                return True
        return False


def _grade(course: CourseFolder, scratch: Path) -> None:
    tempfile.tempdir = str(scratch)
    grade_class(course, ASSIGNMENT, jobs=2)


def kill_once(calm: Undisturbed, folder: Path, whom: str, chance: random.Random) -> str:
    """Kill at a random moment, run the same again, compare; return what was hit.

    AssertionError: the gradebook or the files are not those of the undisturbed run, a verdict that
    was kept was judged again, or something was left behind.
    """
    course = copy_of(calm.course, folder)
    client = Client(course)
    moment = chance.uniform(0, calm.seconds)
    said = f"{whom} after {moment:.2f} s"
    client.process.join(moment)
    hit = client.kill(whom, chance)
    code = client.wait()
    assert code == (-signal.SIGKILL if hit and whom == "client" else 0)
    done = {path: path.stat().st_mtime_ns for path in course.results.glob("[0-9a-f]*.json")}
    assert Client(course).wait() == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert rows(course) == calm.rows, said
    assert files(course) == calm.files, said
    assert not [path for path in course.root.rglob(".*") if path.is_file()]
    shutil.rmtree(course.root)
    kept = f"{len(done)} of {len(CLASS)} verdicts kept"
    return f"{said}, {kept}" if hit else f"{said}: none was there"


def victims(client: int, whom: str) -> list[int]:
    """Return the processes of that kind below a client."""
    judges = children(client)
    starters = [pid for judge in judges for pid in children(judge)]
    forking = [pid for starter in starters for pid in children(starter)]
    if whom == "judging process":
        return [pid for pid in judges if b"inside.py" not in command(pid)]
    if whom == "warm process":
        return [pid for pid in [*judges, *starters, *forking] if b"inside.py" in command(pid)]
    return [pid for warm in forking for pid in [*children(warm), *below(warm)]]


def children(pid: int) -> list[int]:
    """Return a process's own children."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return []
    return found


def below(pid: int) -> list[int]:
    """Return all that a process and its children started."""
    return [one for child in children(pid) for one in (child, *below(child))]


def command(pid: int) -> bytes:
    """Return a process's command line; empty for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def main(count: int) -> None:
    """Kill `count` times, whom and when by chance, and print what was hit."""
    chance = random.Random(count)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        calm = undisturbed(top)
        print(f"undisturbed: {len(CLASS)} submissions in {calm.seconds:.1f} s")
        for number in range(count):
            print(number + 1, kill_once(calm, top / "killed", WHOM[number % len(WHOM)], chance))


if __name__ == "__main__":
    main(int(sys.argv[1]))
