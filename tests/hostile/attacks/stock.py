"""Class 13: tricks that bring points or harm on a stock course of nbgrader's."""

import nbformat
from nbformat import NotebookNode

from tests.hostile.attack import LEFT, SCORE, Attack, area

CHECK = "check_box_area"
WRONG = area("return boxes[:, 0] * 0")
OURS = "no check cell is run, and points and names come from the release"


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell that nbgrader knows by this name."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def edit(notebook: NotebookNode) -> None:
    """Replace what checks, and say that it is the student's to write."""
    cell = cell_of(notebook, CHECK)
    cell.source = "1.0"
    cell.metadata.nbgrader.update(solution=True, locked=False)


def delete(notebook: NotebookNode) -> None:
    """Delete what checks."""
    notebook.cells.remove(cell_of(notebook, CHECK))


def more_points(notebook: NotebookNode) -> None:
    """Write a thousand points and another name into the metadata."""
    cell = cell_of(notebook, CHECK)
    other = nbformat.from_dict({**cell, "id": "more", "source": "1000.0"})
    for one, name in ((cell, CHECK), (other, "check_more")):
        one.metadata = nbformat.from_dict({**cell.metadata})
        one.metadata.nbgrader = {**cell.metadata.nbgrader, "points": 1000, "grade_id": name}
    notebook.cells.append(other)


def duplicate(notebook: NotebookNode) -> None:
    """Put a check of its own beside the right one, under its name."""
    cell = cell_of(notebook, CHECK)
    copy = nbformat.from_dict({**cell, "id": "copied", "source": "1.0"})
    notebook.cells.insert(notebook.cells.index(cell), copy)


def trick(
    name: str,
    tries: str,
    first: str = "",
    control: str = "stock",
    shows: str = SCORE,
    **more: object,
) -> Attack:
    """Return an attack with a wrong answer."""
    cells = more.pop("cells", WRONG)
    return Attack(name, 13, tries, shows, OURS, control, first=first, cells=cells, **more)  # type: ignore[arg-type]


ATTACKS = (
    trick(
        "input_transformer",
        "It has every later cell become a cell that does nothing.",
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
    ),
    trick(
        "silent_traceback",
        "It replaces what shows errors.",
        "get_ipython().showtraceback = lambda *a, **k: None\n"
        "get_ipython().showsyntaxerror = lambda *a, **k: None\n"
        "import sys\nsys.excepthook = lambda *a: None\n"
        "get_ipython().ast_transformers.append(type('T', (), {'visit': lambda s, n: type(n)(body=[], type_ignores=[])})())",
    ),
    trick(
        "quiet_display",
        "It makes results of cells be displayed nowhere.",
        "get_ipython().displayhook.quiet = lambda: True",
        cells=area("raise_later = boxes\nreturn boxes[:, 0] * 0"),
        control="stock_partial",
    ),
    trick(
        "prints_partial_credit",
        "Its result makes the check's expression be full credit.",
        cells=area(
            "return Full()",
            "class Full:\n"
            "    def __eq__(self, other): return self\n"
            "    def all(self): return 1.0\n"
            "    def tolist(self): return self",
        ),
        control="stock_partial",
    ),
    trick(
        "nan_credit",
        "Its result makes the check's expression be NaN.",
        cells=area(
            "return Odd()",
            "class Odd:\n"
            "    def __eq__(self, other): return self\n"
            "    def all(self): return float('nan')\n"
            "    def tolist(self): return self",
        ),
        control="stock_partial",
    ),
    trick("edited_check", "It edits the check.", change=edit, control="own_checks"),
    trick("deleted_check", "It deletes the check.", change=delete, control="own_checks"),
    trick(
        "more_points",
        "It writes more points into the metadata.",
        change=more_points,
        control="own_checks",
    ),
    trick(
        "duplicated_check",
        "It puts a check of its own beside the right one.",
        change=duplicate,
        control="own_checks",
    ),
    trick(
        "cell_magic",
        "It registers a magic and prefixes that swallow cells.",
        "from IPython.core.magic import register_cell_magic\n"
        "@register_cell_magic\n"
        "def swallow(line, cell):\n"
        "    return None\n"
        "get_ipython().input_transformer_manager.line_transforms.append(\n"
        "    lambda lines: ['%%swallow\\n', *lines] if 'assert' in ''.join(lines) else lines)\n"
        "get_ipython().input_transformers_post.append(\n"
        "    lambda lines: ['pass\\n'] if any('assert' in l for l in lines) else lines)",
    ),
    trick(
        "writes_the_gradebook",
        "It opens the gradebook and writes a grade.",
        """
import glob, sqlite3
for path in glob.glob("../../../gradebook.db") + glob.glob("/**/gradebook.db") + ["gradebook.db"]:
    try:
        book = sqlite3.connect(f"file:{path}?mode=rw", uri=True)
        book.execute("UPDATE grade SET manual_score = 1000, auto_score = 1000")
        book.commit()
        won(path)
    except sqlite3.Error:
        pass
""",
        shows=LEFT,
    ),
    trick(
        "overwrites_another",
        "It overwrites what another student handed in.",
        """
import glob
for top in ("submitted", "autograded", "feedback"):
    for path in glob.glob(f"../../../{top}/*honest*/*/*"):
        try:
            open(path, "w").write("{}")
            won(path)
        except OSError:
            pass
""",
        shows=LEFT,
    ),
    trick(
        "hidden_tests_in_the_output",
        "It prints the hidden tests into its own feedback.",
        "import IPython\n"
        "ip = get_ipython()\n"
        "def spy(lines):\n"
        "    text = ''.join(lines)\n"
        "    if 'assert' in text or 'expected' in text:\n"
        "        open('/tmp/tests.txt', 'w').write(text)\n"
        "        won(text)\n"
        "    return lines\n"
        "ip.input_transformers_cleanup.append(spy)",
        shows="mark",
    ),
)
