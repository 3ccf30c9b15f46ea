"""PrecisionRecall: walk down a ranking of detections, and see curve and average precision grow."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, number, tensor

WIDTH, HEIGHT = 120.0, 66.0
MOST_BOXES, MOST_OBJECTS = 9, 6
THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]  # COCO's


def _example(objects: Any, boxes: Any, scores: list[float], threshold: float = 0.5) -> State:
    return {
        "boxes": [list(map(float, box)) for box in boxes],
        "scores": scores,
        "objects": [list(map(float, box)) for box in objects],
        "threshold": threshold,
        "step": len(scores),
    }


THREE = ([8, 8, 40, 40], [48, 26, 80, 60], [86, 6, 114, 34])
FIVE = ([50, 28, 84, 62], [12, 10, 44, 44], [9, 7, 40, 38], [20, 46, 42, 64], [88, 8, 116, 38])
PAIR = ([10, 10, 50, 50], [30, 10, 70, 50])
FOUR = ([14, 10, 54, 50], [11, 11, 51, 51], [28, 12, 70, 50], [78, 20, 104, 56])


class PrecisionRecall(Widget):
    """`PrecisionRecall(match_detections, precision_recall, average_precision)`: one picture's
    detections along their ranking, which are true, the curve, and the area under its envelope.

    `average_precision_101` and `perfect_ap` may follow. With the first, the bars of COCO's ten
    thresholds are drawn with it.
    """

    functions: ClassVar = (
        "match_detections",
        "precision_recall",
        "average_precision",
        "average_precision_101",
        "perfect_ap",
    )
    local: ClassVar = ("step",)
    examples: ClassVar = {
        "three cats": {**_example(THREE, FIVE, [0.95, 0.9, 0.99, 0.5, 0.1]), "step": 4},
        "a crowd": _example(PAIR, FOUR, [0.7, 0.9, 0.6, 0.8]),
        "a crowd, threshold 0.4": _example(PAIR, FOUR, [0.7, 0.9, 0.6, 0.8], 0.4),
        "two that fit": _example(
            PAIR, ([23, 10, 63, 50], [29, 10, 69, 50], [86, 20, 108, 50]), [0.9, 0.8, 0.95], 0.3
        ),
        "false ones on top": _example(
            THREE,
            (
                [10, 46, 40, 62],
                [86, 40, 116, 62],
                [9, 9, 40, 40],
                [49, 27, 80, 60],
                [86, 7, 114, 34],
            ),
            [0.9, 0.8, 0.7, 0.6, 0.5],
        ),
        "false ones below": _example(
            THREE,
            (
                [8, 9, 40, 40],
                [48, 27, 80, 60],
                [86, 7, 114, 34],
                [10, 46, 40, 62],
                [50, 26, 80, 58],
            ),
            [0.9, 0.8, 0.7, 0.6, 0.5],
        ),
        "one is missed": _example(THREE, ([9, 8, 40, 40], [48, 28, 80, 60]), [0.9, 0.8]),
        "IoU equals the threshold": _example(
            ([20, 10, 60, 50],), ([20, 10, 60, 30], [70, 20, 110, 60]), [0.8, 0.9]
        ),
        "equal scores": _example(
            PAIR,
            ([78, 20, 104, 56], [28, 12, 70, 50], [11, 11, 51, 51], [14, 10, 54, 50]),
            [0.8] * 4,
        ),
        "no cats": _example((), ([20, 10, 60, 50], [70, 20, 110, 60]), [0.8, 0.9]),
        "no detections": _example(THREE, (), []),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        count = len(state["boxes"])
        if count > MOST_BOXES or count != len(state["scores"]):
            return f"boxes and scores must be equally many, at most {MOST_BOXES}, got {count}"
        if len(state["objects"]) > MOST_OBJECTS:
            return f"objects must be at most {MOST_OBJECTS}, got {len(state['objects'])}"
        for box in state["boxes"] + state["objects"]:
            if len(box) != 4 or not (
                0 <= box[0] <= box[2] <= WIDTH and 0 <= box[1] <= box[3] <= HEIGHT
            ):
                wanted = f"[x1, y1, x2, y2] in order, within {WIDTH:g} x {HEIGHT:g}"
                return f"a box must be {wanted}, got {box}"
        if not all(0 <= score <= 1 for score in state["scores"]):
            return f"scores must lie in [0, 1], got {state['scores']}"
        if not 0 < state["threshold"] <= 1:
            return f"threshold must lie in (0, 1], got {state['threshold']}"
        if not 0 <= state["step"] <= MOST_BOXES:
            return f"step must lie in 0 to {MOST_BOXES}, got {state['step']}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        boxes, objects = (torch.tensor(state[key]).reshape(-1, 4) for key in ("boxes", "objects"))
        scores, count = torch.tensor(state["scores"]), len(objects)
        ranking = sorted(range(len(boxes)), key=lambda i: (-state["scores"][i], i))

        def curve(threshold: float) -> tuple[Tensor, Tensor, Tensor]:
            found = calls.match_detections(boxes, scores, objects, threshold)
            hits = tensor("match_detections", found, (len(boxes),), torch.bool)
            points = calls.precision_recall(hits, count)
            precision, recall = _two("precision_recall", points, len(boxes))
            return hits, precision, recall

        def area(name: str, *points: Tensor) -> float:
            return number(name, getattr(calls, name)(*points))

        hits, precision, recall = curve(state["threshold"])
        shown: dict[str, Any] = {
            "ranking": ranking,
            "true": hits,
            "precision": precision,
            "recall": recall,
            "ap": [
                area("average_precision", precision[:k], recall[:k]) for k in range(len(boxes) + 1)
            ],
        }
        name = "average_precision"
        if calls.functions["average_precision_101"] is not None:
            name = "average_precision_101"
            shown["ap_101"] = area(name, precision, recall)
        if calls.functions["perfect_ap"] is not None:
            shown["perfect"] = _yes_or_no(calls.perfect_ap(hits.tolist(), count))
        shown["bars"] = [area(name, *curve(threshold)[1:]) for threshold in THRESHOLDS]
        shown["mean"] = sum(shown["bars"]) / len(THRESHOLDS)
        return shown

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        told = ", ".join("true" if hit else "false" for hit in shown["true"]) or "none"
        what = f"{len(state['objects'])} objects, IoU threshold {state['threshold']:g}"
        ap = shown["ap"][-1]
        last = f"{ap:.3f}" if isinstance(ap, float) else ap
        return f"{what}; the detections, best first: {told}; average_precision gives {last}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        left, right = draw.panels("objects and detections", "", size=(HEIGHT, WIDTH))
        boxes, objects = (torch.tensor(state[key]).reshape(-1, 4) for key in ("boxes", "objects"))
        draw.boxes(left, objects, ["ABCDEF"[j] for j in range(len(objects))], colors="black")
        for k, i in enumerate(shown["ranking"]):
            true = shown["true"][k]
            text = f"{state['scores'][i]:.2f} {'true' if true else 'false'}"
            look: dict[str, Any] = {"colors": "green"} if true else {"colors": "red", "style": ":"}
            draw.boxes(left, boxes[i : i + 1], [text], places="bottom right", width=1.5, **look)
        points = [shown["recall"], shown["precision"]]
        right.plot(*[[float(v) for v in side] for side in points], "o-", color="#0072B2")
        right.set(xlim=(0, 1.05), ylim=(0, 1.1), aspect="auto", xlabel="recall", ylabel="precision")
        right.set_title(f"average precision = {float(shown['ap'][-1]):.3f}")
        return left

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        low = rng.integers(0, [80, 36], size=(1 + size // 2, 2))
        objects = np.hstack([low, low + rng.integers(16, 30, size=low.shape)]).astype(float)
        near = objects[rng.integers(0, len(objects), size=size)] + rng.integers(-6, 7, (size, 4))
        boxes = near.clip(0, [WIDTH, HEIGHT] * 2)
        scores = rng.integers(1, 8, size=size) / 8 if size > 3 else (1 + rng.permutation(size)) / 8
        return {
            "boxes": boxes.tolist(),
            "scores": scores.astype(float).tolist(),
            "objects": objects.tolist(),
            "threshold": float(rng.choice([0.25, 0.5, 0.75])),
            "step": size,
        }

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        boxes, scores, objects, *threshold = case.arguments
        if len(boxes) > MOST_BOXES or len(objects) > MOST_OBJECTS:
            return None
        both = torch.cat([boxes, objects]).double().reshape(-1, 2, 2)
        if len(both) and float(both.min()) < 0:
            return None
        shrink = 1.0
        while len(both) and bool((both * shrink > torch.tensor([WIDTH, HEIGHT])).any()):
            shrink /= 2  # a power of two leaves every IoU as it is, to the last bit
        made = _example((objects * shrink).tolist(), (boxes * shrink).tolist(), scores.tolist())
        return made | {"threshold": float(threshold[0]) if threshold else 0.5}


def _two(name: str, found: Any, count: int) -> list[Tensor]:
    """Return the two tensors of a curve; float32 is as good as float64."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        got = f"{len(found)} values" if isinstance(found, tuple | list) else type(found).__name__
        raise Trouble("type", f"`{name}` must return two tensors, precision and recall, got {got}.")
    floats = (torch.float32, torch.float64)
    return [
        tensor(name, part, (count,), next((d for d in floats if _is(part, d)), torch.float64))
        for part in found
    ]


def _is(part: Any, dtype: torch.dtype) -> bool:
    return isinstance(part, Tensor) and part.dtype == dtype


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, Tensor | np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, bool):
        got = type(value).__name__
        raise Trouble("type", f"`perfect_ap` must return True or False, got {got}.")
    return value
