"""NMS: step through the ranking, and see which boxes the student's `nms` keeps."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor

WIDTH, HEIGHT = 120.0, 80.0
MOST = 10  # boxes


def _example(boxes: Any, scores: list[float], threshold: float, **more: Any) -> State:
    return {
        "boxes": [list(map(float, box)) for box in boxes],
        "scores": scores,
        "labels": more.get("labels", [1] * len(scores)),
        "threshold": threshold,
        "per_class": more.get("per_class", False),
        "step": more.get("step", len(scores)),
    }


TWO_OBJECTS = (
    [62, 24, 104, 66],
    [14, 14, 50, 52],
    [66, 20, 108, 62],
    [18, 18, 54, 56],
    [58, 28, 98, 72],
)
CHAIN = ([18, 12.5, 58, 52.5], [10, 10, 50, 50], [26, 15, 66, 55], [70, 30, 110, 70])
RIDER = ([45, 5, 80, 70], [38, 20, 88, 76], [47, 8, 82, 72], [36, 22, 90, 78])


class NMS(Widget):
    """`NMS(nms, box_iou, nms_per_class)`: what is kept, box by box in order of falling score.

    A step is one more box of the ranking: the student's function is called on each prefix of it.
    The last function may be left out until it is written.
    """

    functions: ClassVar = ("nms", "box_iou", "nms_per_class")
    exercises: ClassVar = ("nms", "nms_per_class")
    local: ClassVar = ("step",)
    examples: ClassVar = {
        "a chain": _example(CHAIN, [0.8, 0.9, 0.7, 0.6], 0.5, step=2),
        "two objects": _example(TWO_OBJECTS, [0.85, 0.6, 0.7, 0.92, 0.78], 0.5),
        "exactly at the threshold": _example(
            ([10, 10, 50, 50], [10, 10, 50, 30], [60, 10, 100, 50]), [0.9, 0.8, 0.7], 0.5
        ),
        "equal scores": _example(
            ([12, 12, 52, 52], [16, 12, 56, 52], [66, 22, 106, 62], [62, 20, 102, 60]),
            [0.8, 0.8, 0.8, 0.8],
            0.5,
        ),
        "a rider, class by class": _example(
            RIDER, [0.9, 0.8, 0.7, 0.6], 0.5, labels=[1, 2, 1, 2], per_class=True
        ),
        "equal scores, two classes": _example(
            ([12, 12, 52, 52], [66, 22, 106, 62], [16, 30, 56, 70], [62, 20, 102, 60]),
            [0.8, 0.8, 0.8, 0.7],
            0.5,
            labels=[2, 1, 2, 1],
            per_class=True,
        ),
        "left of the picture, class by class": _example(
            ([10, 10, 60, 60], [-50, -50, 2, 2], [-46, -48, 6, 4], [14, 12, 64, 62]),
            [0.7, 0.8, 0.75, 0.9],
            0.5,
            labels=[1, 2, 1, 2],
            per_class=True,
        ),
        "one box": _example(([30, 20, 80, 60],), [0.9], 0.5),
        "no boxes": _example((), [], 0.5),
        "no boxes, class by class": _example((), [], 0.5, per_class=True),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        boxes, count = state["boxes"], len(state["boxes"])
        if count > MOST or not count == len(state["scores"]) == len(state["labels"]):
            return f"boxes, scores and labels must be equally many, at most {MOST}, got {count}"
        for box in boxes:
            if len(box) != 4 or box[0] > box[2] or box[1] > box[3]:
                return f"a box must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box}"
        if not 0 <= state["threshold"] <= 1:
            return f"threshold must lie in [0, 1], got {state['threshold']}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        boxes = torch.tensor(state["boxes"]).reshape(-1, 4)
        scores, labels = torch.tensor(state["scores"]), torch.tensor(state["labels"]).long()
        ranking = sorted(range(len(boxes)), key=lambda i: (-state["scores"][i], i))

        def kept(which: list[int]) -> list[int]:
            rows = torch.tensor(which, dtype=torch.int64)
            inputs: list[Any] = [boxes[rows], scores[rows], state["threshold"]]
            name = "nms"
            if state["per_class"]:
                name = "nms_per_class"
                inputs.insert(2, labels[rows])
            found = getattr(calls, name)(*inputs)
            indices = tensor(name, found, ("kept",), torch.int64)
            return [which[i] for i in _within(name, indices, len(which))]

        overlaps = tensor("box_iou", calls.box_iou(boxes, boxes), (len(boxes),) * 2, boxes)
        prefixes = [kept(sorted(ranking[:count])) for count in range(len(boxes) + 1)]
        return {"ranking": ranking, "kept": prefixes, "iou": overlaps}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        kept = ", ".join("ABCDEFGHIJ"[i] for i in shown["kept"][-1]) or "none"
        count, threshold = len(state["boxes"]), state["threshold"]
        return f"Of {count} boxes, at threshold {threshold:g}, these are kept, best first: {kept}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        kept = shown["kept"][-1]
        ax = draw.panels(f"{len(kept)} of {len(state['boxes'])} kept", size=(HEIGHT, WIDTH))
        draw.selected(ax, torch.tensor(state["boxes"]).reshape(-1, 4), kept)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        count = size + 1
        low = rng.integers(0, [24, 16], size=(count, 2))
        boxes = np.hstack([low, low + rng.integers(20, 60, size=(count, 2))]).astype(float)
        scores = rng.integers(5, 20, size=count) / 20 if size > 3 else rng.permutation(count) / 10
        labels = rng.integers(1, 3, size=count)
        threshold = float(rng.choice([0.25, 0.5, 0.75]))
        return {
            "boxes": boxes.tolist(),
            "scores": scores.astype(float).tolist(),
            "labels": labels.tolist(),
            "threshold": threshold,
            "step": count,
        }

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        boxes, scores, threshold = case.arguments[:3]
        if len(boxes) > MOST:
            return None
        return _example(boxes.tolist(), scores.tolist(), float(threshold))


def _within(name: str, indices: Tensor, count: int) -> list[int]:
    found: list[int] = indices.tolist()
    for i in found:
        if not 0 <= i < count:
            raise Trouble("value", f"`{name}` returned the index {i}: there are {count} boxes.")
    return found
