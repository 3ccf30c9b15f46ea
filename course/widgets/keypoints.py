"""Keypoints: their bins in a box's grid, and what is read off a heat map."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor
from course.widgets.pictures import data_url

WIDTH, HEIGHT = 128.0, 100.0
FROM, ZOOM = (66, 20), 1.6  # the photograph's pixel that is the first one here, and how enlarged
MOST = 8  # keypoints
FACE = [[76.8, 67.2, 2], [92.8, 50.4, 2], [56.8, 48.0, 2], [112.0, 61.6, 1], [36.0, 59.2, 1]]
FOUND = [[76.8, 67.2, 2], [92.8, 50.4, 1], [56.8, 48.0, 2], [113.6, 61.6, 2], [61.0, 24.0, 0]]
EDGES = [
    [96.0, 40.0, 2.0],
    [52.0, 84.0, 2.0],
    [96.0, 84.0, 2.0],
    [32.0, 20.0, 2.0],
    [32.0, 84.0, 1.0],
]
BORDERS = [[48.0, 36.0, 2.0], [64.0, 52.0, 2.0], [80.0, 60.0, 2.0]]


def _example(points: Any, box: Any, size: int, **more: Any) -> State:
    return {
        "points": [list(map(float, point)) for point in points],
        "box": list(map(float, box)),
        "size": size,
        "sharp": float(more.get("sharp", 9)),
        "doubt": float(more.get("doubt", 0.5)),
        "picked": 0,
        "photo": more.get("photo", True),
    }


class Keypoints(Widget):
    """`Keypoints(keypoint_targets, decode_keypoints)`: into bins, and back into the image.

    The heat maps are made up: highest at the bin that `keypoint_targets` gives, with a second peak
    at its mirror image, `doubt` times as high.
    """

    functions: ClassVar = ("keypoint_targets", "decode_keypoints")
    local: ClassVar = ("picked", "photo")
    examples: ClassVar = {
        "a face in 8 x 8 bins": _example(FACE, [22, 8, 122, 92], 8),
        "56 x 56 bins": _example(FACE, [22, 8, 122, 92], 56),
        "outside, hidden, unknown": _example(FOUND, [22, 8, 106, 92], 8),
        "on the edges": _example(EDGES, [32, 20, 96, 84], 4, photo=False),
        "on the borders of bins": _example(BORDERS, [32, 20, 96, 84], 4, photo=False),
        "a wide box": _example(FACE, [4, 40, 124, 80], 8),
        "two equal peaks": _example(FACE, [22, 8, 122, 92], 7, doubt=1),
        "logits of hundreds": _example(FACE, [22, 8, 122, 92], 8, sharp=200),
        "a box without width": _example(
            [[40, 50, 2], [52, 30, 2]], [40, 20, 40, 80], 4, photo=False
        ),
        "no keypoints": _example([], [22, 8, 122, 92], 8),
    }

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        return {"face": _face()}

    @classmethod
    def rule(cls, state: State) -> str:
        points, box = state["points"], state["box"]
        if len(points) > MOST:
            return f"points must be at most {MOST}, got {len(points)}"
        for point in points:
            if len(point) != 3 or not (0 <= point[0] <= WIDTH and 0 <= point[1] <= HEIGHT):
                return f"a point must be [x, y, v] within {WIDTH:g} x {HEIGHT:g}, got {point}"
            if point[2] not in (0, 1, 2):
                return f"a point's v must be 0, 1 or 2, got {point[2]}"
        if len(box) != 4 or not (box[0] <= box[2] and box[1] <= box[3]):
            return f"box must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box}"
        if min(box) < 0 or box[2] > WIDTH or box[3] > HEIGHT:
            return f"box must lie within {WIDTH:g} x {HEIGHT:g}, got {box}"
        if not 1 <= state["size"] <= 56:
            return f"size must lie in 1 to 56, got {state['size']}"
        if not 0 <= state["sharp"] <= 1000:
            return f"sharp must lie in [0, 1000], got {state['sharp']}"
        if not 0 <= state["doubt"] <= 1:
            return f"doubt must lie in [0, 1], got {state['doubt']}"
        if not 0 <= state["picked"] < MOST:
            return f"picked must lie in 0 to {MOST - 1}, got {state['picked']}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        points = torch.tensor(state["points"]).reshape(1, -1, 3)
        box, size = torch.tensor([state["box"]]), state["size"]
        count = points.shape[1]

        def targets(keypoints: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
            found = calls.keypoint_targets(keypoints, boxes, size)
            if not isinstance(found, tuple | list) or len(found) != 2:
                got = type(found).__name__
                text = f"`keypoint_targets` must return two tensors, bins and valid, got {got}."
                raise Trouble("type", text)
            shape = (len(keypoints), count)
            bins = tensor("keypoint_targets", found[0], shape, torch.int64)
            return bins, tensor("keypoint_targets", found[1], shape, torch.bool)

        bins, valid = targets(points, box)
        targets(points[:0], box[:0])
        for n, counts in zip(bins[0].tolist(), valid[0].tolist(), strict=True):
            if counts and not 0 <= n < size * size:
                text = (
                    f"`keypoint_targets` returned the bin {n}: the last one is {size * size - 1}."
                )
                raise Trouble("value", text)

        maps = _heat_maps(bins[0] * valid[0], size, state["sharp"], state["doubt"])
        logits = (maps * valid[0][:, None, None])[None]
        found = tensor("decode_keypoints", calls.decode_keypoints(logits, box), (1, count, 3), box)
        fine, none = logits[:, :1].double(), logits[:0]
        again = calls.decode_keypoints(fine, box.double())
        tensor("decode_keypoints", again, (1, min(count, 1), 3), fine)
        empty = calls.decode_keypoints(none, box[:0])
        tensor("decode_keypoints", empty, (0, count, 3), box)
        return {"bins": bins[0], "valid": valid[0], "decoded": found[0]}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        told = [
            f"bin {n}" if valid else "not valid"
            for n, valid in zip(shown["bins"], shown["valid"], strict=True)
        ]
        size = f"{state['size']} x {state['size']}"
        return f"Keypoints in {size} bins: {', '.join(told) or 'none'}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        size = f"{state['size']} x {state['size']}"
        ax = draw.panels(f"keypoints, {size} bins, and what comes back", size=(HEIGHT, WIDTH))
        draw.boxes(ax, torch.tensor([state["box"]]))
        draw.keypoints(ax, torch.tensor(state["points"]).reshape(1, -1, 3))
        for (x, y, _), point, valid in zip(
            shown["decoded"], state["points"], shown["valid"], strict=True
        ):
            if valid:
                x, y = float(x), float(y)
                ax.plot([x, point[0]], [y, point[1]], color="black")
                ax.plot(x, y, "x", color="red", markersize=9, markeredgewidth=2.5)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        corner = rng.integers(8, 40, size=2)
        sides = rng.integers(0 if size > 4 else 16, 60, size=2)
        places = rng.integers(corner - 8, corner + sides + 8, size=(size, 2))
        points = [[*map(float, place), float(rng.integers(0, 3))] for place in places.clip(0, 100)]
        made = _example(
            points,
            [*corner, *(corner + sides)],
            int(rng.choice([2, 4, 7])),
            doubt=float(rng.choice([0.5, 1])),
            photo=False,
        )
        return made

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        points, boxes, *size = case.arguments
        if not len(boxes) or points.shape[1] > MOST:
            return None
        places = torch.cat([points[0, :, :2], boxes[:1].reshape(2, 2)]).double()
        if float(places.min()) < 0:
            return None
        shrink = 1.0
        while bool((places * shrink > torch.tensor([WIDTH, HEIGHT])).any()):
            shrink /= 2  # a power of two leaves every bin as it is
        scaled = points[0] * torch.tensor([shrink, shrink, 1]).to(points)
        number = int(size[0]) if size else 56
        return _example(scaled.tolist(), (boxes[0] * shrink).tolist(), number, photo=False)


def _heat_maps(bins: Tensor, size: int, sharp: float, doubt: float) -> Tensor:
    """Return logits [P, size, size]: a hill at each bin, and a second one at its mirror image."""
    row, column = (bins // size)[:, None, None], (bins % size)[:, None, None]
    i, j = torch.arange(size)[:, None], torch.arange(size)
    width = 2 * max(0.7, size / 14) ** 2

    def hill(at: Tensor) -> Tensor:
        return torch.exp(-((i - row) ** 2 + (j - at) ** 2) / width)

    return sharp * torch.maximum(hill(column), doubt * hill(size - 1 - column))


@cache
def _face() -> str:
    from course.scenes import photograph

    image = photograph("astronaut").image
    (left, top), width, height = FROM, round(WIDTH / ZOOM), round(HEIGHT / ZOOM)
    return data_url(image[:, top : top + height, left : left + width])
