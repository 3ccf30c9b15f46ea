"""Whether a figure that is used for long stays as it was: memory, nodes, questions left open.

    python -m tests.bench.bench_soak [SECONDS [WIDGET ...]]

Each widget is moved at random in one page of JupyterLab. After each third of its time the page and
the kernel collect their garbage and are measured.
"""

import random
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import ElementHandle, Page

from course import widgets
from tests.browser.lab import Tab
from tests.browser.widget_page import Figure, lab_with_widgets

SECONDS, THIRDS = 60.0, 3
KEYS = ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "Shift+ArrowRight")
KERNEL = "import gc; _ = gc.collect()"
OBJECTS = "len(gc.get_objects())"
MEASURE = f"""async () => {{
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const asked = {{code: "{KERNEL}", store_history: false, user_expressions: {{n: "{OBJECTS}"}}}};
    const reply = await kernel.requestExecute(asked).done;
    return Number(reply.content.user_expressions.n.data["text/plain"]);
}}"""
CHOOSE = """(list, which) => {
    const options = [...list.options].filter((option) => !option.disabled);
    if (!options.length) return;
    list.value = options[Math.floor(which * options.length)].value;
    list.dispatchEvent(new Event("change", {bubbles: true}));
}"""
GROWN = 1.1  # from the first third to the second, and again to the last: then it goes on


@dataclass(frozen=True)
class Seen:
    """What there is: megabytes and nodes in the page, thousands of objects in the kernel."""

    heap: float
    nodes: float
    objects: float


def main(seconds: float = SECONDS, names: tuple[str, ...] = ()) -> int:
    bad = 0
    print(f"{seconds:g} s each, measured after each third")
    print(
        f"{'widget':<17}{'actions':>8}{'answers':>8}{'page, MB':>22}{'nodes':>22}"
        f"{'kernel, objects/1000':>22}{'open':>6}{'errors':>7}"
    )
    with tempfile.TemporaryDirectory() as folder, lab_with_widgets(Path(folder), names) as tab:
        shown = [w.__name__ for w in widgets.ALL if not names or w.__name__ in names]
        for name in shown:
            bad += not _soaked(Figure(tab, name), seconds)
    return 1 if bad else 0


def _soaked(figure: Figure, seconds: float) -> bool:
    """Drive a figure, print its row, and return whether all is well."""
    rng, actions, seen = random.Random(figure.name), 0, []
    figure.root.scroll_into_view_if_needed()
    figure.start_again()
    asked, errors = _count(figure, "asked"), len(figure.tab.errors)
    for _ in range(THIRDS):
        end = time.monotonic() + seconds / THIRDS
        while time.monotonic() < end:
            _act(figure, rng)
            actions += 1
        figure.settle()
        figure.start_again()  # a figure's examples differ in size
        seen.append(_measured(figure.tab))
    left = _count(figure, "asked") - _count(figure, "seq")
    wrong = figure.tab.errors[errors:]
    grows = [
        key
        for key in ("heap", "nodes", "objects")
        if all(
            getattr(after, key) > GROWN * getattr(before, key) for before, after in pairwise(seen)
        )
    ]
    columns = [" ".join(f"{getattr(s, key):.6g}" for s in seen) for key in vars(seen[0])]
    print(
        f"{figure.name:<17}{actions:>8}{_count(figure, 'seq') - asked:>8}"
        f"{columns[0]:>22}{columns[1]:>22}{columns[2]:>22}{left:>6}{len(wrong):>7}"
        + (f"  grows: {', '.join(grows)}" if grows else "")
        + "".join(f"\n    {text}" for text in wrong[:3]),
        flush=True,
    )
    return not (left or wrong or grows)


def _act(figure: Figure, rng: random.Random) -> None:
    """Do one thing that a reader might do."""
    what = rng.choice(("drag", "drag", "drag", "key", "slide", "choose", "click"))
    selector = {
        "drag": "[data-handle]",
        "key": "[data-handle][tabindex='0']",
        "slide": "input[type='range']",
        "choose": "select",
        "click": "button:enabled:visible, input[type='checkbox']:visible",
    }[what]
    nodes = figure.root.locator(selector).element_handles()  # an answer may take any away
    if nodes:
        _use(figure.tab.page, what, rng.choice(nodes), rng)
    for node in nodes:
        node.dispose()  # else it stays in the page's memory


def _use(page: Page, what: str, node: ElementHandle, rng: random.Random) -> None:
    if what == "drag":
        box = node.bounding_box()
        if box is None:
            return
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for _ in range(6):
            page.mouse.move(x + rng.uniform(-60, 60), y + rng.uniform(-60, 60))
        page.mouse.up()
    elif what == "choose":
        node.evaluate(CHOOSE, rng.random())
    elif what == "click":
        node.evaluate("(button) => button.click()")
    else:
        node.evaluate("(node) => node.focus()")
        page.keyboard.press(rng.choice(KEYS))


def _count(figure: Figure, name: str) -> int:
    return int(figure.root.get_attribute(f"data-{name}") or 0)


def _measured(tab: Tab) -> Seen:
    console = tab.page.context.new_cdp_session(tab.page)
    console.send("Performance.enable")
    for _ in range(2):
        console.send("HeapProfiler.collectGarbage")
    found: list[dict[str, Any]] = console.send("Performance.getMetrics")["metrics"]
    console.detach()
    metrics = {metric["name"]: metric["value"] for metric in found}
    objects = tab.page.evaluate(MEASURE)
    heap = round(metrics["JSHeapUsedSize"] / 1e6, 1)
    return Seen(heap, metrics["Nodes"], round(objects / 1000, 1))


if __name__ == "__main__":
    seconds, *names = sys.argv[1:] or [str(SECONDS)]
    sys.exit(main(float(seconds), tuple(names)))
