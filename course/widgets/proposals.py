"""Proposals: Selective Search's hierarchy from first regions to the whole image, step by step."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw, similarities
from course.outcome import Case
from course.rcnn import Regions, first_regions, in_mean_colours
from course.scenes import Scene, scene
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, number, tensor
from course.widgets.mergers import History
from course.widgets.pictures import drawable

WIDTH, HEIGHT = 144, 96
MOST, MOST_MERGERS = 16, 40
OWN = "colour + size + fill"
RULES: dict[str, Callable[..., float]] = {
    "smaller first": similarities.smaller_first,
    "closer first": similarities.closer_first,
    "fitting first": similarities.fitting_first,
    "all alike": similarities.all_alike,
    "common contents": similarities.common_contents,
}
OF_ROWS = (OWN, "common contents")  # the others look at one number, the size
ROW = ([0, 0, 50, 40], [50, 0, 70, 40], [70, 0, 100, 40], [100, 0, 140, 40])
GRID = (
    [0, 0, 40, 30], [40, 0, 80, 36], [80, 0, 140, 30],
    [0, 30, 44, 90], [44, 36, 90, 90], [90, 30, 140, 90],
)  # fmt: skip
SIDES = [[4, 1], [2, 1], [5, 4], [1, 0], [3, 0], [5, 2], [4, 3]]


def _example(boxes: Any, sizes: Any, neighbours: Any, by: str, **more: Any) -> State:
    rows = [list(map(float, row)) if isinstance(row, list) else [float(row)] for row in sizes]
    return {
        "scene": more.get("scene", False),
        "boxes": [list(map(float, box)) for box in boxes],
        "sizes": rows,
        "neighbours": [list(map(int, pair)) for pair in neighbours],
        "by": by,
        "step": more.get("step", 1),
        "all": False,
    }


class Proposals(Widget):
    """`Proposals(group_regions, histogram_intersection, size_similarity, fill_similarity)`.

    Which two regions merge in each round, how similar the neighbours were, and the boxes of all
    regions. The last three are called only where regions are compared by them.
    """

    functions: ClassVar = (
        "group_regions",
        "histogram_intersection",
        "size_similarity",
        "fill_similarity",
    )
    local: ClassVar = ("step", "all")
    constants: ClassVar = {"rules": [OWN, *RULES], "own": OWN}
    examples: ClassVar = {
        "a scene": _example((), (), (), OWN, scene=True, step=4),
        "a scene, smaller first": _example((), (), (), "smaller first", scene=True, step=5),
        "a scene, fitting first": _example((), (), (), "fitting first", scene=True, step=5),
        "four in a row": _example(ROW, [5, 1, 2, 9], [[0, 1], [1, 2], [2, 3]], "smaller first"),
        "all alike": _example(GRID, [9, 8, 7, 6, 5, 4], SIDES, "all alike", step=2),
        "closer first": _example(GRID, [9, 8, 7, 6, 5, 4], SIDES, "closer first", step=2),
        "two parts": _example(
            [*ROW, [0, 60, 60, 90], [60, 60, 100, 96]],
            [5, 1, 2, 9, 3, 3],
            [[0, 1], [2, 3], [5, 4]],
            "smaller first",
        ),
        "common contents": _example(
            GRID,
            [[8, 1, 1], [1, 8, 2], [2, 9, 1], [7, 2, 1], [1, 1, 9], [1, 3, 6]],
            SIDES,
            "common contents",
        ),
    }

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        found = _regions()
        means = in_mean_colours(_scene().image, found.segments)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"
        colours = [[0, 0, 0]] * len(found)
        for region in range(len(found)):
            y, x = (found.segments == region).nonzero()[0].tolist()
            colours[region] = [round(255 * c) for c in means[:, y, x].tolist()]
        return {
            "segments": ["".join(digits[i] for i in row) for row in found.segments.tolist()],
            "colours": colours,
            "pixels": found.contents[:, 0].tolist(),
            "boxes": found.boxes.tolist(),
        }

    @classmethod
    def rule(cls, state: State) -> str:
        if state["by"] not in (OWN, *RULES):
            return f"by must be one of {', '.join((OWN, *RULES))}, got {state['by']!r}"
        if not 0 <= state["step"] <= MOST_MERGERS:
            return f"step must lie in [0, {MOST_MERGERS}], got {state['step']}"
        boxes, sizes, neighbours = state["boxes"], state["sizes"], state["neighbours"]
        if state["scene"]:
            given = boxes or sizes or neighbours
            return "the scene has regions of its own: boxes must be empty" if given else ""
        if len(boxes) > MOST or len(boxes) != len(sizes):
            return f"boxes and sizes must be equally many, at most {MOST}, got {len(boxes)}"
        for box in boxes:
            if not (_numbers(box, 4) and box[0] <= box[2] and box[1] <= box[3]):
                return f"a box must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box}"
        length = len(sizes[0]) if sizes and isinstance(sizes[0], list) else 1
        least = 2 if state["by"] in OF_ROWS else 1
        for row in sizes:
            if not (least <= length <= 40 and _numbers(row, length) and min(row) >= 0):
                return f"sizes must be rows of {least} or more numbers from 0 up, got {row}"
            if sum(row[1:] if state["by"] == OWN else row) <= 0:
                return f"the quantities of a region must not all be 0, got {row}"
        seen = set()
        for pair in neighbours:
            if not (_numbers(pair, 2) and all(i in range(len(boxes)) for i in pair)):
                return f"neighbours must be pairs of indices of boxes, got {pair}"
            if pair[0] == pair[1] or frozenset(pair) in seen:
                return f"a pair must be of two regions and stand once, got {pair}"
            seen.add(frozenset(pair))
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        boxes, sizes, pairs, area = _inputs(state)
        history = History(boxes, sizes, pairs, _parts(calls, state["by"], area))
        history.listed()  # says what is wrong with the similarities
        plain = _similarity(calls, state["by"], area)
        found, seen = _watched(calls, boxes, sizes, pairs, plain)
        with_rows = True
        if state["by"] not in OF_ROWS:
            of_rows, amounts = found, sizes[:, 0]
            found = _boxes(calls.group_regions(boxes, amounts, pairs, plain), boxes)
            with_rows = found.shape == of_rows.shape and torch.equal(found, of_rows)
        first, mergers = found[: len(boxes)], found[len(boxes) :]
        return {
            "boxes": found,
            "first": torch.equal(first, boxes),
            "with_rows": with_rows,
            "alone": _apart(calls),
            "rounds": [history.round(box, seen) for box in mergers],
            "left": history.listed(),
        }

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        count, total = len(_inputs(state)[0]), len(shown["boxes"])
        return (
            f"{count} first regions, {len(shown['rounds'])} mergers: group_regions returns "
            f"{total} boxes."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        boxes, count = drawable(shown["boxes"]), len(_inputs(state)[0])
        if state["scene"]:
            ax = draw.panels(cls.says(state, shown), size=(HEIGHT, WIDTH))
            draw.photo(ax, in_mean_colours(_scene().image, _regions().segments))
        else:
            place = draw.around(boxes) if len(boxes) else {"size": (1, 1)}
            ax = draw.panels(cls.says(state, shown), **place)
        draw.boxes(ax, boxes[:count], colors="grey", width=1.5)
        draw.boxes(ax, boxes[count:], colors="blue", width=1.5, style="--")
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        rows, columns = 1 + size // 3, 2 + size // 2
        ys, xs = (np.cumsum(rng.integers(8, 30, size=n + 1)) for n in (rows, columns))
        cells = [(r, c) for r in range(rows) for c in range(columns)]
        number_of = dict(zip(cells, rng.permutation(len(cells)).tolist(), strict=True))
        boxes = [[0.0] * 4 for _ in cells]
        for (r, c), n in number_of.items():
            boxes[n] = [xs[c], ys[r], xs[c + 1], ys[r + 1]]
        near = [((r, c), (r + i, c + j)) for r, c in cells for i, j in ((0, 1), (1, 0), (1, 1))]
        pairs = [[number_of[a], number_of[b]] for a, b in near if b in number_of]
        pairs = [pair for pair in rng.permutation(pairs).tolist() if rng.random() < 0.9]
        sizes = rng.integers(1, 9, size=(len(cells), 4)).tolist()
        return _example(boxes, sizes, pairs, str(rng.choice([OWN, *RULES])))

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        boxes, sizes, neighbours, similarity = case.arguments
        by = [name for name, rule in RULES.items() if rule is similarity]
        if not by or len(boxes) > MOST:
            return None
        return _example(boxes.tolist(), sizes.tolist(), neighbours, by[0])


def _inputs(state: State) -> tuple[Tensor, Tensor, list[tuple[int, int]], float]:
    """Return boxes, sizes in rows, neighbours, and the area of the image."""
    if state["scene"]:
        found = _regions()
        return found.boxes, found.contents, found.neighbours, float(WIDTH * HEIGHT)
    boxes = torch.tensor(state["boxes"], dtype=torch.float32).reshape(-1, 4)
    sizes = torch.tensor(state["sizes"], dtype=torch.float32)
    sizes = sizes.reshape(len(boxes), -1) if len(boxes) else sizes.reshape(0, 2)
    area = 1.0
    if len(boxes):
        area = max(float((boxes[:, 2:].amax(dim=0) - boxes[:, :2].amin(dim=0)).prod()), 1.0)
    return boxes, sizes, [(i, j) for i, j in state["neighbours"]], area


def _parts(calls: Calls, by: str, area: float) -> Callable[..., list[float]]:
    """Return the similarity for the table: the whole, and its three parts if there are some."""

    def alike(box_a: Tensor, a: Tensor, box_b: Tensor, b: Tensor) -> list[float]:
        if by != OWN:
            rows = (a, b) if by in OF_ROWS else (a[0], b[0])
            return [float(RULES[by](box_a, rows[0], box_b, rows[1]))]
        hull = similarities.area_around(box_a.tolist(), box_b.tolist())
        colours, sizes = (a[1:] / a[1:].sum(), b[1:] / b[1:].sum()), (float(a[0]), float(b[0]))
        parts = [
            number("histogram_intersection", calls.histogram_intersection(*colours)),
            number("size_similarity", calls.size_similarity(*sizes, area)),
            number("fill_similarity", calls.fill_similarity(*sizes, hull, area)),
        ]
        return [sum(parts), *parts]

    return alike


def _similarity(calls: Calls, by: str, area: float) -> Callable[..., float]:
    """Return the similarity that group_regions is given."""
    if by != OWN:
        return RULES[by]
    given: list[Any] = [calls.functions[name] for name in Proposals.functions[1:]]
    colour, size, fill = given

    def similarity(box_a: Any, row_a: Any, box_b: Any, row_b: Any) -> float:
        a, b = torch.as_tensor(row_a), torch.as_tensor(row_b)
        hull = similarities.area_around(*(torch.as_tensor(box).tolist() for box in (box_a, box_b)))
        parts = (
            colour(a[1:] / a[1:].sum(), b[1:] / b[1:].sum()),
            size(float(a[0]), float(b[0]), area),
            fill(float(a[0]), float(b[0]), hull, area),
        )
        return float(sum(float(part) for part in parts))

    return similarity


def _watched(
    calls: Calls, boxes: Tensor, sizes: Tensor, pairs: Any, similarity: Any
) -> tuple[Tensor, dict[frozenset[int], int]]:
    """Return the boxes, and the sets of first regions that were compared, in the order of that.

    group_regions tells only boxes. So each region's row gets a mark of its own at the end: rows
    are added, and the marks of a merger show which of the first regions are in it.
    """
    count = len(boxes)
    seen: dict[frozenset[int], int] = {}

    def watching(box_a: Any, row_a: Any, box_b: Any, row_b: Any) -> float:
        own = []
        for row in (row_a, row_b):
            marks = torch.as_tensor(row[-count:])
            seen.setdefault(frozenset(marks.nonzero().flatten().tolist()), len(seen))
            own.append(row[:-count])
        if similarity not in RULES.values() or similarity is similarities.common_contents:
            return float(similarity(box_a, own[0], box_b, own[1]))
        return float(similarity(box_a, own[0][0], box_b, own[1][0]))

    marked = torch.cat([sizes, torch.eye(count)], dim=1)
    return _boxes(calls.group_regions(boxes, marked, pairs, watching), boxes), seen


def _boxes(found: Any, boxes: Tensor) -> Tensor:
    result = tensor("group_regions", found, ("regions", 4), boxes)
    if len(result) > len(boxes) + MOST_MERGERS:
        text = f"`group_regions` returned {len(result)} boxes for {len(boxes)} regions."
        raise Trouble("value", text)
    return result


def _apart(calls: Calls) -> int:
    """Return how many boxes two regions give that are no neighbours.

    It is also called without regions, and with float64.
    """
    boxes, sizes = torch.tensor([[0.0, 0, 4, 4], [4, 0, 9, 4]]), torch.tensor([2.0, 3.0])
    alike = similarities.all_alike
    found = tensor("group_regions", calls.group_regions(boxes, sizes, [], alike), ("N", 4), boxes)
    none = boxes[:0]
    tensor("group_regions", calls.group_regions(none, sizes[:0], [], alike), (0, 4), none)
    fine = boxes.double()
    tensor("group_regions", calls.group_regions(fine, sizes, [(0, 1)], alike), ("regions", 4), fine)
    return len(found)


def _numbers(value: Any, length: int) -> bool:
    """Return whether it is a list of so many finite numbers."""
    return (
        isinstance(value, list)
        and len(value) == length
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)
        and all(abs(x) <= 1e6 for x in value)
    )


@cache
def _scene() -> Scene:
    names = ("circle", "triangle", "cross")
    return scene(21, size=(HEIGHT, WIDTH), objects=(2, 3), classes=names, difficulty="easy")


@cache
def _regions() -> Regions:
    return first_regions(_scene().image, scale=60.0, min_size=130)
