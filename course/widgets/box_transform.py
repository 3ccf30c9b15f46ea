"""BoxTransform: drag proposal and target; the four numbers from one to the other, and back."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch

from course import draw
from course.outcome import Case
from course.scenes import Scene, scene
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor
from course.widgets.pictures import data_url, drawable

WIDTH, HEIGHT = 144.0, 96.0
LARGEST = 8.0  # of the four numbers by hand
CURVE = [i / 4 for i in range(-24, 25)]  # values of t_w whose growth is drawn


def _example(proposal: Any, target: Any, by_hand: Any = None) -> State:
    numbers = by_hand if by_hand is not None else [0.0, 0.0, 0.0, 0.0]
    return {
        "proposal": list(map(float, proposal)),
        "target": list(map(float, target)),
        "follow": by_hand is None,
        "by_hand": list(map(float, numbers)),
    }


class BoxTransform(Widget):
    """`BoxTransform(encode_boxes, decode_boxes)`: the transform between two boxes, and back.

    decode_boxes is applied to what encode_boxes gives, or to four numbers set by hand.
    """

    functions: ClassVar = ("encode_boxes", "decode_boxes")
    examples: ClassVar = {
        "a shifted proposal": _example([80, 44, 120, 76], [94, 47, 132, 85]),
        "the same at half the size": _example([6.5, 46.5, 26.5, 62.5], [13.5, 48, 32.5, 67]),
        "already right": _example([94, 47, 132, 85], [94, 47, 132, 85]),
        "twice as wide, half as high": _example([40, 30, 70, 66], [25, 39, 85, 57]),
        "far away": _example([20, 16, 32, 26], [94, 47, 132, 85]),
        "by hand": _example([50, 36, 90, 66], [94, 47, 132, 85], [0.5, -0.25, 0.4, -0.6]),
        "a network far off": _example([60, 40, 84, 56], [94, 47, 132, 85], [0, 0, 5.5, 0]),
        "a long move": _example([10, 30, 20, 40], [94, 47, 132, 85], [5, -0.5, 0, 0.25]),
    }

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        return {"picture": data_url(_scene().image)}

    @classmethod
    def rule(cls, state: State) -> str:
        for name in ("proposal", "target"):
            box = state[name]
            if len(box) != 4 or not all(abs(x) <= 2000 for x in box):
                return f"{name} must be four numbers of at most 2000, got {box}"
            if not (box[0] + 0.1 <= box[2] and box[1] + 0.1 <= box[3]):
                return f"{name} must be [x1, y1, x2, y2] with a width and a height, got {box}"
        numbers = state["by_hand"]
        if len(numbers) != 4 or not all(abs(x) <= LARGEST for x in numbers):
            return f"by_hand must be four numbers in [-{LARGEST:g}, {LARGEST:g}], got {numbers}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        p, g = torch.tensor([state["proposal"]]), torch.tensor([state["target"]])
        found = tensor(
            "encode_boxes", calls.encode_boxes(torch.cat([g, p]), torch.cat([p, g])), (2, 4), p
        )
        if not bool(found.isfinite().all()):
            raise Trouble("value", "`encode_boxes` returned infinity for boxes with an area.")
        back, t = found[:1], found[1:]
        applied = t if state["follow"] else torch.tensor([state["by_hand"]])
        growth = torch.zeros(len(CURVE), 4)
        growth[:, 2] = torch.tensor(CURVE)
        unit = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(len(CURVE), 4)
        boxes = tensor(
            "decode_boxes",
            calls.decode_boxes(torch.cat([p, p, unit]), torch.cat([applied, t, growth])),
            (2 + len(CURVE), 4),
            p,
        )
        fine, none = p.double(), p[:0]
        tensor("encode_boxes", calls.encode_boxes(fine, g.double()), (1, 4), fine)
        tensor("decode_boxes", calls.decode_boxes(fine, applied.double()), (1, 4), fine)
        tensor("encode_boxes", calls.encode_boxes(none, none.clone()), (0, 4), none)
        tensor("decode_boxes", calls.decode_boxes(none, none.clone()), (0, 4), none)
        return {
            "t": t[0],
            "back": back[0],
            "applied": applied[0],
            "box": boxes[0],
            "error": float((boxes[1] - g[0]).abs().max()),
            "growth": boxes[2:, 2] - boxes[2:, 0],
        }

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        t, off = (", ".join(f"{x:.3f}" for x in shown["t"])), shown["error"]
        return (
            f"Proposal {state['proposal']} and target {state['target']}: encode_boxes gives "
            f"({t}); decoded again it is {off if isinstance(off, str) else f'{off:.3f}'} pixels "
            "off the target."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        t = ", ".join(f"{x:.2f}" for x in shown["applied"])
        ax = draw.panels(f"decode_boxes(P, ({t}))", size=(HEIGHT, WIDTH))
        draw.photo(ax, _scene().image)
        both = torch.tensor([state["proposal"], state["target"]])
        draw.boxes(ax, both[:1], ["P"], colors="blue")
        draw.boxes(ax, both[1:], ["G"], colors="orange", places="bottom right")
        draw.boxes(ax, drawable([shown["box"]]), colors="black", style="--")
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        low = rng.integers(0, [100, 60], size=(2, 2))
        a, b = np.hstack([low, low + rng.integers(8, 36, size=(2, 2))]).tolist()
        most = [8, 8, 8, 8] if size < 4 else [24, 24, 24, 24]  # quarters: beyond the limit
        numbers = rng.integers(np.negative(most), np.add(most, 1)) / 4
        return _example(a, b, numbers.tolist() if rng.random() < 0.5 else None)

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        proposals, targets = case.arguments[:2]
        return _example(proposals[0].tolist(), targets[0].tolist()) if len(proposals) else None


@cache
def _scene() -> Scene:
    return scene(25, size=(int(HEIGHT), int(WIDTH)), objects=(1, 3), difficulty="easy")
