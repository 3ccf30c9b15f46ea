"""The cases of the exercise `single_stage_detections`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import (
    NO_BOXES,
    boxes_apart,
    clear_of,
    overlaps,
    piles,
    quarters,
    redraw,
    shuffled,
)
from course.cases import Group
from course.compare import Comparison
from course.outcome import Case
from solutions.rcnn import decode_boxes

# Decoding adds numbers of a few hundred pixels in float32: that is good to about 1e-4 pixels.
DECODED = Comparison(rtol=1e-4, atol=2e-4)
NEVER = -200.0  # a logit whose probability is 0 beside a logit of 0

GROUPS = (
    Group(
        "anchors and classes",
        "Each pair of an anchor and a foreground class whose softmax probability is above "
        "score_threshold is a candidate: an anchor may give several, or none.",
        comparison=DECODED,
    ),
    Group(
        "decoded boxes",
        "The box of a candidate is its anchor moved by its transform, not the anchor itself.",
        comparison=DECODED,
    ),
    Group(
        "overlapping boxes",
        "Non-maximum suppression runs for each class by itself, and what is left comes best first "
        "over all classes.",
        comparison=DECODED,
    ),
    Group(
        "at the image's edge",
        "Boxes are clipped to the image: x to its width, y to its height, both from 0 up.",
        edge=True,
        comparison=DECODED,
    ),
    Group(
        "clipped before they are compared",
        "Boxes are clipped before non-maximum suppression: what lies outside the image does not "
        "count for their overlap.",
        edge=True,
        comparison=DECODED,
    ),
    Group(
        "probability equal to the threshold",
        "A pair is a candidate when its probability is greater than score_threshold; an equal one "
        "is not.",
        edge=True,
        comparison=DECODED,
    ),
    Group(
        "equal scores",
        "Of equal scores the lower anchor comes first, and of two on one object it stays.",
        edge=True,
        comparison=DECODED,
    ),
    Group("one class", "With one class the logits are background and it.", True, DECODED),
    Group(
        "nothing above the threshold",
        "Where no probability is above the threshold the three results are empty.",
        edge=True,
    ),
    Group("no anchors", "Without anchors the three results are empty.", edge=True),
    Group(
        "types",
        "Boxes and scores have the dtype of the input, float32 or float64; labels are int64.",
        edge=True,
        comparison=Comparison(DECODED.rtol, DECODED.atol, strict=True),
    ),
)

# Probabilities of background and three classes.
ROWS = [
    [0.1, 0.46, 0.38, 0.06],  # two classes above the threshold
    [0.5, 0.04, 0.1, 0.36],  # an object although background is likelier
    [0.9, 0.03, 0.04, 0.03],  # only background
    [0.05, 0.06, 0.83, 0.06],  # one class for certain
]


def draw_single_stage(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    return [
        _apart(rng, "anchors and classes", 5, moved=False),
        _apart(rng, "decoded boxes", 4),
        _piled(rng, "overlapping boxes", (4, 3)),
        _at_the_edge(rng, (70, 150) if rng.random() < 0.5 else (150, 70)),
        _clipped_to_the_same(rng),
        _at_the_threshold(rng),
        *_equal_scores(rng),
        _one_class(rng),
        _nothing(rng),
        Case("no anchors", (torch.zeros(0, 4), NO_BOXES, NO_BOXES, (90, 120), 0.25, 0.5)),
        _apart(rng, "types", 4),
        _apart(rng, "types", 4, dtype=torch.float64),
    ]


def _logits(rng: np.random.Generator, count: int) -> Tensor:
    """Return logits [count, 4] of the probabilities in ROWS, with the classes in random order.

    No two probabilities are near each other or near 0.25. Logits are shifted row by row, which
    changes no softmax.
    """

    def make() -> np.ndarray[Any, Any]:
        rows = np.array([ROWS[i % len(ROWS)] for i in range(count)])
        rows[:, 1:] = rng.permuted(rows[:, 1:], axis=1)
        rows *= rng.uniform(0.88, 1.12, size=rows.shape)
        return rng.permutation(rows / rows.sum(axis=1, keepdims=True))

    def fits(rows: np.ndarray[Any, Any]) -> bool:
        values = np.sort(np.append(rows[:, 1:].ravel(), 0.25))
        values = values[values > 0.2]
        return bool((np.diff(values) > 2e-3).all())

    rows = redraw(make, fits)
    shifts = rng.uniform(-1.5, 1.5, size=(count, 1))
    return torch.tensor(np.log(rows) + shifts, dtype=torch.float32)


def _transforms(rng: np.random.Generator, count: int, reach: float = 0.2) -> Tensor:
    drawn = np.round(rng.uniform(-reach, reach, size=(count, 4)), 2)
    return torch.tensor(drawn, dtype=torch.float32)


def _image_around(boxes: Tensor) -> tuple[int, int]:
    """Return the (height, width) of an image that holds all boxes."""
    _, _, right, bottom = boxes.amax(dim=0).tolist()
    return int(bottom) + 12, int(right) + 25


def _apart(
    rng: np.random.Generator,
    group: str,
    count: int,
    *,
    moved: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return anchors that do not overlap."""
    anchors = boxes_apart(rng, count) + 10
    transforms = _transforms(rng, count) if moved else torch.zeros(count, 4)
    logits = _logits(rng, count)
    given = logits.to(dtype), transforms.to(dtype), anchors.to(dtype)
    return Case(group, (*given, _image_around(anchors), 0.25, 0.5))


def _piled(rng: np.random.Generator, group: str, counts: Sequence[int]) -> Case:
    """Return several anchors an object: they drop each other, within a class and across."""
    count = sum(counts)

    def make() -> tuple[Tensor, Tensor]:
        return piles(rng, counts), _transforms(rng, count, reach=0.08)

    def fits(drawn: tuple[Tensor, Tensor]) -> bool:
        boxes = decode_boxes(*drawn)
        shared = overlaps(boxes)
        many = int((shared > 0.45).sum()) >= count - 1
        return many and bool((boxes > 1).all()) and clear_of(boxes, 0.45)

    anchors, transforms = redraw(make, fits)
    size = _image_around(decode_boxes(anchors, transforms))
    return Case(group, (_logits(rng, count), transforms, anchors, size, 0.25, 0.45))


def _at_the_edge(rng: np.random.Generator, size: tuple[int, int]) -> Case:
    """Return boxes that reach over the four edges of an image that is no square."""
    height, width = size
    places = [[-8, 20], [30, -9], [width - 16, 22], [34, height - 15], [36, 40]]
    corner = quarters(np.array(places) + rng.uniform(-3, 3, size=(5, 2)))
    sides = quarters(rng.uniform(22, 30, size=(5, 2)))
    anchors = shuffled(rng, torch.cat([corner, corner + sides], dim=1))
    given = _logits(rng, 5), _transforms(rng, 5, reach=0.05), anchors
    return Case("at the image's edge", (*given, size, 0.25, 0.9))


def _clipped_to_the_same(rng: np.random.Generator) -> Case:
    """Return two boxes with an IoU of 0.5 whose visible parts are equal, and two with an IoU of
    0.75 whose visible parts have one of 0.5."""
    side, y = 4.0 * float(rng.integers(5, 8)), float(rng.integers(5, 12))
    first = [[-side, y, side, y + side], [0, y, side, y + side]]
    bottom = y + 50
    second = [
        [60, bottom, 60 + side, bottom + side],
        [60, bottom + side / 4, 60 + side, bottom + side],
    ]
    size = (int(bottom + side / 2), 120)
    anchors = quarters(first + second)
    least = float(np.round(rng.uniform(1, 3), 2))
    logits = torch.full((4, 3), NEVER)
    logits[:, 0] = 0
    logits[[0, 1, 2, 3], [1, 1, 2, 2]] = least + torch.tensor([0.0, 0.5, 1.0, 0.25])
    order = torch.from_numpy(rng.permutation(4))
    given = logits[order], torch.zeros(4, 4), anchors[order]
    return Case("clipped before they are compared", (*given, size, 0.25, 0.625))


def _at_the_threshold(rng: np.random.Generator) -> Case:
    """Return probabilities of exactly 1/4, which is the threshold, and larger ones."""
    anchors = boxes_apart(rng, 4) + 5
    rows = [[0.0] * 4, [0.0, NEVER, 0.0, NEVER], [0.0, 1.5, NEVER, NEVER], [0.0, NEVER, NEVER, 2.0]]
    given = shuffled(rng, torch.tensor(rows)), torch.zeros(4, 4), anchors
    size = _image_around(anchors)
    return Case("probability equal to the threshold", (*given, size, 0.25, 0.5))


def _equal_scores(rng: np.random.Generator) -> list[Case]:
    """Return scores of exactly 1/2, all of one class: anchors apart, and two on one object."""
    apart = boxes_apart(rng, 4) + 5
    one_object = torch.cat([apart, apart[:2] + 1])
    cases = []
    for anchors in (apart[:3], one_object[torch.from_numpy(rng.permutation(6))]):
        logits = torch.full((len(anchors), 4), NEVER)
        logits[:, [0, int(rng.integers(1, 4))]] = 0
        given = logits, torch.zeros(len(anchors), 4), anchors, _image_around(anchors), 0.25, 0.5
        cases.append(Case("equal scores", given))
    return cases


def _one_class(rng: np.random.Generator) -> Case:
    anchors = boxes_apart(rng, 4) + 10
    odds = shuffled(rng, torch.tensor([-3.0, -0.5, 0.75, 2.5])) + float(rng.uniform(-0.2, 0.2))
    logits = torch.stack([torch.zeros(4), odds], dim=1)
    given = logits, _transforms(rng, 4), anchors
    return Case("one class", (*given, _image_around(anchors), 0.25, 0.5))


def _nothing(rng: np.random.Generator) -> Case:
    anchors = boxes_apart(rng, 3) + 10
    given = _logits(rng, 3), _transforms(rng, 3), anchors
    return Case("nothing above the threshold", (*given, _image_around(anchors), 0.95, 0.5))
