"""IoU: drag two boxes and see what `box_iou` says."""

from typing import Any, ClassVar

import numpy as np
import torch

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, tensor

WIDTH, HEIGHT = 90.0, 60.0


class IoU(Widget):
    """`IoU(box_iou)`: two boxes to drag, their intersection and union, and the student's IoU."""

    functions: ClassVar = ("box_iou",)
    examples: ClassVar = {
        "they overlap": {"a": [10.0, 10.0, 50.0, 40.0], "b": [30.0, 20.0, 70.0, 50.0]},
        "far apart": {"a": [8.0, 8.0, 28.0, 28.0], "b": [52.0, 34.0, 76.0, 54.0]},
        "they touch": {"a": [10.0, 15.0, 30.0, 45.0], "b": [30.0, 15.0, 60.0, 45.0]},
        "one inside the other": {"a": [10.0, 10.0, 50.0, 50.0], "b": [20.0, 20.0, 40.0, 40.0]},
        "beside each other": {"a": [8.0, 12.0, 40.0, 30.0], "b": [46.0, 14.0, 82.0, 32.0]},
        "without area": {"a": [30.0, 20.0, 30.0, 20.0], "b": [30.0, 20.0, 30.0, 20.0]},
    }

    @classmethod
    def rule(cls, state: State) -> str:
        for name in ("a", "b"):
            box = state[name]
            if len(box) != 4 or box[0] > box[2] or box[1] > box[3]:
                return f"{name} must be [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, got {box}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        a, b = (torch.tensor([state[name]]) for name in ("a", "b"))
        found = calls.box_iou(a, torch.cat([a, b]))
        itself, iou = tensor("box_iou", found, (1, 2), a)[0].tolist()
        fine = a.double()
        tensor("box_iou", calls.box_iou(fine, b.double()), (1, 1), fine)
        none = tensor("box_iou", calls.box_iou(a[:0], b), (0, 1), a)
        return {"iou": iou, "itself": itself, "none": list(none.shape)}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        return f"Box A {state['a']} and box B {state['b']}: box_iou gives {shown['iou']:.3f}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        ax = draw.panels(f"box_iou(A, B) = {shown['iou']:.3f}", size=(HEIGHT, WIDTH))
        draw.overlap(ax, torch.tensor(state["a"]), torch.tensor(state["b"]))
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        low = rng.integers(0, [70, 40], size=(2, 2))
        sides = rng.integers(0 if size > 4 else 4, 20, size=(2, 2))
        a, b = np.hstack([low, low + sides]).astype(float).tolist()
        return {"a": a, "b": b}

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        a, b = case.arguments[:2]
        return {"a": a[0].tolist(), "b": b[0].tolist()} if len(a) and len(b) else None
