"""RoIAlign: a box on a feature map; which cells RoI pool and RoI align make each bin of."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, tensor

MOST = 16  # rows and columns
BEYOND = 8  # cells that a box may reach beyond the map
SHIFTS = torch.arange(-8, 9) / 8  # in cells, to the right


def _example(cells: Any, size: Any = (2, 2), ratio: int = 2, **more: Any) -> State:
    scale = more.get("scale", 1 / 16)
    return {
        "features": more.get("features", NUMBERS),
        "box": [float(side) / scale for side in cells],
        "size": list(size),
        "scale": scale,
        "ratio": ratio,
        "bin": more.get("bin", 0),
        "margin": float(more.get("margin", 0.6)),
    }


NUMBERS = [
    [9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0],
    [9.0, 1.0, 2.0, 0.0, 3.0, 2.0, 1.0],
    [9.0, 4.0, 1.0, 2.0, 0.0, 1.0, 5.0],
    [9.0, 2.0, 3.0, 7.0, 1.0, 0.0, 2.0],
    [9.0, 0.0, 6.0, 1.0, 2.0, 3.0, 1.0],
    [9.0, 1.0, 0.0, 2.0, 4.0, 8.0, 0.0],
]
COLUMNS = [[j + 0.5 for j in range(7)] for _ in range(6)]
NEGATIVE = [[value - 10 for value in row] for row in NUMBERS]


class RoIAlign(Widget):
    """`RoIAlign(roi_pool, roi_align)`: the same box pooled in both ways, bin by bin.

    A function is called once with one channel for the features and one for each cell, which is 1
    in that cell alone: so it says itself how much each cell counts in each bin.
    """

    functions: ClassVar = ("roi_pool", "roi_align")
    local: ClassVar = ("bin", "margin")
    examples: ClassVar = {
        "between the cells": _example([1.3125, 1.375, 6.375, 5.25], (2, 3), bin=4),
        "cells that count columns": _example([1.25, 1.25, 4.5, 4.0], features=COLUMNS, bin=1),
        "a small box": _example([2.5, 2.25, 3.125, 2.75], (2, 3), bin=2),
        "three points a side": _example([1.25, 1.125, 4.625, 4.25], (1, 1), 3),
        "one point a bin": _example([1.25, 1.125, 4.625, 4.25], (2, 2), 1, bin=3),
        "corners on halves": _example([1.5, 0.5, 4.5, 3.5], (2, 3), bin=1),
        "negative features": _example([1.25, 1.375, 4.25, 4.25], features=NEGATIVE),
        "over the edge": _example([-1.5, -0.5, 3.5, 3.25], (2, 3), margin=2, bin=1),
        "far over two edges": _example([4.625, 3.125, 9.75, 8.5], (3, 3), margin=4, bin=8),
        "exactly one cell outside": _example([-1, 2, 1, 4], (1, 1), margin=1.2),
        "scale 1/2": _example([1.25, 1.375, 5.25, 4.25], (3, 2), scale=0.5),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        rows, box = state["features"], state["box"]
        width = len(rows[0]) if rows else 0
        if not 1 <= len(rows) <= MOST or not 1 <= width <= MOST:
            return f"features must have 1 to {MOST} rows and columns, got {len(rows)} x {width}"
        if any(len(row) != width for row in rows) or not np.isfinite(rows).all():
            return "features must be rows of equally many finite numbers"
        if len(state["size"]) != 2 or not all(1 <= side <= 3 for side in state["size"]):
            return f"size must be [rows, columns] of bins, 1 to 3 each, got {state['size']}"
        if not 1 / 64 <= state["scale"] <= 4:
            return f"scale must lie in [1/64, 4], got {state['scale']}"
        if not 1 <= state["ratio"] <= 4:
            return f"ratio must lie in 1 to 4, got {state['ratio']}"
        if len(box) != 4 or not (box[0] <= box[2] and box[1] <= box[3]):
            return f"box must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box}"
        cells = [side * state["scale"] for side in box]
        limits = [width + BEYOND, len(rows) + BEYOND] * 2
        if not all(-BEYOND <= side <= limit for side, limit in zip(cells, limits, strict=True)):
            return f"box must lie at most {BEYOND} cells outside the features, got {box}"
        if not 0 <= state["bin"] < state["size"][0] * state["size"][1]:
            return f"bin must be one of the size's bins, counted from 0, got {state['bin']}"
        if not 0 <= state["margin"] <= BEYOND:
            return f"margin must lie in [0, {BEYOND}], got {state['margin']}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        features = torch.tensor(state["features"])[None]  # [1, H, W]
        count = features.numel()
        single = torch.eye(count).reshape(count, *features.shape[1:])
        channels = torch.cat([features, single])
        box = torch.tensor([state["box"]])
        shifted = box + (SHIFTS / state["scale"])[:, None] * torch.tensor([1.0, 0.0, 1.0, 0.0])
        size, scale = (int(state["size"][0]), int(state["size"][1])), state["scale"]

        def both_ways(name: str, *options: Any) -> dict[str, Any]:
            def pooled(maps: Tensor, boxes: Tensor) -> Tensor:
                found = getattr(calls, name)(maps, boxes, size, scale, *options)
                return tensor(name, found, (len(boxes), len(maps), *size), maps)

            found = pooled(channels, box)[0].flatten(1)  # [1 + count, bins]
            pooled(features.double(), box[:0].double())
            return {
                "bins": found[0],
                "weights": [_shares(found[1:, k]) for k in range(found.shape[1])],
                "shifted": pooled(features, shifted)[:, 0].flatten(1),
            }

        shown = {"pool": both_ways("roi_pool"), "align": both_ways("roi_align", state["ratio"])}
        learns = calls.roi_align(features.clone().requires_grad_(), box, size, scale)
        tensor("roi_align", learns, (1, 1, *size), features)
        return shown | {"gradient": bool(learns.requires_grad)}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        pool, align = (_told(shown[way]["bins"]) for way in ("pool", "align"))
        return f"Bins {state['size']}: roi_pool gives {pool}; roi_align gives {align}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        features = torch.tensor(state["features"])
        left, right = draw.panels(
            f"roi_pool: {_told(shown['pool']['bins'][:4])}",
            f"roi_align: {_told(shown['align']['bins'][:4])}",
            size=(len(features), features.shape[1]),
        )
        box = torch.tensor([state["box"]]) * state["scale"]
        for ax, way in ((left, "pool"), (right, "align")):
            used = torch.zeros(features.numel())
            for cell, _ in shown[way]["weights"][state["bin"]]:
                used[cell] = 1
            draw.numbers(ax, features, used.reshape(features.shape))
            draw.boxes(ax, box)
        return left

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        features = rng.integers(0, 10, size=(size + 1, size + 2)).astype(float)
        beyond = 12 if size > 4 else 0
        corner = rng.integers(-beyond, [8 * size, 8 * size], size=2) / 8
        sides = rng.integers(0 if size > 3 else 8, 8 * size + 8, size=2) / 8
        end = np.minimum(corner + sides, [size + 3, size + 3])
        made = _example(
            [*corner, *np.maximum(end, corner)],
            rng.integers(1, 4, size=2).tolist(),
            int(rng.integers(1, 4)),
            features=features.tolist(),
            scale=float(rng.choice([1 / 16, 0.25])),
            margin=2.0,
        )
        return made

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        features, boxes, size, scale, *ratio = case.arguments
        if not len(boxes) or max(features.shape[1:]) > MOST or max(size) > 3:
            return None
        cells = (boxes[0] * scale).tolist()
        height, width = features.shape[1:]
        beyond = max(-cells[0], -cells[1], cells[2] - width, cells[3] - height)
        if beyond > BEYOND:
            return None
        more = {"features": features[0].tolist(), "scale": float(scale)}
        return _example(cells, size, *map(int, ratio), margin=max(0.6, beyond), **more)


def _shares(column: Tensor) -> list[list[Any]]:
    """Return [cell, what the bin is if only this cell is 1], of the cells where that is not 0."""
    counting = column.nan_to_num(0.0, 0.0, 0.0)
    return [[k, share] for k, share in enumerate(counting.tolist()) if share]


def _told(bins: list[Any]) -> str:
    return ", ".join(f"{v:.3g}" if isinstance(v, float | int) else v for v in bins)
