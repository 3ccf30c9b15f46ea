"""Every widget in a real JupyterLab: pointer, keys and single clicks, errors, accessibility."""

import json
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest

from course import widgets
from tests.browser.error_zoo import ZOO
from tests.browser.lab import CHROMIUM, Tab
from tests.browser.widget_page import CELLS, Figure, execute, lab_with_widgets

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
AXE_RUN = """async (selector) => (await axe.run(selector)).violations.map((v) => v.id + ": "
    + v.nodes.map((node) => node.html.slice(0, 120) + " " + node.failureSummary).join(" | "))"""
LETTERS = "abcdfghjklmnoprstuvxyz"
STEPS = 3

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium must be installed, found none"),
]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with lab_with_widgets(tmp_path_factory.mktemp("widgets")) as opened:
        yield opened


@pytest.fixture(params=[widget.__name__ for widget in widgets.ALL])
def figure(tab: Tab, request: pytest.FixtureRequest) -> Figure:
    found = Figure(tab, request.param)
    found.root.scroll_into_view_if_needed()
    found.start_again()
    return found


def test_every_widget_answers_without_a_console_error_or_a_request_elsewhere(tab: Tab) -> None:
    assert tab.errors == []
    assert tab.asked == []


def test_keys_clicks_and_drags_reach_the_same_state(figure: Figure) -> None:
    page = figure.tab.page
    for handle in figure.handles():
        node = figure.root.locator(f"[data-handle='{handle}']")
        before = by_keys = figure.state()
        for way in ("right", "left"):  # it may stand at an edge
            node.focus()
            for _ in range(STEPS):
                page.keyboard.press(f"Arrow{way.title()}")
            figure.settle()
            by_keys = figure.state()
            if by_keys != before:
                break
        assert by_keys != before

        figure.start_again()
        what = figure.root.get_by_label("What to move")
        if what.count():
            what.select_option(handle)
        for _ in range(STEPS):
            figure.root.locator(f"[data-nudge='{way}']").click()
        figure.settle()
        assert figure.state() == by_keys

        figure.start_again()
        moved = node.evaluate(DRAG, STEPS if way == "right" else -STEPS)
        figure.settle()
        by_drag = figure.state()
        assert moved
        assert rounded(by_drag) == rounded(by_keys)
        figure.start_again()


# Drags a handle to the right by as much as so many arrow keys: pointer events in the page, in the
# figure's own units, so that no layout rounds the way.
DRAG = """async (node, steps) => {
    const svg = node.ownerSVGElement, matrix = svg.getScreenCTM(), box = node.getBBox();
    const step = Number(node.dataset.step);
    const at = (x) => {
        const point = new DOMPoint(x, box.y + box.height / 2).matrixTransform(matrix);
        return {clientX: point.x, clientY: point.y, pointerId: 1, bubbles: true, cancelable: true,
            button: 0, isPrimary: true};
    };
    const from = box.x + box.width / 2;
    svg.setPointerCapture = () => {};
    node.firstChild.dispatchEvent(new PointerEvent("pointerdown", at(from)));
    for (const part of [0.4, 1]) {
        svg.dispatchEvent(new PointerEvent("pointermove", at(from + part * steps * step)));
        await new Promise(requestAnimationFrame);
    }
    svg.dispatchEvent(new PointerEvent("pointerup", at(from + steps * step)));
    return true;
}"""


def rounded(value: object) -> object:
    match value:
        case dict():
            return {key: rounded(item) for key, item in value.items()}
        case list():
            return [rounded(item) for item in value]
        case float():
            return round(value, 1)
    return value


def test_controls_are_moved_to_their_ends_without_an_error(figure: Figure) -> None:
    figure.to_its_ends()
    assert figure.tab.errors == []


def test_letter_keys_never_change_the_notebook(figure: Figure) -> None:
    page = figure.tab.page
    before = page.evaluate(CELLS)
    focusable = figure.root.locator("button, [data-handle][tabindex='0'], .cw-number[tabindex]")
    for number in (0, focusable.count() - 1):
        focusable.nth(number).focus()
        for letter in LETTERS:
            page.keyboard.press(letter)
    assert page.evaluate(CELLS) == before
    assert figure.root.count() == 1


def test_no_accessibility_rule_is_broken(figure: Figure) -> None:
    page = figure.tab.page
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        light = str("Light" in theme).lower()
        page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg=light, timeout=10_000
        )
        page.wait_for_timeout(300)
        assert page.evaluate(AXE_RUN, f"[data-widget='{figure.name}']") == []


def test_a_state_is_copied_and_restored_and_a_wrong_one_refused(figure: Figure) -> None:
    first = figure.state()
    examples = figure.root.locator(".cw-examples select")
    if examples.count():
        examples.select_option(index=examples.locator("option").count() - 1)
        figure.settle()
        assert figure.state() != first
    paste(figure, json.dumps(first))
    assert figure.state() == first
    paste(figure, '{"nonsense": 1}')
    assert "keys of" in figure.root.locator(".cw-trouble").inner_text()
    figure.start_again()
    assert figure.root.get_attribute("data-state") == "ready"


def paste(figure: Figure, text: str) -> None:
    figure.root.locator(".cw-state").evaluate("(details) => { details.open = true; }")
    figure.root.locator(".cw-state textarea").fill(text)
    figure.root.get_by_text("Restore", exact=True).click()
    figure.settle()


def test_every_error_is_shown_in_words_and_recovered_from(figure: Figure) -> None:
    widget = getattr(widgets, figure.name)
    if not widget.functions:
        pytest.skip("it shows no function")
    name = widget.functions[0]
    drawing = figure.root.locator(".cw-drawing")
    whole = drawing.inner_html()
    for how in ZOO:
        seconds = 0.3 if how == "endless" else 2.0  # sooner than for students
        wrong = f"{name} = spoiled(reference_of({name!r}), {how!r})"
        execute(figure.tab, f"calling.SECONDS = {seconds}\n{wrong}")
        figure.settle()
        told = figure.root.locator(".cw-trouble")
        assert f"`{name}`" in told.inner_text(), how
        if how == "raises":
            assert "division by zero" in told.inner_text()
            assert "1 / 0" in told.locator("code").inner_text()
        stale = figure.root.locator(".cw-figure.cw-stale").count() == 1
        whole_figure = figure.root.get_attribute("data-state") == "error"
        assert stale == whole_figure, (
            how
        )  # a figure of several functions keeps what the others give
        execute(figure.tab, f"calling.SECONDS = 2.0\n{name} = reference_of({name!r})")
        figure.settle()
        assert figure.root.get_attribute("data-state") == "ready", how
        assert told.count() == 0, how
    assert drawing.inner_html() == whole


def test_slow_code_is_said_to_run_and_is_followed_to_its_end(tab: Tab) -> None:
    figure = Figure(tab, "IoU")
    figure.start_again()
    execute(tab, "import time\ncalling.SECONDS = 5.0\nquick = box_iou")
    execute(tab, "def box_iou(a, b):\n    time.sleep(0.4)\n    return quick(a, b)")
    figure.settle()
    figure.root.locator("[data-nudge='right']").click()
    figure.root.get_by_text("Still running").wait_for(timeout=1500)
    figure.settle()
    assert figure.root.get_by_text("Still running").count() == 0
    assert figure.root.get_attribute("data-state") == "ready"
    execute(tab, "box_iou = quick\ncalling.SECONDS = 2.0")
    figure.settle()


def test_interrupting_is_offered_where_no_budget_stops_the_code(tab: Tab) -> None:
    """As in code that waits outside Python, where nothing but its end or the kernel's helps."""
    figure = Figure(tab, "IoU")
    figure.start_again()
    execute(tab, "calling.SECONDS, quick, stuck, busy = 60.0, box_iou, [1], []")
    execute(tab, "def endless(a, b):\n    while stuck: pass\n    return quick(a, b)")
    execute(tab, "def box_iou(a, b):\n    return endless(a, b) if busy else quick(a, b)")
    figure.settle()
    execute(tab, "busy.append(1)")
    figure.root.locator("[data-nudge='right']").click()
    with tab.page.expect_response("**/interrupt") as reply:
        figure.root.get_by_text("Interrupt", exact=True).click(timeout=8000)
    assert reply.value.status == 204
    execute(tab, "stuck.clear()")
    figure.settle()
    execute(tab, "calling.SECONDS = 2.0\nbox_iou = quick")
    figure.settle()
    assert figure.root.get_attribute("data-state") == "ready"


def test_an_endless_loop_is_stopped_in_the_thread_that_answers_a_drag(tab: Tab) -> None:
    figure = Figure(tab, "IoU")
    figure.start_again()
    execute(tab, "quick, busy = box_iou, []")
    execute(tab, ENDLESS)
    figure.settle()
    execute(tab, "busy.append(1)")
    figure.root.locator("[data-nudge='right']").click()
    figure.root.get_by_text("did not finish within 2 seconds").wait_for(timeout=5000)
    assert "of box_iou: " in figure.root.locator(".cw-trouble code").inner_text()
    execute(tab, "box_iou = quick")
    figure.settle()
    assert figure.root.get_attribute("data-state") == "ready"


ENDLESS = """
def box_iou(a, b):
    n = 0
    while busy:
        try:
            n += 1
        except:
            pass
    return quick(a, b)
"""


def test_a_fast_drag_leaves_nothing_unanswered_and_keeps_one_question_in_flight(tab: Tab) -> None:
    figure = Figure(tab, "IoU")
    figure.start_again()
    execute(tab, "import time\ncalling.SECONDS = 5.0\nquick, most = box_iou, []")
    execute(tab, COUNTING)
    figure.settle()
    box = figure.root.locator("[data-handle='a']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    for i in range(60):
        tab.page.mouse.move(x + i, y + i / 2)
    tab.page.mouse.up()
    tab.page.wait_for_timeout(1000)
    root = figure.root.evaluate("(root) => [root.dataset.asked, root.dataset.seq]")
    assert root[0] == root[1]
    execute(tab, "assert len(most) < 3 * 30, len(most)")  # far fewer pictures than movements
    execute(tab, "box_iou = quick\ncalling.SECONDS = 2.0")
    figure.settle()


COUNTING = """
def box_iou(a, b):
    most.append(1)
    time.sleep(0.1)
    return quick(a, b)
"""
