"""The exercise `paste_masks`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, redraw
from autograder.exercises.mask_rcnn_heads.regions import (
    XY_SWAPPED,
    Size,
    boxes_over_the_edge,
    boxes_within,
    far_from,
    xy_swapped,
)
from autograder.exercises.shared_mistakes import (
    before,
    crashes_on_no_boxes,
    height_and_width_swapped,
)
from course.cases import Group
from course.outcome import Case
from solutions.masks import paste_masks

THRESHOLD = 0.5
Array = NDArray[Any]
IMAGE = (11, 16)
LARGER = (13, 17)

GROUPS = (
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


def draw(rng: np.random.Generator) -> list[Case]:
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

    Nor is one where two common mistakes look.
    """

    def make() -> tuple[Tensor, Tensor]:
        boxes = _off_centres(place())
        return _smooth(rng, len(boxes), cells), boxes

    def fits(drawn: tuple[Tensor, Tensor]) -> bool:
        arguments = drawn[0].double(), drawn[1].double(), image_size
        values = _values(*arguments)
        found = (values >= threshold).flatten(1).sum(dim=1)
        looked_at = (values, _values(*arguments, centre=0.0), _values(*_squeezed(*arguments)))
        return bool((found > 12).all()) and all(far_from(each, threshold) for each in looked_at)

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


# The steps of the exercise, in which misconceptions change one each. Pixels are looked at all at
# once: a box has rows and columns, and the mask a value for each pair of them. In numpy, which
# takes half the time for so few numbers.


def _axis(
    low: Array,
    high: Array,
    cells: int,
    count: int,
    *,
    centre: float = 0.5,
    last: bool = False,
    corners: bool = False,
) -> tuple[Array, Array]:
    """Return where each of `count` pixels lies in the cells of each box, and whether it is inside.

    Both are [N, count]. `corners` puts the outermost cells' centres on the edges of the box.
    """
    at = np.arange(count, dtype=low.dtype) + low.dtype.type(centre)
    length = np.where(high > low, high - low, 1)
    share = (at - low) / length
    inside = (at >= low) & ((at <= high) if last else (at < high))
    return share * (cells - 1) if corners else share * cells - 0.5, inside


def _weights(at: Array, cells: int, *, nearest: bool = False, fades: bool = False) -> Array:
    """Return what each cell counts for each pixel, [N, count, cells]."""
    if nearest:
        at = np.floor(at + 0.5)
    if not fades:
        at = at.clip(0, cells - 1)
    distance = np.abs(at[:, :, None] - np.arange(cells, dtype=at.dtype))
    weights: Array = (1 - distance).clip(min=0)
    return weights


def _values(
    probabilities: Tensor,
    boxes: Tensor,
    image_size: Size,
    *,
    nearest: bool = False,
    fades: bool = False,
    **options: Any,
) -> Tensor:
    """Return the mask's value at each pixel, [N, H, W]; -1 outside the box."""
    _, h, w = probabilities.shape
    x1, y1, x2, y2 = boxes.numpy().T[:, :, None]  # [N, 1] each
    x, in_columns = _axis(x1, x2, w, image_size[1], **options)
    y, in_rows = _axis(y1, y2, h, image_size[0], **options)
    down = _weights(y, h, nearest=nearest, fades=fades)
    across = _weights(x, w, nearest=nearest, fades=fades)
    values = down @ probabilities.numpy() @ across.transpose(0, 2, 1)
    inside = in_rows[:, :, None] & in_columns[:, None]
    return torch.from_numpy(np.where(inside, values, values.dtype.type(-1)))


def _paste(
    probabilities: Tensor,
    boxes: Tensor,
    image_size: Size,
    threshold: float = THRESHOLD,
    **options: Any,
) -> Tensor:
    return _values(probabilities, boxes, image_size, **options) >= threshold


def _more_than(*arguments: Any) -> Tensor:
    threshold = arguments[3] if len(arguments) > 3 else THRESHOLD
    return _values(*arguments[:3]) > threshold


def _squeezed(
    probabilities: Tensor, boxes: Tensor, image_size: Size, *threshold: float
) -> tuple[Any, ...]:
    height, width = image_size
    limits = boxes.new_tensor([width, height, width, height])
    return probabilities, boxes.clamp(min=0).minimum(limits), image_size, *threshold


def _decided_first(
    probabilities: Tensor, boxes: Tensor, image_size: Size, threshold: float = THRESHOLD
) -> Tensor:
    return _paste((probabilities >= threshold).to(boxes), boxes, image_size)


def _at_the_corner(
    probabilities: Tensor, boxes: Tensor, image_size: Size, *threshold: float
) -> tuple[Any, ...]:
    return probabilities, boxes - boxes[:, [0, 1, 0, 1]], image_size, *threshold


def _stretched(
    probabilities: Tensor, boxes: Tensor, image_size: Size, *threshold: float
) -> tuple[Any, ...]:
    height, width = image_size
    whole = boxes.new_tensor([0, 0, width, height]).expand(len(boxes), 4)
    return probabilities, whole, image_size, *threshold


PASTE_MASKS = Exercise(
    name="paste_masks",
    reference=paste_masks,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "corners_for_centres",
            "It looks at the upper left corners of pixels: pixel number 3 is the stretch from 3 "
            "to 4, and its centre lies at 3.5.",
            partial(_paste, centre=0.0),
        ),
        Misconception(
            "cells_begin_at_the_edge",
            "It puts the centres of the outermost cells on the edges of the box: a cell is as "
            "wide as the others, and its centre lies half a cell inside.",
            partial(_paste, corners=True),
        ),
        Misconception(
            "nearest_cell",
            "It takes the value of the nearest cell, which leaves steps: interpolate between the "
            "four cells around.",
            partial(_paste, nearest=True),
        ),
        Misconception(
            "decides_before_resizing",
            "It compares the small mask with the threshold and resizes what is left: interpolate "
            "the probabilities first, and decide at the pixels of the image.",
            _decided_first,
        ),
        Misconception(
            "fades_out",
            "Beyond the outermost cells' centres it lets the mask fade to 0: up to the edge of the "
            "box it goes on with the value of its border.",
            partial(_paste, fades=True),
        ),
        Misconception(
            "right_edge_included",
            "It counts a pixel centre on the right or lower edge as inside: these edges belong to "
            "the next box, as 5 belongs to the stretch from 5 on.",
            partial(_paste, last=True),
        ),
        Misconception(
            "more_than_the_threshold",
            "It sets a pixel only where the value is greater than the threshold: equal is enough.",
            _more_than,
        ),
        Misconception(
            "ignores_the_threshold",
            "It compares with 0.5 whatever threshold is given: use the argument.",
            lambda *arguments: _paste(*arguments[:3]),
        ),
        Misconception(
            "x_and_y_swapped",
            XY_SWAPPED,
            before(_paste, lambda masks, boxes, *rest: (masks, xy_swapped(boxes), *rest)),
        ),
        height_and_width_swapped(_paste, at=2),
        Misconception(
            "box_rounded",
            "It rounds the box to whole pixels: the mask belongs to the box as it is, with its "
            "fractions.",
            before(_paste, lambda masks, boxes, *rest: (masks, boxes.round(), *rest)),
        ),
        Misconception(
            "squeezed_into_the_image",
            "It cuts the box to the image first and squeezes the whole mask into what is left: "
            "the mask spans the whole box, also the part that nobody sees.",
            before(_paste, _squeezed),
        ),
        Misconception(
            "at_the_corner_of_the_image",
            "It has the right size but puts every mask into the upper left corner of the image: "
            "the box says where it belongs.",
            before(_paste, _at_the_corner),
        ),
        Misconception(
            "over_the_whole_image",
            "It stretches the mask over the whole image: the mask spans the box only.",
            before(_paste, _stretched),
        ),
        Misconception(
            "returns_values",
            "It returns the values in the image: the result says True or False for each pixel.",
            lambda *arguments: _values(*arguments[:3]).clamp(min=0),
        ),
        crashes_on_no_boxes(_paste),
    ),
    forbidden=NO_TORCHVISION,
)
