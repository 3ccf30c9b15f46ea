"""Anchors: the boxes at each position of a feature map, their labels, and what comes of them."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.scenes import Scene, scene
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor
from course.widgets.pictures import data_url, drawable

WIDTH, HEIGHT = 160, 128
VIEWS = ("anchors", "labels", "proposals")
MOST, MOST_OBJECTS, ALL = 600, 4, 300
MIDDLE = 0.45  # the IoU at which the made-up network is in doubt
FIRST: State = {
    "view": "anchors",
    "rows": 4,
    "columns": 5,
    "stride": 32,
    "sizes": [32.0, 64.0],
    "ratios": [0.5, 1.0, 2.0],
    "row": 1,
    "column": 2,
    "objects": [[22.0, 73.0, 46.0, 97.0], [89.0, 8.0, 153.0, 77.0], [130.0, 83.0, 153.0, 109.0]],
    "positive": 0.7,
    "negative": 0.3,
    "sure": 14.0,
    "noise": 1.5,
    "moves": 0.8,
    "before": 40,
    "top_n": 5,
    "iou_threshold": 0.7,
    "min_size": 1.0,
}
# (lowest, highest) of the numbers
RANGES: dict[str, tuple[float, float]] = {
    "rows": (0, 32),
    "columns": (0, 32),
    "stride": (1, 128),
    "row": (0, 31),
    "column": (0, 31),
    "positive": (0, 1),
    "negative": (0, 1),
    "sure": (0, 300),
    "noise": (0, 5),
    "moves": (0, 1),
    "before": (1, 60),
    "top_n": (1, 60),
    "iou_threshold": (0, 1),
    "min_size": (0, 200),
}


def _example(view: str, **changed: Any) -> State:
    return {**FIRST, "view": view, **changed}


def _squares(view: str, **changed: Any) -> State:
    """Return squares of 16 and 32 pixels at a stride of 16: overlaps are exact."""
    return _example(
        view, **{"rows": 4, "columns": 5, "stride": 16, "sizes": [16.0, 32.0], "ratios": [1.0]}
        | changed
    )  # fmt: skip


STILL = {"noise": 0.0, "moves": 0.0}


class Anchors(Widget):
    """`Anchors(anchor_grid, label_anchors, propose)`: K anchors at each position of a feature map.

    Three views: the anchors of a position, the labels of all of them, and the proposals of a
    made-up network that knows the objects. The last two functions may be left out.
    """

    functions: ClassVar = ("anchor_grid", "label_anchors", "propose")
    local: ClassVar = ("row", "column")
    examples: ClassVar = {
        "anchors": _example("anchors"),
        "anchors: one shape": _example("anchors", sizes=[48.0], ratios=[1.0], row=0, column=0),
        "anchors: a fine grid": _example("anchors", rows=8, columns=10, stride=16, sizes=[24.0]),
        "labels": _example("labels"),
        "labels: an object between two": _squares(
            "labels", sizes=[32.0], objects=[[8.0, 8.0, 56.0, 40.0], [54.0, 30.0, 64.0, 36.0]],
            positive=0.75,
        ),
        "labels: thresholds met exactly": _squares(
            "labels", objects=[[16.0, 16.0, 32.0, 32.0]], positive=0.5, negative=0.25
        ),
        "labels: 0.25 is enough": _squares(
            "labels", objects=[[16.0, 16.0, 32.0, 32.0]], positive=0.25, negative=0.125
        ),
        "labels: one that no anchor touches": _example(
            "labels", sizes=[16.0], ratios=[1.0], objects=[[26.0, 26.0, 38.0, 38.0]]
        ),
        "labels: no objects": _example("labels", objects=[]),
        "proposals": _example(
            "proposals", rows=8, columns=10, stride=16, sizes=[28.0, 56.0], top_n=6, before=50
        ),
        "proposals: a network that is too sure": _example(
            "proposals", rows=8, columns=10, stride=16, sizes=[28.0, 56.0], sure=200.0, top_n=8
        ),
        "proposals: equal logits": _squares(
            "proposals", objects=[[8.0, 8.0, 56.0, 40.0]], iou_threshold=0.2, before=5, **STILL
        ),
        "proposals: small ones": _squares(
            "proposals", objects=[[16.0, 16.0, 32.0, 32.0], [50.0, 20.0, 66.0, 36.0]],
            iou_threshold=0.2, min_size=17.0, before=12, **STILL,
        ),
        "proposals: a side equal to the least": _squares(
            "proposals", objects=[[16.0, 16.0, 32.0, 32.0]], min_size=16.0, top_n=12, **STILL
        ),
        "proposals: long and thin": _example("proposals", min_size=30.0, top_n=12, **STILL),
        "proposals: at the border": _example(
            "proposals", sizes=[64.0], min_size=50.0, objects=[[-20.0, 20.0, 60.0, 90.0],
            [100.0, 70.0, 190.0, 150.0]], iou_threshold=0.45, before=30, top_n=20, **STILL,
        ),
        "proposals: nothing is large enough": _example("proposals", sizes=[32.0], min_size=120.0),
    }  # fmt: skip

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        return {"photo": data_url(_scene().image)}

    @classmethod
    def rule(cls, state: State) -> str:
        if state["view"] not in VIEWS:
            return f"view must be one of {', '.join(VIEWS)}, got {state['view']!r}"
        for name, (low, high) in RANGES.items():
            if not low <= state[name] <= high:
                return f"{name} must lie in [{low}, {high}], got {state[name]}"
        if state["negative"] > state["positive"]:
            return f"negative must be at most positive, got {state['negative']}"
        for name, low, high in (("sizes", 1, 600), ("ratios", 0.05, 20)):
            if len(state[name]) > 4 or not all(low <= x <= high for x in state[name]):
                return f"{name} must be at most 4 numbers in [{low}, {high}], got {state[name]}"
        count = state["rows"] * state["columns"] * len(state["sizes"]) * len(state["ratios"])
        if count > MOST:
            return f"there must be at most {MOST} anchors, got {count}"
        if len(state["objects"]) > MOST_OBJECTS:
            return f"there must be at most {MOST_OBJECTS} objects, got {len(state['objects'])}"
        for box in state["objects"]:
            right = len(box) == 4 and all(abs(x) <= 1000 for x in box)
            if not (right and box[0] < box[2] and box[1] < box[3]):
                return f"a box must be [x1, y1, x2, y2] with a width and a height, got {box}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        size, stride = (state["rows"], state["columns"]), state["stride"]
        sizes, ratios = state["sizes"], state["ratios"]
        count = size[0] * size[1] * len(sizes) * len(ratios)
        given = calls.anchor_grid(size, stride, list(sizes), list(ratios))
        anchors = tensor("anchor_grid", given, (count, 4), torch.float32)
        if not bool(anchors.isfinite().all()):
            raise Trouble("value", "`anchor_grid` returned infinity.")
        none = calls.anchor_grid((0, size[1]), stride, list(sizes), list(ratios))
        tensor("anchor_grid", none, (0, 4), torch.float32)
        shown: dict[str, Any] = {"anchors": anchors}
        objects = torch.tensor(state["objects"]).reshape(-1, 4)
        if state["view"] == "labels":
            shown |= _labels(calls, state, anchors, objects)
        if state["view"] == "proposals":
            shown |= _proposals(calls, state, anchors, objects)
        return shown

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        count = len(shown["anchors"])
        if "labels" in shown:
            each = [sum(label == value for label in shown["labels"]) for value in (1, -1, 0)]
            kinds = f"{each[0]} positive, {each[1]} neutral and {each[2]} negative"
            return f"Of {count} anchors, label_anchors makes {kinds}."
        if "boxes" in shown:
            return f"Of {count} anchors, propose makes {len(shown['boxes'])} proposals."
        shapes = len(state["sizes"]) * len(state["ratios"])
        place = f"{state['rows']} x {state['columns']} positions"
        return f"anchor_grid gives {count} anchors, {shapes} at each of {place}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        size = (state["rows"] * state["stride"] or 1, state["columns"] * state["stride"] or 1)
        ax = draw.panels(cls.says(state, shown), size=size)
        if size == (HEIGHT, WIDTH):
            draw.photo(ax, _coarse(_scene().image))
        anchors = torch.tensor(shown["anchors"]).reshape(-1, 4)
        objects = torch.tensor(state["objects"]).reshape(-1, 4)
        if "labels" in shown:
            labels = torch.tensor(shown["labels"])
            positive = drawable(anchors[labels == 1].tolist())
            draw.boxes(ax, positive, colors="green", width=1.5)
            draw.boxes(ax, objects, colors="black", style=":")
        elif "boxes" in shown:
            draw.boxes(ax, drawable(shown["boxes"]), colors="green", width=1.5)
            draw.boxes(ax, objects, colors="black", style=":")
        else:
            shapes = len(state["sizes"]) * len(state["ratios"])
            first = (state["row"] * state["columns"] + state["column"]) * shapes
            draw.boxes(ax, drawable(anchors[first : first + shapes].tolist()), width=1.5)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        stride, columns, rows = 16, int(rng.integers(1, size + 2)), int(rng.integers(1, size + 1))
        low = rng.integers(0, [16 * columns, 16 * rows], size=(int(rng.integers(0, 3)), 2))
        objects = np.hstack([low, low + rng.integers(8, 40, size=low.shape)])
        drawn = [[16.0], [32.0], [16.0, 32.0], [24.0, 40.0]]
        still = bool(rng.random() < 0.4)
        negative, positive = sorted(rng.choice([0.125, 0.25, 0.5, 0.7], size=2).tolist())
        return {
            "rows": rows,
            "columns": columns,
            "stride": stride,
            "sizes": drawn[rng.integers(4)],
            "ratios": [[1.0], [0.5, 1.0], [0.25, 2.0]][rng.integers(3)],
            "row": 0,
            "column": 0,
            "objects": objects.astype(float).tolist(),
            "positive": positive,
            "negative": negative,
            "sure": float(rng.choice([14, 200])),
            "noise": 0.0 if still else 1.5,
            "moves": 0.0 if still else 0.8,
            "before": int(rng.integers(3, 30)),
            "top_n": int(rng.integers(1, 12)),
            "iou_threshold": float(rng.choice([0.2, 0.5, 0.7])),
            "min_size": float(rng.choice([1, 16, 20, 30])),
        }

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        (rows, columns), stride, sizes, ratios = case.arguments
        return _example(
            "anchors", rows=rows, columns=columns, stride=stride, row=0, column=0, objects=[],
            sizes=list(map(float, sizes)), ratios=list(map(float, ratios)),
        )  # fmt: skip


def _labels(calls: Calls, state: State, anchors: Tensor, objects: Tensor) -> dict[str, Any]:
    """Return what label_anchors says about the anchors."""
    iou = _iou(anchors, objects)
    thresholds = state["positive"], state["negative"]
    labels, matches = _pair("label_anchors", calls.label_anchors(iou, *thresholds))
    labels = tensor("label_anchors", labels, (len(anchors),), torch.int64)
    matches = tensor("label_anchors", matches, (len(anchors),), torch.int64)
    for match in matches.tolist():
        if not -1 <= match < len(objects):
            text = f"`label_anchors` returned the match {match}: there are {len(objects)} objects."
            raise Trouble("value", text)
    for part in _pair("label_anchors", calls.label_anchors(iou[:0], *thresholds)):
        tensor("label_anchors", part, (0,), torch.int64)
    return {"iou": iou, "labels": labels, "matches": matches}


def _proposals(calls: Calls, state: State, anchors: Tensor, objects: Tensor) -> dict[str, Any]:
    """Return what propose makes of the answers of a network that is made up."""
    logits, transforms = _made_up(state, anchors, objects)
    image = state["rows"] * state["stride"], state["columns"] * state["stride"]
    before, threshold, least = (state[name] for name in ("before", "iou_threshold", "min_size"))

    def proposed(top_n: int, iou_threshold: float, part: Any = slice(None), **types: Any) -> Any:
        given = [each[part].to(**types) for each in (logits, transforms, anchors)]
        found = calls.propose(*given, image, before, top_n, iou_threshold, least)
        boxes, scores = _pair("propose", found)
        boxes = tensor("propose", boxes, ("proposals", 4), given[0])
        return boxes, tensor("propose", scores, (len(boxes),), given[0])

    boxes, scores = proposed(state["top_n"], threshold)
    candidates, _ = proposed(ALL, 1.0)  # no two boxes overlap by more than that
    apart, _ = proposed(ALL, threshold)
    proposed(ALL, threshold, slice(0), dtype=torch.float32)
    proposed(ALL, threshold, slice(2), dtype=torch.float64)
    counts = [len(anchors), min(before, len(anchors)), len(candidates), len(apart), len(boxes)]
    overlaps = _iou(boxes, objects)
    fits = overlaps.amax(dim=1) if len(objects) else torch.zeros(len(boxes))
    found = int((overlaps >= 0.5).any(dim=0).sum())
    return {
        "boxes": boxes,
        "scores": scores,
        "candidates": candidates,
        "counts": counts,
        "fits": fits,
        "found": found,
    }


def _pair(name: str, found: Any) -> tuple[Any, Any]:
    if not isinstance(found, tuple | list) or len(found) != 2:
        what = "(boxes, scores)" if name == "propose" else "(labels, matches)"
        raise Trouble("type", f"`{name}` must return {what}, got {type(found).__name__}.")
    return found[0], found[1]


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU of boxes to six digits, so that equal overlaps are equal numbers."""
    a, b = a.double()[:, None], b.double()[None]
    inner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    both = inner.clamp(min=0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1) for boxes in (a, b)]
    union = areas[0] + areas[1] - both
    return torch.where(union > 0, both / union.clamp(min=1e-9), 0.0).round(decimals=6)


def _made_up(state: State, anchors: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and transforms that are right up to noise, the same each time."""
    generator = torch.Generator().manual_seed(4)
    noise = state["noise"] * torch.randn(len(anchors), 5, generator=generator)
    best, exact = torch.zeros(len(anchors)), torch.zeros(len(anchors), 4)
    if len(objects) and len(anchors):
        overlap, nearest = _iou(anchors, objects).max(dim=1)
        best, target = overlap.float(), objects[nearest]
        size = (anchors[:, 2:] - anchors[:, :2]).clamp(min=1e-3)
        way = (target[:, :2] + target[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2
        exact = torch.cat([way / size, ((target[:, 2:] - target[:, :2]) / size).log()], dim=1)
    share = state["moves"] * (best > 0.2).float()[:, None]
    return state["sure"] * (best - MIDDLE) + noise[:, 0], share * exact + 0.04 * noise[:, 1:]


def _coarse(image: Tensor) -> Tensor:
    """Return the image paler and in squares of 2 pixels, which makes a small file."""
    squares = torch.nn.functional.avg_pool2d(image, 2)
    return 0.4 + 0.6 * squares.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)


@cache
def _scene() -> Scene:
    return scene(24, size=(HEIGHT, WIDTH), objects=(3, 5), difficulty="easy")
