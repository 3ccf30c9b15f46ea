"""A lesson's text: the cells of `course/notebooks/NN_topic.py` and what each of them is."""

import ast
import re
import symtable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext

import course
from autograder.errors import BuildError
from autograder.exercise import Topic
from autograder.plan import CHECK, GIVEN, LOCKED, MARKDOWN, QUESTION, SHOW, SOLUTION, WRITTEN

LESSONS = Path(str(course.__file__)).parent / "notebooks"
KINDS = {
    "solution": SOLUTION, "check": CHECK, "question": QUESTION, "written": WRITTEN, "given": GIVEN,
}  # fmt: skip
SPACING = ("lines_to_next_cell", "lines_to_end_of_cell_marker")  # added by jupytext's reader
POINTS_STEP = 0.25
EMPTY_ANSWER = "*Write your answer here.*"


@dataclass(frozen=True)
class LessonCell:
    """One cell of the text.

    `name` is the exercise or question that it answers or checks, `names` the functions of earlier
    notebooks that it is given.
    """

    kind: str
    cell_type: str
    source: str
    name: str = ""
    points: float = 0.0
    where: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """A lesson: the assignment that it is named after, and its cells in order."""

    assignment: str
    cells: tuple[LessonCell, ...]


def read_lesson(path: Path) -> Lesson:
    """Return the lesson whose text is at `path`; BuildError names the line and the cure."""
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    heads = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"# %%(\s|$)", line)]
    heads = [1] * (len(notebook.cells) - len(heads)) + heads  # text before the first marker
    cells = [
        _read_cell(cell, f"{path.name}, line {line}")
        for cell, line in zip(notebook.cells, heads, strict=True)
    ]
    _refuse_duplicates(cells)
    return Lesson(path.stem, tuple(cells))


def names_bound(source: str) -> set[str]:
    """Return the names that a cell binds at its top level."""
    table = symtable.symtable(source, "cell", "exec")
    symbols = table.get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def match(lesson: Lesson, topic: Topic) -> None:
    """Refuse a lesson that does not hold exactly what its topic grades."""
    file = f"{lesson.assignment}.py"
    told = {
        SOLUTION: {exercise.name for exercise in topic.exercises},
        QUESTION: {question.name for question in topic.questions},
        WRITTEN: {answer.name for answer in topic.written},
    }
    told[CHECK] = told[SOLUTION] | told[QUESTION]
    for cell in lesson.cells:
        if cell.kind in told and cell.name not in told[cell.kind]:
            known = ", ".join(sorted(told[cell.kind])) or "none"
            raise BuildError(
                f"{cell.where}: {cell.kind} must name one that the topic {topic.assignment} has "
                f"({known}), got {cell.name!r}; mend the name or add it to the topic"
            )
    for kind, names in told.items():
        found = {cell.name for cell in lesson.cells if cell.kind == kind}
        for name in sorted(names - found):
            key = next(key for key, value in KINDS.items() if value == kind)
            raise BuildError(
                f"{file}: {name} must have a {kind} cell, got none; "
                f'add one with the header {key}="{name}"'
            )


def _read_cell(cell: Any, where: str) -> LessonCell:
    options = {key: value for key, value in cell.metadata.items() if key not in SPACING}
    known = {*KINDS, "points", "show"}
    for key in options:
        if key not in known:
            raise BuildError(
                f"{where}: a header's key must be one of {', '.join(sorted(known))}, got {key!r}; "
                "remove or mend it"
            )
    keys = [key for key in KINDS if key in options]
    if len(keys) > 1:
        raise BuildError(f"{where}: a cell must be one thing, got {' and '.join(keys)}; split it")
    if "show" in options and (keys or cell.cell_type != "code" or options["show"] is not True):
        raise BuildError(
            f"{where}: show must be true, on a code cell without other keys, "
            f"got show={options['show']!r}; remove it"
        )
    kind = KINDS[keys[0]] if keys else _plain_kind(cell, where, "show" in options)
    name = str(options[keys[0]]) if keys else ""
    names: tuple[str, ...] = ()
    if kind == GIVEN:
        name, names = "", tuple(part.strip() for part in name.split(","))
    points = _points(kind, options, where)
    return _checked(LessonCell(kind, cell.cell_type, cell.source, name, points, where, names))


def _plain_kind(cell: Any, where: str, show: bool) -> str:
    if cell.cell_type == "markdown":
        return MARKDOWN
    if cell.cell_type != "code":
        raise BuildError(f"{where}: a cell must be code or markdown, got {cell.cell_type}")
    tree = _parsed(cell.source, where)
    stores = any(
        isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )
    return LOCKED if (stores or names_bound(cell.source)) and not show else SHOW


def _parsed(source: str, where: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise BuildError(
            f"{where}: a code cell must be plain Python, got {error.msg} in its line "
            f"{error.lineno}; mend it (magics are not used)"
        ) from error


def _points(kind: str, options: dict[str, Any], where: str) -> float:
    points: Any = options.get("points")
    if kind not in (CHECK, WRITTEN):
        if points is not None:
            raise BuildError(
                f"{where}: points must stand on a check or written cell, got one on a {kind} cell; "
                "move them"
            )
        return 0.0
    if type(points) not in (int, float) or not points > 0 or points % POINTS_STEP:
        raise BuildError(
            f"{where}: points must be a positive multiple of {POINTS_STEP}, got {points!r}; "
            "write points=4, say"
        )
    return float(points)


def _checked(cell: LessonCell) -> LessonCell:
    """Return the cell, or refuse a graded cell whose text is not what its kind asks for."""
    wanted = "markdown" if cell.kind == WRITTEN else "code"
    if (cell.name or cell.names) and cell.cell_type != wanted:
        raise BuildError(
            f"{cell.where}: a {cell.kind} cell must be {wanted}, got {cell.cell_type}; "
            "mend its header"
        )
    match cell.kind:
        case "solution" if cell.source.strip():
            raise BuildError(
                f"{cell.where}: the solution cell of {cell.name} must be empty, got text; "
                "remove it: signature, docstring and answer come from solutions/"
            )
        case "given" if cell.source.strip() or not all(map(str.isidentifier, cell.names)):
            raise BuildError(
                f"{cell.where}: a given cell must be empty and name functions, got "
                f"given={', '.join(cell.names)!r} and {cell.source.strip()[:60]!r}; "
                'write given="box_iou, nms", say, and no code: build writes it'
            )
        case "check" if cell.source.strip() not in _calls(cell.name):
            raise BuildError(
                f"{cell.where}: the check cell of {cell.name} must be `check({cell.name})`, or "
                f'`check("{cell.name}")` for a question, got {cell.source.strip()[:60]!r}'
            )
        case "question" if cell.name not in names_bound(_of_python(cell)):
            raise BuildError(
                f"{cell.where}: the question cell must assign {cell.name}, got "
                f"{cell.source.strip()[:60]!r}; write `{cell.name} = None  # your answer: ...`"
            )
        case "written" if not cell.source.strip():
            return LessonCell(**{**vars(cell), "source": EMPTY_ANSWER})
    return cell


def _calls(name: str) -> tuple[str, str]:
    return f"check({name})", f'check("{name}")'


def _of_python(cell: LessonCell) -> str:
    _parsed(cell.source, cell.where)
    return cell.source


def _refuse_duplicates(cells: list[LessonCell]) -> None:
    first: dict[tuple[bool, str], LessonCell] = {}
    named = [(name, cell) for cell in cells for name in (cell.name, *cell.names) if name]
    for name, cell in named:
        before = first.setdefault((cell.kind == CHECK, name), cell)
        if before is not cell or cell.names.count(name) > 1:
            raise BuildError(
                f"{cell.where}: {name} must have one {cell.kind} cell, got another at "
                f"{before.where}; remove one of them"
            )
