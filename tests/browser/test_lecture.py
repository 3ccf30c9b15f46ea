"""The lecture in Voila: its slides, its keys, what it loads, accessibility."""

from collections.abc import Iterator

import pytest

from autograder.lecture.demos import DEMOS
from course import widgets
from tests.browser.lab import CHROMIUM, Tab, chromium_tab, lecture
from tests.browser.test_widgets import AXE, AXE_RUN

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium must be installed, found none"),
]
ALL_READY = """(n) => document.querySelectorAll('.course-widget[data-ready="1"]').length === n"""
SHOWN = "() => [...document.querySelectorAll('.slide')].filter((s) => !s.hidden).map((s) => s.id)"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with (
        lecture(tmp_path_factory.mktemp("lecture") / "home") as address,
        chromium_tab() as opened,
    ):
        opened.page.set_viewport_size({"width": 1600, "height": 900})
        opened.page.goto(address)
        opened.page.wait_for_function(ALL_READY, arg=len(DEMOS), timeout=60_000)
        yield opened


def test_there_is_a_demo_for_every_widget_and_each_answers(tab: Tab) -> None:
    assert {demo.widget for demo in DEMOS} == set(widgets.ALL)
    states = tab.page.locator(".course-widget").evaluate_all(
        "(all) => all.map((w) => w.dataset.state)"
    )
    assert states == ["ready"] * len(DEMOS)
    assert tab.errors == []
    assert tab.asked == []


def test_arrow_keys_step_and_a_figure_keeps_its_own(tab: Tab) -> None:
    page = tab.page
    page.keyboard.press("Home")
    assert page.evaluate(SHOWN) == ["start"]
    names = [demo.name for demo in DEMOS]
    assert page.locator(".contents a").count() == len(names)
    for name in names:
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"() => location.hash === '#{name}'")
        assert page.evaluate(SHOWN) == [name]
    page.keyboard.press("PageUp")
    assert page.evaluate(SHOWN) == [names[-2]]
    page.locator(".slide:not([hidden]) .cw-foot button").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN) == [names[-2]]
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(SHOWN) == [names[-3]]


def test_it_fills_the_screen(tab: Tab) -> None:
    tab.page.keyboard.press("Home")
    tab.page.keyboard.press("f")
    tab.page.wait_for_function("() => document.fullscreenElement !== null")
    tab.page.keyboard.press("f")
    tab.page.wait_for_function("() => document.fullscreenElement === null")


def test_a_known_mistake_is_shown_beside_the_reference(tab: Tab) -> None:
    page = tab.page
    page.evaluate("() => { location.hash = '#iou'; }")
    figure = page.locator("#iou .course-widget")
    figure.get_by_label("Show").select_option("box_iou: union counts overlap twice")
    figure.get_by_text("The reference gives something else here").wait_for()
    assert figure.get_by_text("A known mistake.").is_visible()
    figure.get_by_label("Show").select_option("")
    figure.get_by_text("A known mistake.").wait_for(state="detached")


def test_no_slide_breaks_a_rule_of_accessibility(tab: Tab) -> None:
    page = tab.page
    page.evaluate(AXE)
    for name in ["start", *[demo.name for demo in DEMOS]]:
        page.evaluate("(name) => { location.hash = '#' + name; }", name)
        page.wait_for_function(f"() => !document.getElementById('{name}').hidden")
        assert page.evaluate(AXE_RUN, "html") == [], name
