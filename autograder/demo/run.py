"""`make demo` and `make lab`: the whole path on a small class, and a student's view of it."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nbgrader.api import Gradebook
from rich.console import Console

from autograder.build import build
from autograder.class_summary import mark_of
from autograder.console import grading_progress, open_console, plain, print_overview
from autograder.course_folder import CourseFolder, write_whole
from autograder.demo.classes import CLASSES, NAMES
from autograder.demo.student import Student, hand_in, model_answers
from autograder.errors import BuildError, UsageError
from autograder.grading import grade_class
from autograder.judging import Workers
from autograder.record import SubmissionRecord
from autograder.release import release
from autograder.report import write_report

VARIANTS = 4  # of each exercise's hidden cases; a real course has more
EXCUSE = "My laptop lost the notebook, sorry. I send it tomorrow.\n"
SHOWN = "03_nms hana_kobayashi"  # whose appeal is proposed


def run_demo(out: Path) -> int:
    """Build the course in `out`, grade the demo class, write its report; return the exit code.

    What an earlier run made and nothing has changed is used again. The code is 1 when a verdict
    is not the one that the class was made for.
    """
    console = open_console()
    course = _built(out, console)
    write_classes(course, CLASSES)
    _enrol(course)
    records: list[SubmissionRecord] = []
    with Workers() as workers:
        for assignment, students in CLASSES.items():
            console.print(f"{assignment}: {len(students)} submissions", highlight=False)
            ids = [student.id for student in students]
            with grading_progress(console) as advance:
                records += grade_class(course, assignment, ids, progress=advance, workers=workers)
    console.print()
    print_overview(records, console, NAMES)
    report = write_report(records, out / "report.html", "Demo class", names=NAMES)
    surprises = list(unforeseen(records))
    for line in surprises:
        console.print(f"Not as foreseen: {plain(line)}", markup=False, style="bold red")
    _say_what_next(console, course, report)
    return 1 if surprises else 0


def open_lab(out: Path, assignment: str | None = None) -> int:
    """Unpack the students' bundles of the demo course and open one in JupyterLab.

    They lie side by side, as on a student's disk, so that later notebooks find what was written in
    earlier ones. A bundle that was unpacked before is opened as it is, with the work in it.
    """
    console = open_console()
    opened = assignment or min(CLASSES)
    if opened not in CLASSES:
        raise UsageError(f"assignment must be one of {', '.join(CLASSES)}, got {opened!r}")
    home = out.resolve() / "student"
    missing = [name for name in CLASSES if not (home / name).exists()]
    if len(missing) < len(CLASSES):
        console.print(f"Opening {home} with the work in it; delete it to start anew.", markup=False)
    if missing:
        course = _built(out, console)
        for name in missing:
            bundle = release(course, name, out / "bundles" / f"{name}.zip", given_anyway=True)
            with zipfile.ZipFile(bundle) as archive:
                archive.extractall(home)
    command = [sys.executable, "-m", "jupyter", "lab", "--ServerApp.ip=127.0.0.1"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    command.append(f"--ServerApp.root_dir={home}")
    command.append(f"--LabApp.default_url=/lab/tree/{opened}/{opened}.ipynb")
    try:
        return subprocess.call(command, cwd=home)
    except KeyboardInterrupt:  # Ctrl-C is how one leaves JupyterLab
        return 0


def write_classes(course: CourseFolder, classes: Mapping[str, Sequence[Student]]) -> None:
    """Write what the students hand in to submitted/; a file that is there already stays."""
    for assignment, students in classes.items():
        notebook = f"{assignment}/{assignment}.ipynb"
        released = (course.root / "release" / notebook).read_bytes()
        source = (course.root / "source" / notebook).read_bytes()
        answers = model_answers(course.plan(assignment), source)
        for student in students:
            folder = course.root / "submitted" / student.id / assignment
            data = hand_in(student, released, answers)
            name = "sorry.txt" if data is None else f"{assignment}.ipynb"
            data = EXCUSE.encode() if data is None else data
            if not (folder / name).exists() or (folder / name).read_bytes() != data:
                write_whole(folder / name, data)


def _enrol(course: CourseFolder) -> None:
    """Tell the gradebook the students' names, which formgrader shows."""
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        for student, name in NAMES.items():
            first, last = name.split()
            gradebook.update_or_create_student(student, first_name=first, last_name=last)


def unforeseen(records: Sequence[SubmissionRecord]) -> Iterator[str]:
    """Give a line for each verdict that is not the one that the demo class was made for."""
    made = {(name, student.id): student for name in CLASSES for student in CLASSES[name]}
    for record in records:
        student = made[record.assignment, record.student]
        for verdict in record.exercises:
            name = verdict.exercise
            wanted = (student.expected_mark(name), student.misconceptions.get(name))
            got = (mark_of(verdict), verdict.misconception)
            if got != wanted:
                named = [f"{mark} ({which})" if which else mark for mark, which in (wanted, got)]
                yield f"{student.name}, {name}: {named[0]} expected, got {named[1]}"


def _built(out: Path, console: Console) -> CourseFolder:
    """Return the demo's course, built or as it is; one of another lesson is put aside first."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    folder = out / "course-built"
    try:
        return build(folder, variants=VARIANTS, progress=say)
    except BuildError as error:
        if not (folder / "submitted").exists():
            raise
        aside = folder.with_name("course-before")
        if aside.exists():
            shutil.rmtree(aside)
        folder.rename(aside)
        say(f"The course of the last demo cannot be used again ({error}). It is in {aside} now.")
        return build(folder, variants=VARIANTS, progress=say)


def _say_what_next(console: Console, course: CourseFolder, report: Path) -> None:
    folder = _shortest(course.root)
    programs = Path(sys.executable).parent
    root = " --allow-root" if os.geteuid() == 0 else ""
    lines = f"""
What to look at next:

  the class at a glance          open {report.resolve().as_uri()} in a browser
  what a student gets            make lab, or make lab LESSON=05_rpn
  one appeal, hidden cases too   {_shortest(programs)}/autograder show {folder} {SHOWN}
  nbgrader's formgrader          cd {folder} && {programs}/jupyter lab{root}
                                 then in its menu: Nbgrader, Formgrader
  what students read             {_shortest(programs)}/autograder feedback {folder} 03_nms
"""
    console.print(lines, markup=False, highlight=False, soft_wrap=True)


def _shortest(path: Path) -> str:
    """Return a path as one types it from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
