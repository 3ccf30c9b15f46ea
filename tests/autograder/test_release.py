"""The student bundle: the same every time, complete, and without anything that gives an answer."""

import ast
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from autograder import release as release_module
from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.course_wheel import SOURCES, course_wheel
from autograder.errors import BuildError, CourseError
from autograder.exercises import topics
from autograder.leaks import DISTINCT, hidden_blocks
from autograder.release import release
from autograder.variants import hidden_cases, public_cases
from course.cases import CaseSet
from tests.autograder.tiny_lesson import ASSIGNMENT, TOPIC, write_lesson

TOPICS = {ASSIGNMENT: TOPIC}
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
IOU_LINES = """\
top_left   = torch.maximum(a[:, None, :2], b[None, :, :2])

bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])   # the other corner
width, height = (bottom_right - top_left).clamp(min=0).unbind(dim=2)
"""
RUN = """\
import sys, nbformat
from nbclient import NotebookClient
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
nbformat.write(notebook, path)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("release")
    course = build(root / "course", 2, lessons=write_lesson(root / "lessons"), topics=TOPICS)
    course_wheel(course.private / "wheels")
    return course


@pytest.fixture
def course(built, tmp_path):
    """A built course of this test's own."""
    return CourseFolder(Path(shutil.copytree(built.root, tmp_path / "course")))


@pytest.fixture
def released(course):
    """The folder from which the bundle is made."""
    return course.root / "release" / ASSIGNMENT


def bundle(course, out, **options):
    return release(course, ASSIGNMENT, out, topics=TOPICS, **options)


def hidden(course):
    plan = course.plan(ASSIGNMENT)
    return CaseSet.from_bytes(course.case_path(plan.release, "box_iou", 1).read_bytes())


def write_into(released, text, output=None):
    """Put text, and an output, into the released notebook."""
    notebook = nbformat.read(released / NOTEBOOK, as_version=4)
    notebook.cells[1].source += text
    if output:
        made = nbformat.v4.new_output("display_data", data={"image/png": output})
        notebook.cells[1].outputs.append(made)
    nbformat.write(notebook, released / NOTEBOOK)


def test_two_bundles_of_a_release_are_equal_to_the_byte(built, course, tmp_path):
    shutil.rmtree(course.private / "wheels")  # the wheel too is built again
    one, two = bundle(built, tmp_path / "one.zip"), bundle(course, tmp_path / "two.zip")
    assert one.read_bytes() == two.read_bytes()


def test_a_bundle_holds_the_notebook_its_public_cases_the_wheel_and_what_to_do(built, tmp_path):
    with zipfile.ZipFile(bundle(built, tmp_path / "b.zip")) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
        wheel = "detection_course-0.1.0-py3-none-any.whl"
        inside = zipfile.ZipFile(io.BytesIO(files[f"{ASSIGNMENT}/{wheel}"])).namelist()
    assert set(files) == {
        f"{ASSIGNMENT}/{name}"
        for name in (
            NOTEBOOK, "README.txt", "requirements.txt", wheel, "cases/questions.json",
            "cases/box_area.cases", "cases/box_iou.cases",
        )
    }  # fmt: skip
    assert files[f"{ASSIGNMENT}/requirements.txt"].decode() == f"./{wheel}\njupyterlab\n"
    readme = files[f"{ASSIGNMENT}/README.txt"].decode()
    assert f"Release {built.plan(ASSIGNMENT).release}" in readme
    assert "$" not in readme
    questions = json.loads(files[f"{ASSIGNMENT}/cases/questions.json"])
    assert questions == {"largest": {"example": 7, "form": "the number of a box"}}
    assert "course/check.py" in inside
    assert not [name for name in inside if "notebooks" in name or "test" in name]


@pytest.mark.parametrize("spelling", [repr, json.dumps, lambda rows: str(torch.tensor(rows))])
def test_a_hidden_input_in_the_notebook_is_refused_however_it_is_written(
    course, released, tmp_path, spelling
):
    boxes = hidden(course).cases[0].arguments[1]
    write_into(released, f"\nboxes = {spelling(boxes.tolist())}")
    with pytest.raises(BuildError, match=f"{NOTEBOOK} with a hidden input of box_iou; take it out"):
        bundle(course, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hidden_input_in_an_output_is_refused(course, released, tmp_path, dtype):
    data = hidden(course).cases[0].arguments[1].numpy().astype(dtype).tobytes()
    write_into(released, "", base64.b64encode(b"PNG" + data).decode())
    with pytest.raises(BuildError, match="with a hidden input of box_iou"):
        bundle(course, tmp_path / "b.zip")


def test_a_hidden_set_among_the_public_cases_is_refused(course, released, tmp_path):
    (released / "cases" / "box_iou.cases").write_bytes(hidden(course).to_bytes())
    with pytest.raises(BuildError, match=r"cases/box_iou.cases with a hidden input of box_iou"):
        bundle(course, tmp_path / "b.zip")


def test_a_hidden_input_of_an_older_release_is_refused(course, released, tmp_path):
    plan = course.plan(ASSIGNMENT)
    (released / "cases" / "box_iou.cases").write_bytes(hidden(course).to_bytes())
    course.release_folder(plan.release).rename(course.release_folder("0ld"))
    course.set_release(plan)
    with pytest.raises(BuildError, match="with a hidden input of box_iou"):
        bundle(course, tmp_path / "b.zip")


def test_a_hidden_input_inside_the_wheel_is_refused(course, tmp_path, monkeypatch):
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("course/scenes.bin", hidden(course).to_bytes())
    monkeypatch.setattr(release_module, "course_wheel", lambda cache: ("c.whl", wheel.getvalue()))
    with pytest.raises(BuildError, match=r"c.whl/course/scenes.bin with a hidden input"):
        bundle(course, tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"\nif True:\n{IOU_LINES}", "3 lines of the answer to box_iou"),
        ("\n" + IOU_LINES.replace("\n", "\n    "), "3 lines of the answer to box_iou"),
        (
            "\nx1, y1, x2, y2 = boxes.unbind(dim=1)\nreturn (x2 - x1) * (y2 - y1)",
            "2 lines of the answer to box_area",
        ),
        ("\n# One point for saying that a union is larger.", None),
        ("\n# One point for scale; one for saying\n# that a union is larger.", None),
        ("\n# one for saying that a union is larger.", "the marking guide of why_union"),
        ("\nlargest = 2", "the answer or the marking guide of largest"),
        ("\nanswers = {'largest': 2}", "the answer or the marking guide of largest"),
        ("\n" + "\n".join(IOU_LINES.splitlines()[:3]), None),
        ("\nlargest = 7", None),
    ],
)
def test_lines_of_an_answer_a_guide_or_a_key_are_refused_and_less_is_not(
    course, released, tmp_path, text, what
):
    write_into(released, text)
    if what is None:
        assert bundle(course, tmp_path / "b.zip").exists()
    else:
        with pytest.raises(BuildError, match=f"a bundle must give no answer away.*{what}"):
            bundle(course, tmp_path / "b.zip")


def test_a_release_folder_of_another_build_is_refused(course, tmp_path):
    course.set_release(replace(course.plan(ASSIGNMENT), release="0123456789ab"))
    with pytest.raises(CourseError, match=f"{NOTEBOOK} must be of release 0123456789ab, got"):
        bundle(course, tmp_path / "b.zip")


def test_a_wheel_needs_the_checkout(tmp_path):
    with pytest.raises(BuildError, match=r"course must be imported from a checkout.*--editable"):
        course_wheel(tmp_path, tmp_path)


PACKAGES = next(
    line for line in (SOURCES / "pyproject.toml").read_text().splitlines() if "packages =" in line
)


def test_the_wheel_has_every_package_of_the_course():
    folders = {path.parent.relative_to(SOURCES) for path in SOURCES.rglob("__init__.py")}
    inside = [folder.parts for folder in folders if folder.parts[:1] not in [("build",)]]
    assert {".".join(("course", *parts)) for parts in inside} == set(
        ast.literal_eval(PACKAGES.partition("= ")[2])
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[build-system]", "[build-system", "course/pyproject.toml must give a wheel, got: "),
        (PACKAGES, 'packages = ["course", "course.notebooks"]', "got course/noteb"),
    ],
)
def test_a_wheel_that_cannot_be_built_or_holds_more_is_refused(tmp_path, old, new, message):
    sources = tmp_path / "course"
    (sources / "notes").mkdir(parents=True)
    text = (SOURCES / "pyproject.toml").read_text()
    assert old in text
    where = '"course" = "."'
    text = text.replace(old, new).replace(where, f'{where}, "course.notebooks" = "notes"')
    (sources / "pyproject.toml").write_text(text)
    for name in ("course_server.py", "detection_course.json"):
        (sources / name).write_bytes((SOURCES / name).read_bytes())
    for folder in (sources, *(sources / name for name in ("notes", "draw", "scenes"))):
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("")
    with pytest.raises(BuildError, match=message):
        course_wheel(tmp_path / "wheels", sources)


def test_the_bundle_alone_runs_from_top_to_bottom_and_knows_no_answer(nms_course, tmp_path):
    with zipfile.ZipFile(release(nms_course, "03_nms", tmp_path / "b.zip")) as archive:
        archive.extractall(tmp_path)
    folder, python = tmp_path / "03_nms", install(tmp_path / "03_nms", tmp_path / "empty")
    for module in ("solutions", "autograder"):
        done = run(python, folder, "-c", f"import {module}")
        assert f"ModuleNotFoundError: No module named '{module}'" in done.stderr
    assert str(tmp_path) in run(python, folder, "-c", "import course; print(course)").stdout
    done = run(python, folder, "-c", RUN, "03_nms.ipynb")
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(folder / "03_nms.ipynb", as_version=4).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
    errors = [
        (output.ename, "\n".join(output.traceback))
        for cell in cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    waits = "This cell is waiting for your answer to the exercise `box_iou`."
    assert ("NotAnswered", waits) in errors
    assert {name for name, _ in errors} == {"NotAnswered"}, errors


def install(folder, environment):
    """Install the bundle's wheel, and nothing else of ours, into a new environment."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = environment / "lib" / version / "site-packages"
    (packages / "peers.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = folder.glob("*.whl")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", packages, wheel], check=True)
    return python


def run(python, folder, *arguments):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [python, *arguments], cwd=folder, env=kept, capture_output=True, text=True
    )


def test_a_hidden_set_drawn_equal_to_the_public_one_is_no_secret(tmp_path):
    exercise = next(e for e in topics()["04_map"].exercises if e.name == "perfect_ap")
    public, other = public_cases(exercise), hidden_cases(exercise, b"1" * 32, number=0)
    assert other.to_bytes() != public.to_bytes()
    stored = [tmp_path / "equal.cases", tmp_path / "other.cases"]
    for path, case_set in zip(stored, (public, other), strict=True):
        path.write_bytes(case_set.to_bytes())
    found = hidden_blocks(stored, iter([public])).exercises
    assert public.to_bytes() not in found
    assert found[other.to_bytes()] == "perfect_ap"


def test_a_hidden_input_that_is_a_result_in_the_public_cases_is_no_secret(tmp_path):
    exercises = {exercise.name: exercise for exercise in topics()["04_map"].exercises}
    public = public_cases(exercises["precision_recall"])
    results = [tensor for outcome in public.expected for tensor in outcome.value]
    curve = max(results, key=lambda tensor: len(set(tensor.tolist())))
    assert len(set(curve.tolist())) >= DISTINCT
    hidden = hidden_cases(exercises["average_precision"], b"1" * 32, number=0)
    case = replace(hidden.cases[0], arguments=(curve, torch.linspace(0.1, 0.7, len(curve))))
    stored = tmp_path / "hidden.cases"
    stored.write_bytes(replace(hidden, cases=(case, *hidden.cases[1:])).to_bytes())
    assert curve.numpy().tobytes() in hidden_blocks([stored], []).exercises
    found = hidden_blocks([stored], [public]).exercises
    assert curve.numpy().tobytes() not in found
    assert case.arguments[1].numpy().tobytes() in found
