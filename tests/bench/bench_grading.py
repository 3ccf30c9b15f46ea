"""Throughput of grading 03_nms beside stock `nbgrader autograde` of the same notebooks.

Ours: MANY equal right submissions, each under its student's own hidden cases, with one process
and with two; the steady rate leaves the first ones out. Stock nbgrader runs every cell in a new
kernel for each notebook and trusts what the kernel says; what one more costs is the difference
between a small class and a smaller one. It is asked once for the whole notebooks and once for
notebooks whose cells that only display are empty, since ours does not run those.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.student import hand_in
from autograder.plan import SHOW

ASSIGNMENT = "03_nms"
MANY, WARMING = 210, 10
STOCK_FEW, STOCK_MANY = 1, 5
VARIANTS = 16
STOCK_CONFIG = "c = get_config()\nc.Execute.timeout = 600\n"


def main() -> None:
    """Build one course, grade copies of it both ways, print the table."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        course = build(top / "built", VARIANTS, [ASSIGNMENT])
        two, one = (ours(top, course, jobs, MANY) for jobs in (2, 1))
        stock = {shown: _stock(top, course, shown) for shown in (True, False)}
    print(f"{'':46}{'start, s':>10}{'one more, s':>13}{'a minute':>10}{'ratio':>8}")
    rows = [("autograder grade --jobs 2", two.start, two.each)]
    rows.append(("autograder grade --jobs 1", one.start, one.each))
    rows.append(("nbgrader autograde, whole notebooks", *stock[True]))
    rows.append(("nbgrader autograde, without the show cells", *stock[False]))
    for label, start, each in rows:
        print(f"{label:46}{start:>10.1f}{each:>13.3f}{60 / each:>10.0f}{each / two.each:>8.1f}")
    print(f"from one process to two: {one.each / two.each / 2:.2f} of twice the rate")
    print(f"the writer: {1000 * two.writer:.1f} ms of computing for one submission")
    print(f"memory of the client after {WARMING} and after {MANY}: {two.memory}")
    print(f"left behind by {MANY} submissions: {two.left}")


class Run:
    """What one watched run of `grade` took."""

    def __init__(self, told: dict) -> None:
        moments = told["moments"]
        assert told["right"] == len(moments), "a right submission was not judged so"
        first, last, count = moments[WARMING - 1], moments[-1], len(moments) - WARMING
        self.start = moments[0][0]
        self.each = (last[0] - first[0]) / count
        self.writer = (last[1] - first[1]) / count
        self.memory = " and ".join(f"{m[2] / 2**20:.0f} MiB" for m in (first, last))
        self.left = told["left"]


def ours(top: Path, course: CourseFolder, jobs: int, count: int) -> Run:
    """Grade a class of equal right submissions in a fresh copy of the course."""
    folder = top / "ours"
    shutil.copytree(course.root, folder)
    _hand_in(folder, count)
    output = _run([sys.executable, "-m", "tests.bench.grading_run", str(folder), str(jobs)], Path())
    shutil.rmtree(folder)
    return Run(json.loads(output.splitlines()[-1]))


def _stock(top: Path, course: CourseFolder, shown: bool) -> tuple[float, float]:
    """Return (start, seconds for one more submission) of stock nbgrader."""
    seconds = []
    for count in (STOCK_FEW, STOCK_MANY):
        folder = top / "stock"
        shutil.copytree(course.root, folder)
        _hand_in(folder, count, () if shown else _shows(course))
        (folder / "nbgrader_config.py").write_text(STOCK_CONFIG)
        start = time.perf_counter()
        _run([sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT], folder)
        seconds.append(time.perf_counter() - start)
        shutil.rmtree(folder)
    each = (seconds[1] - seconds[0]) / (STOCK_MANY - STOCK_FEW)
    return seconds[0] - STOCK_FEW * each, each


def _shows(course: CourseFolder) -> tuple[str, ...]:
    plan = course.plan(ASSIGNMENT)
    return tuple(cell.grade_id for cell in plan.cells if cell.kind == SHOW)


def _hand_in(folder: Path, count: int, emptied: tuple[str, ...] = ()) -> None:
    released = (folder / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    data = hand_in(STUDENTS[0], released)
    assert data is not None
    if emptied:
        notebook = json.loads(data)
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") in emptied:
                cell["source"] = []
        data = json.dumps(notebook).encode()
    for number in range(count):
        own = folder / "submitted" / f"student_{number:04d}" / ASSIGNMENT
        own.mkdir(parents=True)
        (own / f"{ASSIGNMENT}.ipynb").write_bytes(data)


def _run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
