"""Release: the ZIP that students get, refused when anything in it gives an answer away."""

import io
import zipfile
from importlib.resources import files
from pathlib import Path
from string import Template

import nbformat

from autograder import exercises, variants
from autograder.assemble import deciding_sources
from autograder.course_folder import CourseFolder, write_whole
from autograder.course_wheel import course_wheel
from autograder.errors import BuildError, CourseError
from autograder.exercise import Topic
from autograder.leaks import Secrets, answer_lines, find_leak, hidden_blocks, key_texts
from autograder.plan import Plan

FIRST_DAY = (1980, 1, 1, 0, 0, 0)


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
    a hidden input, a marking guide or an answer key; nothing is written then. A release that gives
    functions of earlier notebooks away needs `given_anyway`.
    """
    plan = course.plan(assignment)
    if plan.given and not given_anyway:
        raise BuildError(
            f"{assignment} must not be released before the exercises that it gives away "
            f"({', '.join(plan.given)}) are due; say --given-anyway when they are"
        )
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


def _contents(course: CourseFolder, plan: Plan) -> dict[str, bytes]:
    released = course.root / "release" / plan.assignment
    notebook = released / f"{plan.assignment}.ipynb"
    stamp = nbformat.read(notebook, as_version=4).metadata.get("course", {}).get("release")
    if stamp != plan.release:
        raise CourseError(
            f"{notebook} must be of release {plan.release}, got {stamp}; build the course again"
        )
    paths = [notebook, *sorted((released / "cases").iterdir())]
    contents = {str(path.relative_to(released)): path.read_bytes() for path in paths}
    name, wheel = course_wheel(course.private / "wheels")
    contents[name] = wheel
    contents["requirements.txt"] = f"./{name}\njupyterlab\n".encode()
    readme = (files("autograder") / "templates" / "README.txt").read_text(encoding="utf-8")
    words = {"assignment": plan.assignment, "release": plan.release, "wheel": name}
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
        blocks=hidden_blocks(stored, [variants.public_cases(exercise) for exercise in every]),
        texts=key_texts(topics.values()),
    )
