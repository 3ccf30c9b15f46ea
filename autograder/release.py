"""Release: the ZIP that students get, refused when anything in it gives an answer away."""

import datetime
import io
import zipfile
from importlib.resources import files
from pathlib import Path
from string import Template

import nbformat

from autograder import exercises
from autograder.assemble import deciding_sources
from autograder.case_drawing import public_cases
from autograder.course_folder import CourseFolder, write_whole
from autograder.course_wheel import course_wheel
from autograder.due_dates import due_date
from autograder.errors import BuildError, CourseError
from autograder.exercise import Topic
from autograder.leaks import Secrets, answer_lines, find_leak, hidden_blocks, key_texts
from autograder.plan import Plan

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
GIVEN = """\
    given/
        functions of earlier assignments, used where yours do not pass or are not there
"""


def release(
    course: CourseFolder,
    assignment: str,
    out: Path,
    given_anyway: bool = False,
    *,
    topics: dict[str, Topic] | None = None,
) -> Path:
    """Write the student bundle of an assignment's newest release to `out` and return its path.

    Equal releases give equal bytes. BuildError: the bundle holds a model answer that is not given,
    a hidden input, a marking guide or an answer key; nothing is written then. A release that holds
    answers of other assignments is refused until these are due, without `given_anyway`.
    """
    plan = course.plan(assignment)
    if not given_anyway:
        _refuse_before_due(course, plan)
    contents = _contents(course, plan)
    bundle = _zip({f"{assignment}/{name}": data for name, data in contents.items()})
    secrets = _secrets(course, plan, exercises.topics() if topics is None else topics)
    leak = find_leak(out.name, bundle, secrets)
    if leak:
        raise BuildError(
            f"a bundle must give no answer away, got {leak}; take it out of the lesson's text or "
            "of the course package"
        )
    write_whole(out, bundle)
    return out


def _refuse_before_due(course: CourseFolder, plan: Plan) -> None:
    """Refuse a release with answers of an assignment that is still open, or has no due date."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    for assignment in sorted(set(plan.given.values())):
        due = due_date(course, assignment)
        if due is not None and due <= now:
            continue
        names = ", ".join(name for name, of in sorted(plan.given.items()) if of == assignment)
        when = (
            "has no due date in the gradebook: set one with `nbgrader db assignment add "
            f'{assignment} --duedate="..."`'
            if due is None
            else f"is due {due:%Y-%m-%d %H:%M} UTC: release it after that"
        )
        raise BuildError(
            f"{plan.assignment} must not give away answers of an assignment before it is due, got "
            f"{names} of {assignment}, which {when}, or say --given-anyway"
        )


def _contents(course: CourseFolder, plan: Plan) -> dict[str, bytes]:
    released = course.root / "release" / plan.assignment
    notebook = released / f"{plan.assignment}.ipynb"
    stamp = nbformat.read(notebook, as_version=4).metadata.get("course", {}).get("release")
    if stamp != plan.release:
        raise CourseError(
            f"{notebook} must be of release {plan.release}, got {stamp}; build the course again"
        )
    folders = [released / "cases", *([released / "given"] if plan.given else [])]
    paths = [notebook, *(path for folder in folders for path in sorted(folder.iterdir()))]
    contents = {str(path.relative_to(released)): path.read_bytes() for path in paths}
    name, wheel = course_wheel(course.private / "wheels")
    contents[name] = wheel
    contents["requirements.txt"] = f"./{name}\njupyterlab\n".encode()
    readme = (files("autograder") / "templates" / "README.txt").read_text(encoding="utf-8")
    words = {"assignment": plan.assignment, "release": plan.release, "wheel": name}
    words["given"] = GIVEN if plan.given else ""
    contents["README.txt"] = Template(readme).substitute(words).encode()
    return contents


def _zip(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _secrets(course: CourseFolder, plan: Plan, topics: dict[str, Topic]) -> Secrets:
    """Return what no bundle of the course may hold, of every assignment and every release."""
    every = [exercise for topic in topics.values() for exercise in topic.exercises]
    references = {exercise.reference.__module__ for exercise in every}
    sources = {
        text
        for name, text in deciding_sources(every).items()
        if name in references or name.startswith("solutions.")
    }
    stored = (course.private / "releases").glob("*/cases/*/*")
    return Secrets(
        lines=answer_lines(sources, plan.given),
        blocks=hidden_blocks(stored, [public_cases(exercise) for exercise in every]),
        texts=key_texts(topics.values()),
    )
