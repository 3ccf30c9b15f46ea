"""A JupyterLab notebook and a Voila page with every widget, and what a reader does to them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from course import widgets
from tests.browser.lab import Tab, chromium_tab, jupyter_lab

# Functions as in a student's notebook, by the exercises' names; then a widget in each cell.
SETUP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from autograder.reference import reference_of
from course import widgets
from course.widgets import calling
from tests.browser.error_zoo import spoiled
names = sorted({{name for widget in widgets.ALL for name in widget.functions}})
globals().update({{name: reference_of(name) for name in names}})
"""
EXECUTE = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const reply = await kernel.requestExecute({code, store_history: false}).done;
    return reply.content;
}"""
STATE = """(root) => JSON.parse(root.querySelector(".cw-state textarea").value)"""
SETTLED = """(root) => root.dataset.ready === "1" && root.dataset.seq === root.dataset.asked
    && root.dataset.state !== "busy" """
CELLS = "() => jupyterapp.shell.currentWidget.content.widgets.length"


@dataclass
class Figure:
    """One widget in the page."""

    tab: Tab
    name: str = ""  # any
    number: int = 0  # of those of this name

    @property
    def root(self) -> Any:
        named = f"[data-widget='{self.name}']" if self.name else ""
        return self.tab.page.locator(f".course-widget{named}").nth(self.number)

    def settle(self) -> None:
        """Wait until the last question is answered and painted."""
        handle = self.root.element_handle()
        self.tab.page.wait_for_function(SETTLED, arg=handle, timeout=15_000)
        self.tab.page.evaluate(
            "() => new Promise((r) => requestAnimationFrame(() => setTimeout(r)))"
        )

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.root.evaluate(STATE)
        return found

    def start_again(self) -> None:
        self.root.get_by_text("Start again", exact=True).evaluate("(button) => button.click()")
        self.settle()

    def to_its_ends(self) -> None:
        """Move every slider to both ends and show every example; each must be answered, if only by
        naming the function that the figure was not given."""
        ranges = self.root.locator("input[type='range']")
        for number in range(ranges.count()):
            for key in ("End", "Home"):
                if number < ranges.count():
                    ranges.nth(number).focus()
                    self.tab.page.keyboard.press(key)
                    self.answered(f"slider {number}, {key}")
        examples = self.root.locator(".cw-examples select")
        if examples.count():
            for name in examples.locator("option").all_inner_texts()[1:]:
                examples.select_option(name)
                self.answered(name)

    def answered(self, what: str) -> None:
        self.settle()
        if self.root.get_attribute("data-state") != "ready":
            told = self.root.locator(".cw-trouble").inner_text()
            assert told.startswith("Not yet."), f"{what}: {told}"

    def handles(self) -> list[str]:
        """Return what can be moved by keys."""
        nodes = self.root.locator("[data-handle][tabindex='0']")
        return [nodes.nth(i).get_attribute("data-handle") for i in range(nodes.count())]


@contextmanager
def lab_with_widgets(folder: Path, names: Sequence[str] = ()) -> Iterator[Tab]:
    """Yield a page of JupyterLab in which every widget, or those of these names, has answered."""
    cells = [nbformat.v4.new_code_cell(SETUP)]
    shown = [widget for widget in widgets.ALL if not names or widget.__name__ in names]
    for widget in shown:
        cells.append(
            nbformat.v4.new_code_cell(f"widgets.{widget.__name__}({', '.join(widget.functions)})")
        )
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    root = folder / "served"
    root.mkdir()
    nbformat.write(notebook, root / "widgets.ipynb")
    with jupyter_lab(root, folder / "home") as address, chromium_tab() as tab:
        tab.page.set_viewport_size({"width": 1250, "height": 1000})
        tab.open(address, "widgets.ipynb")
        for cell in tab.run_all():
            wrong = [o for o in cell["outputs"] if o["output_type"] == "error"]
            assert not wrong, wrong
        ready = tab.page.locator(".course-widget[data-ready='1']")
        tab.page.wait_for_function(
            "(n) => document.querySelectorAll('.course-widget[data-ready=\"1\"]').length === n",
            arg=len(shown),
            timeout=60_000,
        )
        assert ready.count() == len(shown)
        yield tab


def execute(tab: Tab, code: str) -> None:
    """Run code in the notebook's kernel, as if a cell had been run."""
    reply = tab.page.evaluate(EXECUTE, code)
    assert reply["status"] == "ok", reply
