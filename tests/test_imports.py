"""Which package may import which: read from every source file, imports inside functions too."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "course": {"solutions", "autograder", "jaxtyping", "tests"},
    "solutions": {"autograder", "ipywidgets", "anywidget", "torchvision", "tests"},
    "autograder": {"tests"},
}
MAY_IMPORT_SOLUTIONS = ("build", "judge", "variants", "demo", "lecture", "bench", "exercises")


def modules_imported(path):
    """Yield every module that a file imports, whole name, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} must import by whole names"
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant))


def sources(package):
    files = [path for path in (ROOT / package).rglob("*.py") if "build" not in path.parts]
    assert files
    return files


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_that_its_readers_must_not_get(package):
    for path in sources(package):
        roots = {name.partition(".")[0] for name in modules_imported(path)}
        assert not roots & FORBIDDEN[package], path


def test_the_course_s_widgets_stay_out_of_the_reference():
    for path in sources("solutions"):
        inside = {name for name in modules_imported(path) if name.startswith("course")}
        assert inside <= {"course.scenes"}, path


def test_only_who_judges_builds_or_demonstrates_imports_the_reference():
    for path in sources("autograder"):
        part = path.relative_to(ROOT / "autograder").parts[0].removesuffix(".py")
        if part not in MAY_IMPORT_SOLUTIONS:
            roots = {name.partition(".")[0] for name in modules_imported(path)}
            assert "solutions" not in roots, path


def test_the_reading_finds_imports_inside_functions_and_by_name(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "def f():\n    from solutions.nms import nms\n    importlib.import_module('autograder.x')\n"
    )
    assert set(modules_imported(path)) == {"solutions.nms", "autograder.x"}
