"""The documents say what is there: commands, targets, signatures, links, and an example that builds."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest
import typer

import solutions
from autograder.assemble import assemble
from autograder.cli import app
from autograder.exercises import topics
from autograder.lesson import read_lesson
from autograder.plan import CHECK, SOLUTION

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CONTRACT = (ROOT / "docs" / "exercises.md").read_text()
GUIDE = (ROOT / "docs" / "adding-a-lesson.md").read_text()
COMMANDS = typer.main.get_command(app).commands
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def code(text):
    """Return the code blocks and the code in lines of a document, joined by line breaks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`]+)`", prose)])


def anchors(path):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def broken_links(path):
    """Return the links of a document that lead to no file, or to no heading."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def signatures(text):
    """Return the argument lists by the function's name, of all calls in a document's code."""
    return dict(re.findall(r"`(\w+)\(([^`]*)\)`", text))


def public_names_of(package):
    """Return the functions and classes that the modules of a package define, by name."""
    modules = [
        f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(importlib.import_module(module)).items()
        if getattr(value, "__module__", None) == module and not name.startswith("_")
    }


REFERENCE = public_names_of(solutions)


def module_of(name, path, text, monkeypatch):
    """Write a module, import it under `name` and return it."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(path):
    assert set(re.findall(r"\bmake ([a-z]+)", code(path.read_text()))) <= TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_that_a_document_names_exists(path):
    for line in code(path.read_text()).splitlines():
        for name, rest in re.findall(r"\bautograder ([a-z]+)(.*)", line):
            known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known, line


def test_the_readme_names_every_command_and_every_make_target():
    readme = code((ROOT / "README.md").read_text())
    assert set(re.findall(r"\bautograder ([a-z]+)", readme)) == set(COMMANDS)
    assert set(re.findall(r"\bmake ([a-z]+)", readme)) == TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path):
    assert broken_links(path) == []


def test_a_broken_link_is_found(tmp_path):
    path = tmp_path / "document.md"
    path.write_text("# One\n[a](#one) [b](#two) [c](document.md#one) [d](none.md) [e](https://x)\n")
    assert broken_links(path) == ["#two", "none.md"]


@pytest.mark.parametrize("name", sorted(REFERENCE.keys() & signatures(CONTRACT).keys()))
def test_the_contract_has_the_signature_of_the_reference(name):
    parameters = inspect.signature(REFERENCE[name]).parameters.values()
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    expected = str(inspect.Signature(plain)).removeprefix("(").removesuffix(")")
    assert signatures(CONTRACT)[name] == expected


def test_the_contract_has_every_exercise_and_the_reference_every_function_of_the_contract():
    graded = {exercise.name for topic in topics().values() for exercise in topic.exercises}
    assert graded <= signatures(CONTRACT).keys()
    listed = set(re.findall(r"^- `(\w+)\(", CONTRACT, re.MULTILINE))
    assert len(listed) > 50
    assert listed <= REFERENCE.keys()


@pytest.mark.parametrize("topic", topics().values(), ids=lambda topic: topic.assignment)
def test_the_contract_has_every_question_and_written_answer(topic):
    section = CONTRACT.partition(f"\n## {topic.assignment}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert {item.name for item in (*topic.questions, *topic.written)} <= named


def test_the_contract_says_which_assignments_exist():
    rows = re.findall(r"^\| \[(\w+)\]\(#\1\) \| (.+) \|$", CONTRACT, re.MULTILINE)
    assert len(rows) == 8
    assert {name for name, state in rows if state == "**exists**"} == set(topics())


def test_the_points_in_the_contract_are_those_of_the_lesson():
    for assignment in topics():
        section = CONTRACT.partition(f"\n## {assignment}\n")[2].partition("\n## ")[0]
        lesson = read_lesson(ROOT / "course" / "notebooks" / f"{assignment}.py")
        points = {cell.name: cell.points for cell in lesson.cells if cell.kind == CHECK}
        for cell in (cell for cell in lesson.cells if cell.kind == SOLUTION):
            entry = section.partition(f"\n- `{cell.name}(")[2].partition("\n- ")[0]
            assert re.findall(r"(\S+)\spoints?\b", entry) == [f"{points[cell.name]:g}"], cell.name


def test_the_example_of_a_new_lesson_can_be_built(tmp_path, monkeypatch):
    pieces = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", GUIDE, re.DOTALL))
    names = ("solutions/formats.py", "autograder/exercises/formats.py")
    _, exercise = [
        module_of(
            name.removesuffix(".py").replace("/", "."),
            tmp_path / name.replace("/", "_"),
            pieces[name],
            monkeypatch,
        )
        for name in names
    ]
    path = tmp_path / "09_formats.py"
    path.write_text(pieces["course/notebooks/09_formats.py"])
    assembled = assemble(read_lesson(path), exercise.TOPIC)
    assert [cell.grade_id for cell in assembled.plan.checks] == ["check_xywh_to_xyxy"]
    assert "return torch.cat([corner, corner + size]" in assembled.notebook
