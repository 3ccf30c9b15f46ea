"""LabelAssignment: proposals over ground truths; what each of them is taught."""

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
from course.widgets.pictures import data_url

WIDTH, HEIGHT = 144.0, 96.0
MOST, MOST_OBJECTS, MOST_CLASSES = 10, 6, 20
NAMES = ("background", "circle", "triangle", "cross")
TRIANGLE, CROSS, CIRCLE = [11, 12, 41, 54], [67, 35, 111, 83], [30, 25, 54, 55]
ON_SCENE = (
    [13, 14, 42, 57],
    [70, 30, 110, 78],
    [16, 18, 52, 55],
    [80, 50, 118, 88],
    [67, 35, 88, 83],
    [33, 27, 56, 56],
    [90, 4, 130, 28],
    [4, 46, 30, 80],
)


def _example(
    proposals: Any, objects: Any, classes: list[int], positive: float, negative: float, **more: Any
) -> State:
    return {
        "proposals": [list(map(float, box)) for box in proposals],
        "objects": [list(map(float, box)) for box in objects],
        "given": more.get("given", []),
        "classes": classes,
        "positive": positive,
        "negative": negative,
        "picture": more.get("picture", False),
    }


def _on_scene(positive: float, negative: float) -> State:
    objects = (TRIANGLE, CROSS, CIRCLE)
    return _example(ON_SCENE, objects, [2, 3, 1], positive, negative, picture=True)


class LabelAssignment(Widget):
    """`LabelAssignment(label_proposals, encode_boxes)`: each proposal's label, match and target.

    The IoU that label_proposals is given is computed here, or is `given` in place of boxes. The
    last function may be left out.
    """

    functions: ClassVar = ("label_proposals", "encode_boxes")
    exercises: ClassVar = ("label_proposals",)
    local: ClassVar = ("picture",)
    constants: ClassVar = {"names": list(NAMES)}
    examples: ClassVar = {
        "a scene": _on_scene(0.5, 0.3),
        "strict thresholds": _on_scene(0.7, 0.1),
        "nothing is neutral": _on_scene(0.5, 0.5),
        "between two objects": _example(
            ([29, 19, 79, 69], [22, 17, 72, 67], [100, 20, 130, 60]),
            ([20, 15, 70, 65], [30, 20, 80, 70]),
            [1, 3],
            0.5,
            0.3,
        ),
        "thresholds met exactly": _example(
            ([10, 10, 50, 30], [84, 20, 104, 40], [84, 20, 124, 40], [10, 36, 26, 52]),
            ([10, 10, 50, 50], [84, 20, 124, 60]),
            [3, 1],
            0.5,
            0.25,
        ),
        "equal IoUs": _example(
            ([40, 20, 80, 60], [30, 25, 90, 55], [62, 24, 106, 62], [4, 70, 34, 92]),
            ([20, 20, 60, 60], [60, 20, 100, 60]),
            [2, 3],
            0.3,
            0.2,
        ),
        "no ground truth": _example(ON_SCENE[:4], (), [], 0.5, 0.3),
        "a table of IoUs": _example(
            (),
            (),
            [2, 1, 2],
            0.5,
            0.3,
            given=[[0.62, 0.1, 0.0], [0.05, 0.41, 0.12], [0.2, 0.55, 0.58], [0.29, 0.25, 0.28]],
        ),
    }

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        return {"photo": data_url(_scene().image)}

    @classmethod
    def rule(cls, state: State) -> str:
        given, classes = state["given"], state["classes"]
        rows = given if given else state["proposals"]
        columns = len(given[0]) if given and isinstance(given[0], list) else len(state["objects"])
        if given and (state["proposals"] or state["objects"]):
            return "given must be empty where there are boxes, whose IoU is computed"
        if len(rows) > MOST or columns > MOST_OBJECTS:
            return f"there must be at most {MOST} proposals and {MOST_OBJECTS} objects"
        for row in given:
            if not (isinstance(row, list) and len(row) == columns and all(map(_is_share, row))):
                return f"given must be rows of {columns} numbers in [0, 1], got {row!r:.80}"
        for box in [*state["proposals"], *state["objects"]]:
            if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
                return f"a box must be [x1, y1, x2, y2] with a width and a height, got {box}"
            if not all(abs(x) <= 1000 for x in box):
                return f"a box must lie within 1000 pixels of the corner, got {box}"
        if len(classes) != columns or not all(1 <= c <= MOST_CLASSES for c in classes):
            return f"classes must be {columns} numbers from 1 to {MOST_CLASSES}, got {classes}"
        if not 0 <= state["negative"] <= state["positive"] <= 1:
            got = f"{state['negative']} and {state['positive']}"
            return f"negative <= positive must lie in [0, 1], got {got}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        proposals, objects = (
            torch.tensor(state[name]).reshape(-1, 4) for name in ("proposals", "objects")
        )
        iou = _iou(proposals, objects)
        if state["given"]:
            iou = torch.tensor(state["given"], dtype=torch.float64)
        classes = torch.tensor(state["classes"], dtype=torch.int64)
        thresholds = state["positive"], state["negative"]
        labels, matches = _labels(calls.label_proposals(iou, classes, *thresholds), len(iou))
        _labels(calls.label_proposals(iou[:0], classes, *thresholds), 0)
        for match in matches.tolist():
            if not -1 <= match < len(classes):
                text = f"`label_proposals` returned the match {match}: there are {len(classes)}"
                raise Trouble("value", f"{text} ground truths.")
        return {
            "iou": iou,
            "labels": labels,
            "matches": matches,
            "targets": _targets(calls, proposals, objects, labels, matches),
        }

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        labels = shown["labels"]
        positive, neutral = sum(x > 0 for x in labels), sum(x < 0 for x in labels)
        return (
            f"Of {len(labels)} proposals, label_proposals makes {positive} positive, {neutral} "
            f"neutral and {len(labels) - positive - neutral} negative."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        if state["given"]:
            shape = (len(state["given"]), max(len(state["given"][0]), 1))
            ax = draw.panels(f"labels {shown['labels']}", size=shape)
            if state["given"][0]:
                draw.numbers(ax, torch.tensor(state["given"]))
            return ax
        ax = draw.panels(cls.says(state, shown).partition("makes ")[2], size=(HEIGHT, WIDTH))
        if state["picture"]:
            draw.photo(ax, _scene().image)
        objects = torch.tensor(state["objects"]).reshape(-1, 4)
        draw.boxes(ax, objects, style=":", width=3, colors="black")
        proposals = torch.tensor(state["proposals"]).reshape(-1, 4)
        words = [str(label) for label in shown["labels"]]
        colors = ["green" if x > 0 else "blue" if x < 0 else "red" for x in shown["labels"]]
        draw.boxes(ax, proposals, words, colors=colors, width=2)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        count, columns = size + 1, int(rng.integers(0, 4))
        classes = rng.integers(1, 4, size=columns).tolist()
        negative, positive = sorted(rng.choice([0.25, 0.375, 0.5, 0.625], size=2).tolist())
        if rng.random() < 0.5:
            given = (rng.integers(0, 8, size=(count, columns)) / 8).tolist()
            return _example((), (), classes, positive, negative, given=given)
        low = rng.integers(0, [90, 50], size=(columns, 2))
        objects = np.hstack([low, low + rng.integers(20, 40, size=(columns, 2))])
        near = (
            objects[rng.integers(0, columns, size=count)] if columns else np.zeros((count, 4), int)
        )
        low = near[:, :2] + rng.integers(-9, 10, size=(count, 2))
        boxes = np.hstack([low, low + rng.integers(18, 42, size=(count, 2))])
        return _example(boxes.tolist(), objects.tolist(), classes, positive, negative)

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        iou, classes, *thresholds = case.arguments
        if not 0 < len(iou) <= MOST:
            return None
        positive, negative = map(float, thresholds or (0.5, 0.3))
        given = [[round(x, 6) for x in row] for row in iou.tolist()]
        return _example((), (), classes.tolist(), positive, negative, given=given)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU of boxes, float64, so that a threshold that is met is met exactly."""
    a, b = a.double()[:, None], b.double()[None]
    inner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    both = inner.clamp(min=0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(dim=-1) for boxes in (a, b)]
    return both / (areas[0] + areas[1] - both)


def _labels(found: Any, count: int) -> tuple[Tensor, Tensor]:
    if not isinstance(found, tuple | list) or len(found) != 2:
        text = f"`label_proposals` must return (labels, matches), got {type(found).__name__}."
        raise Trouble("type", text)
    labels, matches = (tensor("label_proposals", part, (count,), torch.int64) for part in found)
    return labels, matches


def _targets(
    calls: Calls, proposals: Tensor, objects: Tensor, labels: Tensor, matches: Tensor
) -> list[list[float] | None]:
    """Return the transform of each positive proposal to its match, None for the others."""
    targets: list[list[float] | None] = [None] * len(labels)
    rows = ((labels > 0) & (matches >= 0)).nonzero().flatten()
    if not len(proposals) or not len(rows) or calls.functions.get("encode_boxes") is None:
        return targets
    try:
        given = calls.encode_boxes(proposals[rows], objects[matches[rows]])
    except Trouble as trouble:
        if trouble.kind == "waiting":
            return targets
        raise
    found = tensor("encode_boxes", given, (len(rows), 4), proposals)
    for row, target in zip(rows.tolist(), found.tolist(), strict=True):
        targets[row] = target
    return targets


@cache
def _scene() -> Scene:
    size = (int(HEIGHT), int(WIDTH))
    return scene(18, size=size, objects=(3, 4), classes=NAMES[1:], difficulty="easy")
