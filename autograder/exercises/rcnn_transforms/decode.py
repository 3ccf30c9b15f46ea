"""The exercise `decode_boxes`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, quarters, random_boxes
from autograder.exercises.rcnn_transforms.encode import (
    TO_CENTRES,
    USES,
    centres,
    sides,
    to_centres_in_place,
)
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from course.cases import Group
from course.compare import Comparison
from course.outcome import Case
from solutions.rcnn import decode_boxes

# A thousandth of a pixel: a corner near 0 is the difference of two numbers in the hundreds, and
# float32 has seven digits.
PIXELS = Comparison(rtol=1e-4, atol=1e-3)
PIXELS_STRICT = Comparison(rtol=1e-4, atol=1e-3, strict=True)
LIMIT = math.log(1000 / 16)

DECODE_GROUPS = (
    Group(
        "moves",
        "The centre moves by t_x widths and t_y heights of the proposal; its size stays.",
        comparison=PIXELS,
    ),
    Group(
        "scales",
        "The width is multiplied by exp(t_w) and the height by exp(t_h); the centre stays.",
        comparison=PIXELS,
    ),
    Group(
        "moves and scales",
        "The result has the corners (x1, y1, x2, y2) around the moved centre, half the new width "
        "and height to each side.",
        comparison=PIXELS,
    ),
    Group("no change", "The transform 0, 0, 0, 0 leaves the proposal as it is.", True, PIXELS),
    Group(
        "large growth",
        "Before exp, t_w and t_h above log(1000 / 16) are set to that: no box grows by more.",
        True,
        PIXELS,
    ),
    Group(
        "strong shrinking",
        "The limit is an upper one only: a box may shrink by any factor.",
        True,
        PIXELS,
    ),
    Group("long moves", "The limit is for sizes: t_x and t_y may be any number.", True, PIXELS),
    Group("boxes without area", "A box without width stays without width.", True, PIXELS),
    Group("no boxes", "No boxes give an empty result, shape [0, 4].", edge=True),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image: negative coordinates are as good as others.",
        True,
        PIXELS,
    ),
    Group("types", "Boxes have the dtype of the proposals.", True, PIXELS_STRICT),
)


def draw_decode(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    x, y = rng.integers(5, 30, size=2)
    flat = quarters([[x, y, x, y + 20], [x, y, x + 14, y], [y, x, y, x]])
    grown = torch.tensor([[0.5, 0.25, 5.0, 0.5], [-0.25, 0.5, -0.5, 8.0], [0.0, 0.5, 90.0, 6.5]])
    shrunk = torch.tensor([[0.25, -0.5, -5.5, 0.25], [0.5, 0.125, 0.5, -6.0]])
    far = torch.tensor([[6.5, -0.5, 0.25, -0.25], [0.5, 5.5, -0.25, 0.25], [-7.0, -9.5, 0.5, 0.5]])
    below = random_boxes(rng, 3, corner=(-90, -45))
    return [
        Case("moves", (random_boxes(rng, 4), _transforms(rng, 4, scale=0))),
        Case("scales", (random_boxes(rng, 4), _transforms(rng, 4, move=0))),
        Case("moves and scales", (random_boxes(rng, 5), _transforms(rng, 5))),
        Case("moves and scales", (random_boxes(rng, 3, sides=(6, 90)), _transforms(rng, 3))),
        Case("no change", (random_boxes(rng, 3), torch.zeros(3, 4))),
        Case("large growth", (random_boxes(rng, 3), grown)),
        Case("strong shrinking", (random_boxes(rng, 2), shrunk)),
        Case("long moves", (random_boxes(rng, 3), far)),
        Case("boxes without area", (flat, _transforms(rng, 3))),
        Case("no boxes", (NO_BOXES, NO_BOXES.clone())),
        Case("negative coordinates", (below, _transforms(rng, 3))),
        Case("types", (random_boxes(rng, 2), torch.zeros(2, 4))),
        Case("types", (random_boxes(rng, 2).double(), torch.zeros(2, 4).double())),
    ]


def _transforms(rng: np.random.Generator, count: int, move: float = 1, scale: float = 1) -> Tensor:
    """Return transforms in 1/32 whose four numbers are clearly different from 0 and each other."""
    sizes = rng.permuted(np.tile([0.25, 0.4375, 0.625, 0.84375], (count, 1)), axis=1)
    signs = rng.choice([-1.0, 1.0], size=(count, 4))
    return torch.tensor(sizes * signs * [move, move, scale, scale], dtype=torch.float32)


@dataclass(frozen=True)
class Decode:
    """Decoding with exchangeable steps."""

    place: Callable[[Tensor], Tensor] = centres
    move: Callable[[Tensor, Tensor], Tensor] = lambda t, size: t * size
    limit: Callable[[Tensor], Tensor] = lambda t: t.clamp(max=LIMIT)
    scale: Callable[[Tensor], Tensor] = torch.exp
    order: tuple[int, int, int, int] = (0, 1, 2, 3)
    half: float = 0.5

    def __call__(self, proposals: Tensor, transforms: Tensor) -> Tensor:
        transforms = transforms[:, list(self.order)]
        size = sides(proposals)
        centre = self.place(proposals) + self.move(transforms[:, :2], size)
        reach = size * self.scale(self.limit(transforms[:, 2:]))
        return torch.cat([centre - self.half * reach, centre + self.half * reach], dim=1)


decode = Decode()


def _from_the_corner(proposals: Tensor, transforms: Tensor) -> Tensor:
    """Move the upper left corner, and lay the new width and height from there."""
    corner = proposals[:, :2] + sides(proposals) * transforms[:, :2]
    grown = sides(proposals) * transforms[:, 2:].clamp(max=LIMIT).exp()
    return torch.cat([corner, corner + grown], dim=1)


def _centre_for_corner(proposals: Tensor, transforms: Tensor) -> Tensor:
    """Take the new centre for the new upper left corner."""
    boxes = decode(proposals, transforms)
    return torch.cat([centres(boxes), centres(boxes) + sides(boxes)], dim=1)


def _as_cxcywh(boxes: Tensor) -> Tensor:
    return torch.cat([centres(boxes), sides(boxes)], dim=1)


def _all_limited(proposals: Tensor, transforms: Tensor) -> Tensor:
    return decode(proposals, transforms.clamp(max=LIMIT))


DECODE_BOXES = Exercise(
    name="decode_boxes",
    reference=decode_boxes,
    groups=DECODE_GROUPS,
    draw=draw_decode,
    misconceptions=(
        Misconception(
            "no_exponential",
            "It multiplies the size by t_w and t_h themselves: they are logarithms, so take exp.",
            Decode(scale=lambda t: t),
        ),
        Misconception(
            "growth_as_a_share",
            "It takes t_w and t_h for the share by which the size grows, which is nearly right for "
            "small ones only: they are logarithms, so take exp.",
            Decode(scale=lambda t: 1 + t),
        ),
        Misconception(
            "another_base",
            "It takes powers of 2: the scale is a natural logarithm, whose inverse is exp.",
            Decode(scale=torch.exp2),
        ),
        Misconception(
            "move_in_pixels",
            "It moves the box by t_x and t_y pixels: they count in widths and heights of the "
            "proposal.",
            Decode(move=lambda t, size: t),
        ),
        Misconception(
            "from_the_corner",
            "It moves the upper left corner and lets the box grow from there: the centre moves, "
            "and the box grows to all sides.",
            _from_the_corner,
        ),
        Misconception(
            "centre_for_corner",
            "It takes the new centre for the upper left corner: half the width and half the height "
            "lie on each side of the centre.",
            _centre_for_corner,
        ),
        Misconception(
            "whole_size_to_each_side",
            "It goes a whole width and height to each side of the centre: it is half of them.",
            Decode(half=1.0),
        ),
        Misconception(
            "returns_centre_and_size",
            "It returns the centre and the size: the result has the corners (x1, y1, x2, y2).",
            after(decode, _as_cxcywh),
        ),
        Misconception(
            "height_before_width",
            "It reads the height before the width, as on a slide of the lecture, which is an "
            "error: a transform is t_x, t_y, t_w, t_h.",
            Decode(order=(0, 1, 3, 2)),
        ),
        Misconception(
            "moves_by_the_new_size",
            "It moves the centre by shares of the new size: the proposal's size counts, as when "
            "encoding.",
            lambda proposals, transforms: Decode(
                move=lambda t, size: t * size * transforms[:, 2:].clamp(max=LIMIT).exp()
            )(proposals, transforms),
        ),
        Misconception(
            "no_limit",
            "It has no upper limit for t_w and t_h: exp of a large number is huge or infinite, and "
            "a network far off does ask for it.",
            Decode(limit=lambda t: t),
        ),
        Misconception(
            "limited_below_too",
            "It limits shrinking as well: only t_w and t_h that are too large are cut off.",
            Decode(limit=lambda t: t.clamp(-LIMIT, LIMIT)),
        ),
        Misconception(
            "limits_the_move_too",
            "It limits t_x and t_y as well: only the sizes could overflow.",
            _all_limited,
        ),
        Misconception(
            "limit_without_logarithm",
            "It limits t_w and t_h at 1000 / 16: that is the largest growth, and the limit of its "
            "logarithm is the logarithm of it.",
            Decode(limit=lambda t: t.clamp(max=1000 / 16)),
        ),
        changes_its_input(decode, to_centres_in_place, TO_CENTRES),
        crashes_on_no_boxes(decode),
        returns_float32(decode),
        returns_float64(decode),
    ),
    uses=USES,
    forbidden=NO_TORCHVISION,
)
