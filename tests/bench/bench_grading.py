"""Throughput of grading 03_nms beside stock `nbgrader autograde` of the same notebooks.

Both programs are run whole, on a class of FEW and a class of MANY equal right submissions: what
one more submission costs is the difference, what is left is the start. Stock nbgrader runs every
cell, pictures included, in a new kernel for each notebook, and trusts what the kernel says.
"""

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

ASSIGNMENT = "03_nms"
FEW, MANY, STOCK_MANY = 1, 25, 4
STOCK_CONFIG = "c = get_config()\nc.Execute.timeout = 600\n"


def main() -> None:
    """Build one course, grade copies of it both ways, print the table."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        course = build(top / "built", 4, [ASSIGNMENT])
        ours = _two_sizes(top, course, _ours, MANY)
        stock = _two_sizes(top, course, _stock, STOCK_MANY)
    print(f"{'':24}{'start, s':>10}{'one more, s':>14}{'a minute':>10}")
    for label, (start, each) in (("autograder grade", ours), ("nbgrader autograde", stock)):
        print(f"{label:24}{start:>10.1f}{each:>14.3f}{60 / each:>10.0f}")
    print(f"ratio of what one more submission costs: {stock[1] / ours[1]:.1f} times less")
    ours_30, stock_30 = (start + 30 * each for start, each in (ours, stock))
    print(f"a class of 30, start included: {ours_30:.0f} s against {stock_30:.0f} s")


def _two_sizes(top: Path, course: CourseFolder, grade, many: int) -> tuple[float, float]:
    """Return (start, seconds for one more submission) from a small and a large class."""
    seconds = []
    for count in (FEW, many):
        folder = top / f"{grade.__name__}{count}"
        shutil.copytree(course.root, folder)
        _hand_in(folder, count)
        seconds.append(grade(folder))
        shutil.rmtree(folder)
    each = (seconds[1] - seconds[0]) / (many - FEW)
    return seconds[0] - FEW * each, each


def _hand_in(folder: Path, count: int) -> None:
    released = (folder / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    data = hand_in(STUDENTS[0], released)
    assert data is not None
    for number in range(count):
        own = folder / "submitted" / f"student_{number:04d}" / ASSIGNMENT
        own.mkdir(parents=True)
        (own / f"{ASSIGNMENT}.ipynb").write_bytes(data)


def _ours(folder: Path) -> float:
    return _run([sys.executable, "-m", "autograder.cli", "grade", str(folder), ASSIGNMENT], folder)


def _stock(folder: Path) -> float:
    (folder / "nbgrader_config.py").write_text(STOCK_CONFIG)
    return _run([sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT], folder)


def _run(command: list[str], folder: Path) -> float:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return seconds


if __name__ == "__main__":
    main()
