"""Class 12: scripts, links, markup, terminal codes and formulas in what people read."""

from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.hostile.attack import PAGE, Attack, area

SCRIPT = "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
HARMLESS = "what students write, print and raise is made harmless before it is in a page"


def inject(
    name: str, tries: str, first: str = "", control: str = "not_cleaned", **more: object
) -> Attack:
    """Return an attack on who reads feedback, report, terminal or table."""
    return Attack(name, 12, tries, PAGE, HARMLESS, control, first=first, **more)  # type: ignore[arg-type]


def markdown(text: str, attachments: object = None) -> Callable[[NotebookNode], None]:
    """Return a change that writes a text into a cell of its own and into the written answer."""

    def change(notebook: NotebookNode) -> None:
        cell = nbformat.v4.new_markdown_cell(text, id="own-text")
        if attachments:
            cell["attachments"] = attachments
        notebook.cells.insert(1, cell)
        for other in notebook.cells:
            if other.metadata.get("nbgrader", {}).get("grade_id") == "why_not_lower":
                other.source = text

    return change


def odd_metadata(notebook: NotebookNode) -> None:
    """Write markup where the notebook names its release, its kernel and its cells."""
    notebook.metadata["course"] = {"release": f"\x1b[2J{SCRIPT}=1+1"}
    notebook.metadata["title"] = SCRIPT
    notebook.metadata["kernelspec"] = {"name": SCRIPT, "display_name": SCRIPT}


def odd_files(folder: Path) -> None:
    """Lay files with names that are markup beside the notebook."""
    for name in (f"{SCRIPT.replace('/', '')}.png", "\x1b[2J.png", "=1+1.csv", "page.html", "a.svg"):
        (folder / name).write_text(SCRIPT)


ATTACKS = (
    inject(
        "script_in_output",
        "It prints a script.",
        f"print({SCRIPT!r})\nprint('</pre>' + {SCRIPT!r})",
    ),
    inject(
        "html_display",
        "It displays HTML, JavaScript, SVG and LaTeX as rich outputs.",
        "from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display\n"
        f"display(HTML({SCRIPT!r}), Markdown({SCRIPT!r}), Latex({SCRIPT!r}))\n"
        "display(Javascript('window.hit=1'))\n"
        f"display({{'text/html': {SCRIPT!r}, 'image/svg+xml': {SCRIPT!r}, "
        f"'application/javascript': 'window.hit=1', 'text/plain': {SCRIPT!r}}}, raw=True)",
    ),
    inject(
        "picture_that_is_none",
        "It displays markup as a picture.",
        "from IPython.display import display\n"
        f"display({{'image/png': 'iVBORw0KGgo\" onerror=\"window.hit=1'}}, raw=True)\n"
        f"display({{'image/png': {SCRIPT!r}}}, raw=True)",
    ),
    inject(
        "markdown_script",
        "Its markdown has scripts and handlers.",
        change=markdown(
            f"hello {SCRIPT}\n\n<svg onload=window.hit=1>\n\n<iframe srcdoc='{SCRIPT}'>"
        ),
    ),
    inject(
        "markdown_link",
        "Its markdown has links that run code.",
        change=markdown(
            "[a](javascript:window.hit=1) ![b](javascript:window.hit=1) <javascript:window.hit=1>\n\n"
            "[c]: data:text/html;base64,PHNjcmlwdD4\n\n[c] [d](vbscript:x) [e](JaVaScRiPt:window.hit=1)"
        ),
    ),
    inject(
        "attachment",
        "It attaches a page to its markdown as a picture.",
        change=markdown(
            "![x](attachment:x.svg)",
            {"x.svg": {"image/svg+xml": SCRIPT}, "y.html": {"text/html": SCRIPT}},
        ),
    ),
    inject(
        "terminal_codes",
        "It prints codes that clear the instructor's terminal and write its title.",
        "print('\\x1b[2J\\x1b[H\\x1b]0;14 of 14\\x07All passed\\x9b31m')",
    ),
    inject(
        "exception_text",
        "It raises exceptions whose text, name and line are markup.",
        f"raise ValueError({SCRIPT!r} + '\\x1b[2J')",
        cells=area(f"raise type({SCRIPT!r}, (Exception,), {{}})({SCRIPT!r})  # {SCRIPT}"),
    ),
    inject(
        "names_of_functions",
        "It names the function that raises and the missing name with markup.",
        f"def f(): pass\nf.__name__ = f.__qualname__ = {SCRIPT!r}\n"
        f"raise NameError('x', name={SCRIPT!r})",
    ),
    inject(
        "formula",
        "It prints and raises formulas that a table would compute.",
        'print(\'=HYPERLINK("http://x","14")\')',
        cells=area("raise ValueError('=1+1')"),
    ),
    inject("release_name", "It names its release with markup.", change=odd_metadata),
    inject("file_names", "It hands in files whose names are markup, and pages.", place=odd_files),
)
