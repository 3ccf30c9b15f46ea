"""How fast a widget follows: from a movement of the pointer to the kernel's answer on the screen."""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from tests.browser.lab import Tab, chromium_tab, jupyter_lab, lecture

MOVES, ROUNDS = 120, 3
# Counts a movement from its event to the frame in which its answer, or a later one, is painted.
# Taken once a page: what it counts into, `seen`, is new for every round.
WATCH = """(root) => {
    window.seen = {late: [], local: [], answers: 0};
    if (window.unanswered) return;
    const stage = root.querySelector(".cw-stage");
    let open = [], last = root.dataset.seq;
    // What the page looks like now is on the screen once the next frame's callbacks are over.
    const painted = (done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
    });
    stage.addEventListener("pointermove", () => {
        const at = performance.now();
        open.push({at, before: Number(root.dataset.asked)});
        painted(() => window.seen.local.push(performance.now() - at));
    }, true);
    new MutationObserver(() => {
        const seq = Number(root.dataset.seq);
        if (root.dataset.seq === last) return;
        last = root.dataset.seq;
        window.seen.answers += 1;
        const met = open.filter((one) => one.before < seq);
        open = open.filter((one) => one.before >= seq);
        painted(() => met.forEach((one) => window.seen.late.push(performance.now() - one.at)));
    }).observe(root, {attributes: true, attributeFilter: ["data-seq"]});
    window.unanswered = () => Number(root.dataset.asked) - Number(root.dataset.seq);
}"""
SLOW = "import time\n_quick = box_iou\ndef box_iou(a, b):\n    time.sleep(0.1)  # called three times for a picture\n    return _quick(a, b)\n"


def main() -> None:
    print(f"{MOVES} movements of a dragged box, {ROUNDS} rounds; milliseconds, medians of rounds")
    print(f"{'page':<34}{'median':>8}{'p95':>8}{'answers/s':>11}{'local p95':>11}{'left':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, page in (("JupyterLab", _lab), ("Voila", _voila)):
            with page(Path(folder) / name) as (tab, seconds):
                _print(f"{name}, box_iou", _rounds(tab))
                print(f"{name}: page to first answer {seconds:.1f} s")
                if name == "JupyterLab":
                    _define(tab, SLOW)
                    _print(f"{name}, 300 ms in box_iou", _rounds(tab, 1))


@contextmanager
def _lab(folder: Path) -> Iterator[tuple[Tab, float]]:
    folder.mkdir()
    code = "from course.widgets import IoU\nfrom solutions.boxes import box_iou\nIoU(box_iou)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "iou.ipynb")
    with jupyter_lab(folder, folder / "home") as address, chromium_tab() as tab:
        start = time.monotonic()
        tab.open(address, "iou.ipynb")
        tab.run_all()
        tab.page.wait_for_selector(".course-widget[data-ready='1']")
        yield tab, time.monotonic() - start


@contextmanager
def _voila(folder: Path) -> Iterator[tuple[Tab, float]]:
    folder.mkdir()
    with lecture(folder / "home") as address, chromium_tab() as tab:
        tab.page.wait_for_timeout(10_000)  # its Python has started
        start = time.monotonic()
        tab.page.goto(address + "/#iou")
        tab.page.wait_for_selector("#iou .course-widget[data-ready='1']")
        seconds = time.monotonic() - start
        tab.page.wait_for_timeout(3000)  # the other slides' figures answer too
        yield tab, seconds


def _define(tab: Tab, code: str) -> None:
    tab.page.evaluate(
        "(code) => jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code, store_history: false}).done",
        code,
    )
    tab.page.wait_for_timeout(1500)


def _rounds(tab: Tab, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    return [_drag(tab) for _ in range(rounds)]


def _drag(tab: Tab) -> dict[str, Any]:
    page = tab.page
    root = page.locator(".course-widget[data-widget='IoU']")
    root.scroll_into_view_if_needed()
    root.get_by_text("Start again", exact=True).evaluate("(button) => button.click()")
    page.wait_for_timeout(1200)
    root.evaluate(WATCH)
    box = root.locator("[data-handle='a']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    start = time.monotonic()
    for i in range(MOVES):
        page.mouse.move(x + i % 60, y + i % 40)
    seconds = time.monotonic() - start
    page.mouse.up()
    page.wait_for_timeout(1000)
    seen: dict[str, Any] = page.evaluate("() => window.seen")
    seen["rate"] = seen["answers"] / seconds
    seen["left"] = page.evaluate("() => window.unanswered()")
    return seen


def _print(name: str, rounds: list[dict[str, Any]]) -> None:
    median = statistics.median(statistics.median(r["late"]) for r in rounds)
    p95 = statistics.median(_percentile(r["late"]) for r in rounds)
    rate = statistics.median(r["rate"] for r in rounds)
    local = statistics.median(_percentile(r["local"]) for r in rounds)
    left = max(r["left"] for r in rounds)
    print(f"{name:<34}{median:>8.1f}{p95:>8.1f}{rate:>11.1f}{local:>11.1f}{left:>6}")


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
