"""Cases of `crop_and_resize`: small images whose values are whole 64ths, boxes in quarters."""

import math

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import NO_BOXES, STRICT, quarters, redraw
from course.cases import Group
from course.outcome import Case

GROUPS = (
    Group(
        "boxes inside the image",
        "Each output pixel is the image's value at the centre of its bin, interpolated between "
        "the four nearest pixels, whose own centres lie at half coordinates.",
    ),
    Group(
        "several boxes and channels",
        "Every box is cut out of every channel: the result has shape [N, C, height, width].",
    ),
    Group("whole pixels", "A box at whole pixels, resized to its own size, is copied.", edge=True),
    Group(
        "one output pixel",
        "With a size of one pixel there is one bin, and its centre is the centre of the box.",
        edge=True,
    ),
    Group("larger than the box", "A small box may be resized to more pixels than it has.", True),
    Group(
        "beyond the image",
        "A box may reach beyond the image: samples out there take the value of the nearest pixel "
        "at the image's edge.",
        edge=True,
    ),
    Group("boxes without area", "Bins without width all have the same centre.", edge=True),
    Group("no boxes", "No boxes give an empty result, shape [0, C, height, width].", edge=True),
    Group("types", "The crops have the dtype of the image, float32 or float64.", True, STRICT),
)


def draw_crops(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant. No side is equal to another, so that swapped ones show."""
    ramp = torch.arange(63.0).reshape(1, 7, 9) / 64
    mixed = torch.cat([_inside(rng, (6, 9), 1, (3, 4)), _beyond(6, 9)])
    flat = quarters([[2.25, 1.5, 2.25, 4.75], [1.5, 2.25, 6.75, 2.25], [3.75, 1.25, 3.75, 1.25]])
    plain, (_, boxes, size) = torch.full((1, 5, 7), 0.625), _crops(rng, (1, 5, 7), 1, (2, 3))
    return [
        Case("boxes inside the image", _crops(rng, (1, 6, 9), 1, (2, 3))),
        Case("boxes inside the image", (ramp, _inside(rng, (7, 9), 2, (3, 2)), (3, 2))),
        Case("several boxes and channels", _crops(rng, (3, 7, 9), 2, (2, 4))),
        Case("several boxes and channels", _crops(rng, (2, 9, 6), 3, (3, 2))),
        Case("whole pixels", (_image(rng, (2, 6, 8)), quarters([[1, 2, 6, 5]]), (3, 5))),
        Case("one output pixel", _crops(rng, (2, 6, 8), 2, (1, 1))),
        Case(
            "larger than the box", (_image(rng, (1, 5, 6)), quarters([[1.25, 2, 3, 3.25]]), (4, 5))
        ),
        Case("beyond the image", (_image(rng, (1, 6, 9)), mixed, (3, 4))),
        Case("beyond the image", (_image(rng, (2, 6, 9)), _beyond(6, 9), (2, 3))),
        Case("boxes without area", (_image(rng, (1, 6, 8)), flat, (2, 3))),
        Case("no boxes", (_image(rng, (2, 5, 6)), NO_BOXES, (2, 2))),
        Case("types", (plain, boxes, size)),  # whatever is read, the value is the same
        Case("types", (plain.double(), boxes.double(), size)),
    ]


Size = tuple[int, int]


def _crops(
    rng: np.random.Generator, shape: tuple[int, int, int], count: int, size: Size
) -> tuple[Tensor, Tensor, Size]:
    return _image(rng, shape), _inside(rng, shape[1:], count, size), size


def _image(rng: np.random.Generator, shape: tuple[int, int, int]) -> Tensor:
    """Return an image of random 1/64 steps."""
    return torch.tensor(rng.integers(0, 65, size=shape) / 64, dtype=torch.float32)


def _inside(rng: np.random.Generator, image_size: Size, count: int, size: Size) -> Tensor:
    """Return boxes inside the image, no edge of which is at a whole or a half coordinate.

    No bin of a crop of `size` has its centre halfway between two pixels: which of them is nearer
    must not depend on how a student rounds.
    """
    limits = np.array(image_size[::-1])

    def make() -> list[float]:
        corner = rng.uniform(0, limits / 3)
        end = rng.uniform(limits / 2, limits - 1)
        fractions = rng.choice([0.25, 0.75], size=4)
        return [math.floor(c) + f for c, f in zip([*corner, *end], fractions, strict=True)]

    def fits(box: list[float]) -> bool:
        centres = [
            box[axis] + (k + 0.5) / bins * (box[axis + 2] - box[axis])
            for axis, bins in enumerate(size[::-1])
            for k in range(bins)
        ]
        return all(abs(centre - round(centre)) > 0.01 for centre in centres)

    return torch.tensor([redraw(make, fits) for _ in range(count)])


def _beyond(height: int, width: int) -> Tensor:
    """Return boxes that reach beyond the image: over two corners, far away, and over all of it."""
    return quarters(
        [
            [-3.25, -2.75, 3.5, 2.25],
            [width - 2.75, height - 3.25, width + 3.5, height + 2.75],
            [-9.5, 1.25, -4.25, 3.75],
            [-1.75, -2.25, width + 2.25, height + 1.75],
        ]
    )
