"""Mask: a box on an object, the target of its region, and a mask pasted back into the image."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor

HEIGHT, WIDTH = 30, 40
MOST_ROWS, MOST_COLUMNS, MOST_MASKS = 32, 44, 4
LARGEST = 28  # cells of a target, in each direction


def _rows(mask: Any) -> list[str]:
    """Return a mask as rows of 0 and 1."""
    return ["".join("1" if pixel else "0" for pixel in row) for row in mask]


def _cup() -> Any:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    body = (abs(x - 14) < 7.5 - 0.12 * (y - 7)) & (y > 7) & (y < 24)
    handle = np.hypot((x - 21.5) / 5, (y - 14) / 5.5)
    return body | ((handle < 1) & (handle > 0.5) & (x > 18))


def _kite() -> Any:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (abs(x - 33) / 5.5 + abs(y - 10) / np.where(y < 10, 7, 14) < 1) & ~_cup()


def _bar() -> Any:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (x > 13) & (y > 3)


SCENE = [_rows(_cup()), _rows(_kite())]
STRAIGHT = [_rows(_cup() & False), _rows(_bar())]


def _example(box: Any, match: int = 0, **more: Any) -> State:
    return {
        "masks": more.get("masks", SCENE),
        "box": [float(side) for side in box],
        "match": match,
        "size": more.get("size", 28),
        "soft": more.get("soft", 3),
        "threshold": float(more.get("threshold", 0.5)),
        "pixel": more.get("pixel", [20.5, 9.5]),
    }


class Mask(Widget):
    """`Mask(mask_targets, paste_masks)`: the target of a region, and a mask back in the image.

    What a head might say is made up: the target, blurred.
    """

    functions: ClassVar = ("mask_targets", "paste_masks")
    local: ClassVar = ("pixel",)
    examples: ClassVar = {
        "a cup": _example([5.25, 5.5, 28.25, 25.75]),
        "the box cuts the cup": _example([11.25, 9.5, 36.5, 19.25]),
        "the other object": _example([24.75, 2.25, 39.5, 25.5], 1, pixel=[30.5, 6.5]),
        "a low threshold": _example([5.25, 5.5, 28.25, 25.75], threshold=0.2, soft=4),
        "7 cells": _example([5.25, 5.5, 28.25, 25.75], size=7, soft=0),
        "over the edge": _example(
            [22.5, -2.25, 43.25, 20.5], 1, size=14, soft=1, pixel=[37.5, 5.5]
        ),
        "no match": _example([5.25, 5.5, 28.25, 25.75], -1),
        "exactly one half": _example(
            [10, 6, 18, 14], 1, masks=STRAIGHT, size=4, soft=0, threshold=0.75, pixel=[12.5, 9.5]
        ),
        "edges on pixel centres": _example(
            [8.5, 6.5, 24.5, 20.5], 1, masks=STRAIGHT, size=8, soft=1, pixel=[24.5, 10.5]
        ),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        masks, box = state["masks"], state["box"]
        rows = len(masks[0]) if masks else 0
        columns = len(masks[0][0]) if rows else 0
        most = f"{MOST_ROWS} x {MOST_COLUMNS}"
        if not 1 <= len(masks) <= MOST_MASKS or not rows or not columns:
            return f"masks must be 1 to {MOST_MASKS} masks of rows, got {len(masks)}"
        if rows > MOST_ROWS or columns > MOST_COLUMNS:
            return f"masks must be at most {most}, got {rows} x {columns}"
        for mask in masks:
            if len(mask) != rows or any(len(row) != columns or set(row) - {*"01"} for row in mask):
                return "masks must be rows of 0 and 1, all equally long"
        if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
            return f"box must be [x1, y1, x2, y2] with x1 < x2 and y1 < y2, got {box}"
        low, high = [-columns, -rows] * 2, [2 * columns, 2 * rows] * 2
        if not all(a <= side <= b for a, side, b in zip(low, box, high, strict=True)):
            return f"box must be near the image of {rows} x {columns}, got {box}"
        if not -1 <= state["match"] < len(masks):
            return f"match must be -1 or the number of a mask, got {state['match']}"
        if not 1 <= state["size"] <= LARGEST:
            return f"size must lie in 1 to {LARGEST}, got {state['size']}"
        if not 0 <= state["soft"] <= 6:
            return f"soft must lie in 0 to 6, got {state['soft']}"
        if not 0 < state["threshold"] <= 1:
            return f"threshold must lie in (0, 1], got {state['threshold']}"
        pixel = state["pixel"]
        if len(pixel) != 2 or not (0 <= pixel[0] <= columns and 0 <= pixel[1] <= rows):
            return f"pixel must be [x, y] in the image, got {pixel}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        masks = torch.tensor([[[c == "1" for c in row] for row in m] for m in state["masks"]])
        box, size = torch.tensor([state["box"]]), state["size"]
        matches = torch.tensor([state["match"], -1])
        twice = torch.cat([box, box])
        found = calls.mask_targets(masks, twice, matches, size)
        target, unmatched = tensor("mask_targets", found, (2, size, size), box)
        if not bool(found.isfinite().all()):
            raise Trouble("value", "`mask_targets` returned a number that is not finite.")
        fine = box.double()
        none = calls.mask_targets(masks, fine[:0], matches[:0], size)
        tensor("mask_targets", none, (0, size, size), fine)
        tensor("mask_targets", calls.mask_targets(masks, fine, matches[:1], 2), (1, 2, 2), fine)

        said = _softened(target, state["soft"])
        image_size = (int(masks.shape[1]), int(masks.shape[2]))
        found = calls.paste_masks(said[None], box, image_size, state["threshold"])
        pasted = tensor("paste_masks", found, (1, *image_size), torch.bool)[0]
        none = calls.paste_masks(said[None][:0], box[:0], image_size, state["threshold"])
        tensor("paste_masks", none, (0, *image_size), torch.bool)
        true = masks[state["match"]] if state["match"] >= 0 else torch.zeros_like(masks[0])
        return {
            "target": _compact(target),
            "unmatched": int((unmatched != 0).sum()),
            "said": (1000 * said).round().int(),
            "pasted": _rows(pasted.tolist()),
            "both": int((pasted & true).sum()),
            "either": int((pasted | true).sum()),
        }

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        iou = shown["both"] / shown["either"] if shown["either"] else 0.0
        size = f"{state['size']} x {state['size']}"
        return f"Match {state['match']}, target {size}: pasted back, its IoU is {iou:.3f}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        size = len(state["masks"][0]), len(state["masks"][0][0])
        left, right = draw.panels("objects, box, pasted mask", "its target", size=size)
        masks = torch.tensor([[[c == "1" for c in row] for row in m] for m in state["masks"]])
        draw.masks(left, masks, colors="grey", alpha=0.3)
        pasted = torch.tensor([[[c == "1" for c in row] for row in shown["pasted"]]])
        draw.masks(left, pasted, colors="orange")
        draw.boxes(left, torch.tensor([state["box"]]))
        target = torch.tensor([[float(v) for v in row] for row in shown["target"]])
        draw.photo(right, target)
        right.set(xlim=(0, state["size"]), ylim=(state["size"], 0))
        return left

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        rows, columns = 2 + 2 * size, 3 + 2 * size
        corner = rng.integers(-4 if size > 3 else 0, [2 * columns, 2 * rows], size=2) / 4
        sides = rng.integers(4, [4 * columns, 4 * rows], size=2) / 4
        masks = rng.random((2, rows, columns)) < 0.5
        made = _example(
            [*corner, *np.minimum(corner + sides, [columns + 2, rows + 2])],
            int(rng.integers(-1 if size > 2 else 0, 2)),
            masks=[_rows(mask) for mask in masks],
            size=int(rng.integers(1, 3 + size)),
            soft=int(rng.integers(0, 3)),
            threshold=float(rng.choice([0.25, 0.5, 0.7])),
            pixel=[0.5, 0.5],
        )
        return made

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        masks, boxes, matches, *size = case.arguments
        if not len(boxes) or not 1 <= len(masks) <= MOST_MASKS:
            return None
        return _example(
            boxes[0].tolist(),
            int(matches[0]),
            masks=[_rows(mask) for mask in masks.tolist()],
            size=int(size[0]) if size else LARGEST,
            soft=1,
            pixel=[0.5, 0.5],
        )


def _softened(target: Tensor, times: int) -> Tensor:
    """Return the target with each cell the mean of the 3 x 3 around it, so many times over."""
    maps = target[None, None]
    for _ in range(times):
        maps = F.avg_pool2d(F.pad(maps, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return maps[0, 0]


def _compact(values: Tensor) -> list[Any]:
    """Return rows of 0 and 1 as texts, of other numbers as lists."""
    if bool(((values == 0) | (values == 1)).all()):
        return _rows(values.tolist())
    rows: list[Any] = values.tolist()
    return rows
