"""A notebook with widgets as a page without a kernel: the picture, the sentence, no request."""

import nbformat
import pytest
from nbclient import NotebookClient

from course.export import LessonExporter
from tests.browser.lab import CHROMIUM, chromium_tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium must be installed, found none"),
]
CODE = """
from autograder.reference import reference_of
from course import widgets
box_iou = reference_of("box_iou")
widgets.IoU(box_iou)
"""


def test_an_exported_notebook_shows_each_widget_and_asks_for_nothing() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    NotebookClient(notebook, kernel_name="python3").execute()
    text, _ = LessonExporter().from_notebook_node(notebook)
    with chromium_tab() as tab:
        tab.page.set_content(text)
        picture = tab.page.locator("figure img")
        assert picture.evaluate("(image) => image.naturalWidth") > 200
        said = tab.page.locator("figcaption").inner_text()
        assert said.startswith("Box A")
        assert "gives 0.200" in said
        assert picture.get_attribute("alt") == said
        assert tab.errors == []
        assert tab.asked == []


ASKS = """
<img src="https://elsewhere.example/picture.png">
<script>new WebSocket("ws://192.0.2.1/socket"); fetch("http://127.0.0.2:9/data").catch(() => 0)</script>
"""


def test_a_page_that_asks_other_machines_is_noticed() -> None:
    with chromium_tab() as tab:
        tab.page.set_content(ASKS, wait_until="commit")
        tab.page.wait_for_timeout(500)
        assert sorted(tab.asked) == [
            "http://127.0.0.2:9/data",
            "https://elsewhere.example/picture.png",
            "ws://192.0.2.1/socket",
        ]


def test_a_widget_that_is_only_executed_to_be_graded_calls_nothing() -> None:
    code = """
import os
os.environ["NBGRADER_EXECUTION"] = "autograde"
from course import widgets
calls = []
def box_iou(a, b):
    calls.append(a)
    while True: pass
"""
    cells = [code, "widgets.IoU(box_iou)", "len(calls)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    (counted,) = notebook.cells[-1].outputs
    assert counted["data"]["text/plain"] == "0"
    (shown,) = notebook.cells[1].outputs
    assert "image/png" not in shown["data"]
