"""The groups and cases of `paste_masks`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import NO_BOXES, STRICT, quarters, redraw
from autograder.exercises.mask_rcnn_heads.pasting import THRESHOLD, squeezed, values_at
from autograder.exercises.mask_rcnn_heads.regions import (
    Size,
    boxes_over_the_edge,
    boxes_within,
    far_from,
)
from course.cases import Group
from course.outcome import Case

IMAGE = (11, 16)
LARGER = (13, 17)
ROUNDING = 1e-5  # values that common mistakes give need be no clearer than this

PASTE_GROUPS = (
    Group(
        "masks in the image",
        "A pixel whose centre lies in the box takes the mask's value there, interpolated between "
        "the centres of the mask's cells, and is set where that is at least the threshold.",
    ),
    Group(
        "nothing outside the box",
        "A mask ends where its box ends: pixels whose centre lies outside stay empty.",
    ),
    Group(
        "border cells",
        "Between the outermost centres of the mask's cells and the box's edge the mask goes on "
        "with the value of its border.",
        edge=True,
    ),
    Group(
        "boxes over the edge",
        "A box may reach beyond the image: the mask is stretched over the whole box, and what lies "
        "outside is cut off.",
        edge=True,
    ),
    Group(
        "edges at pixel centres",
        "A pixel centre on the left or upper edge belongs to the box, one on the right or lower "
        "edge does not.",
        edge=True,
    ),
    Group("small boxes", "A box in which no pixel centre lies leaves no pixel.", edge=True),
    Group(
        "value equal to the threshold",
        "A pixel is set also where the value equals the threshold.",
        edge=True,
    ),
    Group("other thresholds", "The threshold is the one that is given.", edge=True),
    Group("28 x 28", "Masks come from the head with 28 x 28 cells.", edge=True),
    Group("no boxes", "No boxes have no masks: the result has shape [0, H, W].", edge=True),
    Group("types", "The result is True and False, for float32 and float64 alike.", True, STRICT),
)


def draw_paste_masks(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def within(count: int, size: Size = IMAGE) -> Callable[[], Tensor]:
        return lambda: boxes_within(rng, count, size)

    larger = _telling(rng, 4, within(2, LARGER), image_size=LARGER)
    over = _telling(rng, 6, lambda: boxes_over_the_edge(rng, IMAGE))
    masks, boxes, size = _telling(rng, 7, within(2))
    return [
        Case("masks in the image", _telling(rng, 5, within(3))),
        Case("masks in the image", larger),
        Case("nothing outside the box", _full(rng)),
        Case("border cells", _bordered(rng)),
        Case("boxes over the edge", over),
        Case("edges at pixel centres", _on_centres(rng)),
        Case("small boxes", _small(rng)),
        Case("value equal to the threshold", _ties(rng)),
        Case("other thresholds", _telling(rng, 5, within(2), threshold=0.3)),
        Case("other thresholds", _telling(rng, 5, within(2), threshold=0.75)),
        Case("28 x 28", _telling(rng, 28, within(1))),
        Case("no boxes", (torch.zeros(0, 28, 28), NO_BOXES, IMAGE)),
        Case("types", (masks, boxes, size)),
        Case("types", (masks.double(), boxes.double(), size)),
    ]


def _telling(
    rng: np.random.Generator,
    cells: int,
    place: Callable[[], Tensor],
    *,
    image_size: Size = IMAGE,
    threshold: float = THRESHOLD,
) -> tuple[Any, ...]:
    """Return smooth masks of cells x cells in boxes; no value is near to the threshold.

    Nor is one where some common mistakes look.
    """

    def make() -> tuple[Tensor, Tensor]:
        boxes = _off_centres(place())
        return _smooth(rng, len(boxes), cells), boxes

    def fits(drawn: tuple[Tensor, Tensor]) -> bool:
        arguments = drawn[0].double(), drawn[1].double(), image_size
        values = values_at(*arguments)
        found = (values >= threshold).flatten(1).sum(dim=1)
        mistaken = (
            values_at(*arguments, centre=0.0),
            values_at(*arguments, fades=True),
            values_at(*squeezed(*arguments)),
        )
        clear = all(far_from(each, threshold, by=ROUNDING) for each in mistaken)
        return clear and far_from(values, threshold) and bool((found > 12).all())

    masks, boxes = redraw(make, fits)
    return (masks, boxes, image_size) + ((threshold,) if threshold != THRESHOLD else ())


def _off_centres(boxes: Tensor) -> Tensor:
    """Return the boxes with edges that lie on pixel centres moved aside by a quarter."""
    return boxes + 0.25 * (boxes % 1 == 0.5)


def _smooth(rng: np.random.Generator, count: int, cells: int) -> Tensor:
    """Return probabilities of two digits that are high around a place and low far from it."""
    y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
    centres = rng.uniform(0.3, 0.7, size=(count, 2, 1, 1))
    distance = np.hypot(y - centres[:, 0], (x - centres[:, 1]) * rng.uniform(0.6, 1.4))
    noise = rng.uniform(-0.25, 0.25, size=(count, cells, cells))
    values = np.clip(1.15 - 1.6 * distance + noise, 0.01, 0.99)
    return torch.tensor(np.round(values, 2), dtype=torch.float32)


def _full(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return masks that are sure everywhere: what is set is the box itself."""
    corner = rng.uniform([2, 1], [5, 4], size=(2, 2))
    boxes = quarters(np.hstack([corner, corner + rng.uniform([6, 4], [9, 6], size=(2, 2))]))
    return torch.full((2, 4, 4), 0.9), _off_centres(boxes), IMAGE


def _bordered(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return a mask of few large cells, whose border is sure here and surely not there."""
    corner = rng.uniform([1, 1], [2, 1.75], size=(1, 2))
    box = quarters(np.hstack([corner, corner + np.array([[12, 8]])]))
    mask = torch.tensor([[[0.9, 0.9, 0.1], [0.9, 0.1, 0.1], [0.9, 0.9, 0.9]]])
    return mask.flip(1) if rng.random() < 0.5 else mask, _off_centres(box), IMAGE


def _on_centres(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return boxes with edges in the middle of pixels, exact in any arithmetic."""
    x, y = rng.integers(1, 5, size=2) + 0.5
    boxes = quarters([[x, y, x + 8, y + 4], [x + 0.5, y, x + 4.5, y + 4]])
    return torch.full((2, 4, 4), 0.75), boxes, IMAGE


def _small(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return boxes around one pixel's centre, between centres, and without width or height."""
    x, y = rng.integers(2, 8, size=2)
    boxes = quarters(
        [
            [x + 0.25, y + 0.25, x + 0.75, y + 0.75],
            [x + 0.75, y - 2, x + 1.25, y + 2],
            [x, y, x, y + 4],
            [x - 1, y + 0.25, x + 3, y + 0.25],
            [x - 1, y + 0.75, x + 3, y + 1.25],
        ]
    )
    return torch.full((5, 3, 3), 0.9), boxes, IMAGE


def _ties(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return masks that hold 0.5 itself, at places that are exact in any arithmetic."""
    x, y = rng.integers(0, 3, size=2)
    mask = torch.tensor(rng.choice([0.0, 0.5, 1.0], size=(1, 4, 4))).float()
    mask[0, 1:3, 1:3] = 0.5
    boxes = quarters([[x, y, x + 8, y + 8], [x + 2, y, x + 10, y + 8]])
    return torch.cat([mask, torch.full((1, 4, 4), 0.5)]), boxes, IMAGE
