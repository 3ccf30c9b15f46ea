"""The groups and cases of `mask_targets`."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import NO_BOXES, STRICT, quarters, redraw
from autograder.exercises.mask_rcnn_heads.regions import (
    NO_LABELS,
    Size,
    blobs,
    boxes_over_the_edge,
    boxes_within,
    far_from,
    integers,
)
from course.cases import Group
from course.outcome import Case
from solutions.rcnn import crop_and_resize

SIZE = 28
IMAGE = (14, 19)  # (height, width) of the masks in most cases

MASK_GROUPS = (
    Group(
        "masks cut to their boxes",
        "The target of a box is its object's mask, cropped to the box and resized: 1 where at "
        "least half of the pixel is object, 0 elsewhere.",
    ),
    Group(
        "several boxes on one object",
        "A box takes the mask of the object that it is matched with, whatever its own place in "
        "the list.",
    ),
    Group("no match", "A box with match -1 has no object: its target is 0 everywhere.", edge=True),
    Group(
        "exactly one half",
        "A value of exactly 0.5 becomes 1: the comparison includes equality.",
        edge=True,
    ),
    Group(
        "boxes over the edge",
        "A box may reach beyond the image: there the mask goes on with its border pixels, as "
        "crops do.",
        edge=True,
    ),
    Group("default size", "Unless a size is given, targets have 28 x 28 pixels.", edge=True),
    Group("masks of numbers", "Masks may hold True and False or 1 and 0.", edge=True),
    Group("no boxes", "No boxes have no targets: the result has shape [0, size, size].", True),
    Group("no objects", "Without objects every match is -1 and every target is 0.", edge=True),
    Group(
        "types", "Targets are numbers in the dtype of the boxes, not True and False.", True, STRICT
    ),
)


def draw_mask_targets(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    masks, boxes, _, size = _telling(rng, 2, 2, 5)
    types = (masks, boxes, integers([1, 0]), size)
    return [
        Case("masks cut to their boxes", _telling(rng, 3, 3, 5)),
        Case("masks cut to their boxes", _telling(rng, 3, 2, 7)),
        Case("several boxes on one object", _on_few(rng)),
        Case("no match", _without_match(rng)),
        Case("exactly one half", _halves(rng)),
        Case("boxes over the edge", _telling(rng, 3, 3, 6, boxes_over_the_edge)),
        Case("default size", _telling(rng, 2, 1, SIZE)[:3]),
        Case("masks of numbers", _as(torch.uint8, _telling(rng, 3, 2, 4))),
        Case("masks of numbers", _as(torch.float32, _telling(rng, 3, 2, 4))),
        Case("no boxes", (blobs(rng, 2, IMAGE), NO_BOXES, NO_LABELS, 4)),
        Case(
            "no objects", (blobs(rng, 0, IMAGE), boxes_within(rng, 2, IMAGE), integers([-1, -1]), 4)
        ),
        Case("types", types),
        Case("types", (masks, boxes.double(), *types[2:])),
    ]


Arguments = tuple[Tensor, Tensor, Tensor, int]


def _telling(
    rng: np.random.Generator,
    objects: int,
    count: int,
    size: int,
    place: Callable[[np.random.Generator, Size], Tensor] | None = None,
) -> Arguments:
    """Return masks and boxes of which none is matched with the mask of its own index."""

    def make() -> Arguments:
        boxes = place(rng, IMAGE) if place else boxes_within(rng, count, IMAGE)
        matches = (np.arange(count) + 1) % objects
        return blobs(rng, objects, IMAGE), boxes, integers(matches), size

    return redraw(make, _clear)


def _on_few(rng: np.random.Generator) -> Arguments:
    """Return four boxes on the first two of four objects."""

    def make() -> Arguments:
        boxes = boxes_within(rng, 4, IMAGE)
        return blobs(rng, 4, IMAGE), boxes, integers([1, 0, 1, 0]), 5

    return redraw(make, _clear)


def _without_match(rng: np.random.Generator) -> Arguments:
    masks, boxes, _, size = _telling(rng, 3, 3, 5)
    return masks, boxes, integers([1, -1, 0]), size


def _halves(rng: np.random.Generator) -> Arguments:
    """Return stripes whose borders lie at samples, all places exact in any arithmetic.

    Samples lie two pixels apart, each in the middle between two pixels.
    """
    x, y = (2 * int(n) for n in rng.integers(0, 3, size=2))
    stripes = torch.zeros(2, 16, 16, dtype=torch.bool)
    stripes[0, :, x + 3 :] = True
    stripes[1, : y + 5] = True
    boxes = quarters([[x + 0.0, y, x + 8, y + 8], [x, y + 0.0, x + 8, y + 8]])
    return stripes, boxes, integers([1, 0]), 4


def _clear(arguments: Arguments) -> bool:
    """Return whether no value is near to one half, and every target has both numbers.

    Some pixel must tell that values were interpolated.
    """
    masks, boxes, matches, size = arguments
    own = torch.arange(len(boxes)), matches
    values = crops_in(masks, boxes.double(), size)[own]
    right = values >= 0.5
    inside = right.flatten(1).double().mean(dim=1)
    both = bool(((inside > 0.1) & (inside < 0.9)).all())
    return (
        both and far_from(values, 0.5) and not right.equal(nearest_in(masks, boxes, size)[own] > 0)
    )


def _as(dtype: torch.dtype, arguments: Arguments) -> Arguments:
    return arguments[0].to(dtype), *arguments[1:]


def crops_in(gt_masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Return every mask in every box, [N, M, size, size], which must not be changed.

    Most misconceptions ask for the same crops, so the last answers are kept.
    """
    masks, places = gt_masks.to(torch.uint8).numpy(), boxes.numpy()
    return _cached(masks.tobytes(), masks.shape, places.tobytes(), places.dtype.str, size)


@lru_cache(maxsize=64)
def _cached(masks: bytes, shape: tuple[int, ...], boxes: bytes, dtype: str, size: int) -> Tensor:
    gt_masks = np.frombuffer(masks, np.uint8).reshape(shape).astype(dtype)
    places = torch.from_numpy(np.frombuffer(boxes, dtype).reshape(-1, 4).copy())
    return crop_and_resize(torch.from_numpy(gt_masks), places, (size, size))


def nearest_in(gt_masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    _, height, width = gt_masks.shape
    bins = (torch.arange(size).to(boxes) + 0.5) / size
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    x = (x1 + bins * (x2 - x1)).floor().long().clamp(0, width - 1)  # [N, size]
    y = (y1 + bins * (y2 - y1)).floor().long().clamp(0, height - 1)
    return gt_masks.to(boxes.dtype)[:, y[:, :, None], x[:, None, :]].transpose(0, 1)
