"""Build: from the lessons' texts and the reference to an nbgrader course with hidden variants.

Everything is made and proved in memory or in a scratch folder first; what stands in the course is
replaced at the end. Submissions, grades and the hidden cases of older releases are never touched.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder import course_config, exercises
from autograder.assemble import Assembled, assemble
from autograder.case_drawing import Drawing, drawing
from autograder.course_folder import CourseFolder, write_whole
from autograder.errors import BuildError, UsageError
from autograder.exercise import Topic
from autograder.gradebook_copy import add_course, copy_gradebook
from autograder.lesson import LESSONS, read_lesson
from autograder.plan import Plan

VARIANTS = 64
PLAN = "plan.json"
Progress = Callable[[str], None]


def build(
    out: Path,
    variants: int = VARIANTS,
    assignments: list[str] | None = None,
    progress: Progress = lambda line: None,
    *,
    jobs: int | None = None,
    lessons: Path = LESSONS,
    topics: dict[str, Topic] | None = None,
) -> CourseFolder:
    """Build the course in `out`, new or built before, and return it.

    `variants` hidden sets of cases are drawn for each exercise of a new release; a release that
    was built before keeps its own. `progress` is told each step in a line. Cases are drawn in
    `jobs` processes, one for each core by default; the course is the same with any number.
    BuildError: a lesson or an exercise is not what it must be. UsageError: `out` holds something
    else.
    """
    if variants < 1:
        raise UsageError(f"variants must be at least 1, got {variants}")
    _refuse_other_folders(out)
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be at least 1, got {jobs}")
    known = exercises.topics() if topics is None else topics
    texts = _lesson_texts(lessons, known, assignments)
    wanted = [exercise for name in texts for exercise in known[name].exercises]
    # Other processes know the course's own exercises only.
    with drawing(jobs if topics is None else 1, len(wanted) * (variants + 1)) as draw:
        draw.public(wanted)
        every = list(known.values())
        ready = [assemble(read_lesson(texts[name]), known[name], every) for name in texts]
        course = _course_folder(out)
        _store_hidden_cases(course, ready, variants, draw, progress)
    with tempfile.TemporaryDirectory(dir=course.private, prefix=".build") as scratch:
        _generate(course, Path(scratch), ready, progress)
        _publish(course, Path(scratch), ready)
    for assembled in ready:
        course.set_release(assembled.plan)
        progress(f"{assembled.plan.assignment}: built, release {assembled.plan.release}")
    return course


def _refuse_other_folders(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"out must be a folder, got the file {out}; name another")
    if out.exists() and any(out.iterdir()) and not (out / "private" / "secret").is_file():
        raise UsageError(
            f"out must be a new or empty folder, or a course built before, got {out} with other "
            "files in it; name another"
        )


def _lesson_texts(
    lessons: Path, topics: dict[str, Topic], wanted: list[str] | None
) -> dict[str, Path]:
    """Return the text of each wanted lesson, by assignment; each has a topic."""
    texts = {path.stem: path for path in sorted(lessons.glob("[0-9]*.py"))}
    for name in sorted(texts.keys() ^ topics.keys() if wanted is None else wanted):
        if name not in texts:
            known = ", ".join(texts) or "none"
            raise BuildError(
                f"{name} must have a lesson in {lessons} ({known}), got none; write {name}.py"
            )
        if name not in topics:
            raise BuildError(
                f"{name}.py must have a Topic of the assignment {name} in autograder/exercises, "
                "got none; write one"
            )
    if not texts:
        raise BuildError(f"lessons must be a folder of texts like 03_nms.py, got {lessons}")
    return {
        name: texts[name] for name in (sorted(texts) if wanted is None else sorted(set(wanted)))
    }


def _course_folder(out: Path) -> CourseFolder:
    new = not out.exists() or not any(out.iterdir())
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if new:  # model answers lie in it: nobody else reads them unless the instructor says so
        out.chmod(0o700)
    return CourseFolder(out.resolve())


def _store_hidden_cases(
    course: CourseFolder, ready: list[Assembled], count: int, draw: Drawing, progress: Progress
) -> None:
    secret = course.secret()
    begun = []
    for plan, topic in ((assembled.plan, assembled.topic) for assembled in ready):
        if (course.release_folder(plan.release) / PLAN).exists():
            progress(f"{plan.assignment}: release {plan.release} keeps its hidden cases")
            continue
        steps = []
        for exercise in topic.exercises:
            paths = [course.case_path(plan.release, exercise.name, n) for n in range(count)]
            steps.append((exercise.name, draw.hidden(exercise, secret, paths)))
        begun.append((plan, steps))
    for plan, steps in begun:
        for name, written in steps:
            progress(f"{plan.assignment}: drawing {count} variants of {name}")
            for _ in written:
                pass
        # Written last: where it stands all cases are there, and they have been dealt.
        write_whole(course.release_folder(plan.release) / PLAN, plan.to_json().encode())


def _generate(
    course: CourseFolder, scratch: Path, ready: list[Assembled], progress: Progress
) -> None:
    """Run nbgrader in the scratch folder: first with a copy of the gradebook, then with it."""
    for assembled in ready:
        folder = scratch / "source" / assembled.plan.assignment
        for name, data in assembled.files.items():
            write_whole(folder / name, data)
        write_whole(folder / f"{assembled.plan.assignment}.ipynb", assembled.notebook.encode())
    write_whole(course.root / course_config.FILE, course_config.config_text().encode())
    url, own = course_config.db_url(course.root), f"sqlite:///{course.gradebook}"
    rehearsal = scratch / "gradebook.db"
    first = url == own and not course.gradebook.exists()
    if not first:
        copy_gradebook(url, rehearsal)
    rehearsed = f"sqlite:///{rehearsal}"
    for database in (rehearsed,) if first else (rehearsed, url):
        if database != rehearsed:
            add_course(url, course_config.course_id(course.root))
        for assembled in ready:
            _generate_assignment(course, scratch, assembled.plan, database)
    if first:
        rehearsal.rename(course.gradebook)
    progress("nbgrader: release notebooks and gradebook written")


def _generate_assignment(course: CourseFolder, scratch: Path, plan: Plan, url: str) -> None:
    config = course_config.load_config(course.root)
    config.CourseDirectory.root = str(scratch)
    config.CourseDirectory.db_url = url
    config.CourseDirectory.assignment_id = plan.assignment
    config.GenerateAssignment.force = True
    with _log() as lines:
        converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
        try:
            converter.start()
        except (NbGraderException, SystemExit) as error:
            raise BuildError(_why(plan.assignment, lines)) from error
    path = scratch / "release" / plan.assignment / f"{plan.assignment}.ipynb"
    released = nbformat.read(path, as_version=4)
    if [cell.source for cell in released.cells] != [cell.source for cell in plan.cells]:
        raise BuildError(f"{plan.assignment}: the release notebook must be the planned one")


def _why(assignment: str, lines: list[str]) -> str:
    said = " ".join(line.strip() for line in lines)
    if "submissions associated" in said:
        return (
            f"{assignment}: a lesson with submissions must keep its cells, got some added, removed "
            "or renamed; change only their text, or build into a new folder"
        )
    return f"{assignment}: nbgrader must accept the notebook, got: {said[-600:] or 'no reason'}"


@contextmanager
def _log() -> Iterator[list[str]]:
    """Keep what nbgrader logs as errors, and show none of its warnings."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log, keep = logging.getLogger("traitlets"), Keep(logging.ERROR)
    before = log.propagate
    log.addHandler(keep)
    log.propagate = False
    try:
        yield lines
    finally:
        log.removeHandler(keep)
        log.propagate = before


def _publish(course: CourseFolder, scratch: Path, ready: list[Assembled]) -> None:
    """Replace source/ and release/ file by file, so that other files there stay."""
    for assembled in ready:
        for step in ("source", "release"):
            made = scratch / step / assembled.plan.assignment
            target = course.root / step / assembled.plan.assignment
            for folder in ("cases", "given"):
                shutil.rmtree(target / folder, ignore_errors=True)
            for path in sorted(made.rglob("*")):
                if path.is_file():
                    write_whole(target / path.relative_to(made), path.read_bytes())
