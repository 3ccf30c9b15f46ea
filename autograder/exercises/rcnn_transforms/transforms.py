"""The exercises `encode_boxes` and `decode_boxes`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, random_boxes
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
from solutions.rcnn import decode_boxes, encode_boxes

# A thousandth of a pixel: a corner near 0 is the difference of two numbers in the hundreds, and
# float32 has seven digits.
PIXELS = Comparison(rtol=1e-4, atol=1e-3)
PIXELS_STRICT = Comparison(rtol=1e-4, atol=1e-3, strict=True)
LIMIT = math.log(1000 / 16)
USES = ("cxcywh_to_xyxy", "xyxy_to_cxcywh")

ENCODE_GROUPS = (
    Group(
        "moved boxes",
        "t_x and t_y are the way from the proposal's centre to that of the ground truth, in "
        "widths and heights of the proposal.",
    ),
    Group(
        "larger and smaller boxes",
        "t_w and t_h are the logarithms of how many times as wide and as high the ground truth is.",
    ),
    Group(
        "any boxes",
        "The four numbers of a transform are (t_x, t_y, t_w, t_h), one row for each proposal.",
    ),
    Group("equal boxes", "A proposal that is right already has the transform 0, 0, 0, 0.", True),
    Group("one box", "One proposal gives one row: the result still has two axes.", edge=True),
    Group("no boxes", "No boxes give an empty result, shape [0, 4].", edge=True),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image: negative coordinates are as good as others.",
        edge=True,
    ),
    Group("tiny and huge boxes", "A box may be some hundred times as large as another.", edge=True),
    Group("types", "The transforms have the dtype of the boxes, float32 or float64.", True, STRICT),
)


def draw_encode(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    boxes = random_boxes(rng, 4, sides=(12, 40))
    moves = rng.choice([-9, -6, -4, -2, 3, 5, 7, 11], size=(4, 2), replace=True)
    moved = boxes + quarters(np.hstack([moves, moves]))
    below = random_boxes(rng, 3, corner=(-90, -45)), random_boxes(rng, 3, corner=(-90, -50))
    tiny = random_boxes(rng, 2, sides=(0.5, 2)), random_boxes(rng, 2, sides=(200, 400))
    return [
        Case("moved boxes", (boxes, moved)),
        Case("moved boxes", (moved[:2], boxes[:2])),
        Case("larger and smaller boxes", (boxes, _grown(rng, boxes))),
        Case("any boxes", (random_boxes(rng, 5), random_boxes(rng, 5, sides=(8, 70)))),
        Case("any boxes", (random_boxes(rng, 3, sides=(8, 70)), random_boxes(rng, 3))),
        Case("equal boxes", (boxes, boxes.clone())),
        Case("one box", (random_boxes(rng, 1), random_boxes(rng, 1))),
        Case("no boxes", (NO_BOXES, NO_BOXES.clone())),
        Case("negative coordinates", below),
        Case("tiny and huge boxes", tiny),
        Case("tiny and huge boxes", tiny[::-1]),
        Case("types", (random_boxes(rng, 2), random_boxes(rng, 2))),
        Case("types", (random_boxes(rng, 2).double(), random_boxes(rng, 2).double())),
    ]


def _grown(rng: np.random.Generator, boxes: Tensor) -> Tensor:
    """Return boxes with the same centres, some wider and some narrower, heights likewise."""
    margins = rng.choice([-3.5, -2, -1.25, 2.25, 4, 7.5], size=(len(boxes), 2))
    return boxes + quarters(np.hstack([-margins, margins]))


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _corners(boxes: Tensor) -> Tensor:
    return boxes[:, :2]


def _sides(boxes: Tensor) -> Tensor:
    return boxes[:, 2:] - boxes[:, :2]


def _half_width_forgotten(boxes: Tensor) -> Tensor:
    """Return the lower right corner for the centre."""
    return boxes[:, :2] + _sides(boxes)


def _by_both(way: Tensor, proposals: Tensor, gt_boxes: Tensor) -> Tensor:
    return way / _sides(proposals)


@dataclass(frozen=True)
class Encode:
    """Encoding with exchangeable steps."""

    place: Callable[[Tensor], Tensor] = _centres
    relative: Callable[[Tensor, Tensor, Tensor], Tensor] = _by_both
    scale: Callable[[Tensor, Tensor], Tensor] = lambda old, new: torch.log(new / old)
    order: tuple[int, int, int, int] = (0, 1, 2, 3)

    def __call__(self, proposals: Tensor, gt_boxes: Tensor) -> Tensor:
        way = self.place(gt_boxes) - self.place(proposals)
        move = self.relative(way, proposals, gt_boxes)
        scale = self.scale(_sides(proposals), _sides(gt_boxes))
        return torch.cat([move, scale], dim=1)[:, list(self.order)]


encode = Encode()


def _to_centres_in_place(boxes: Tensor, *rest: Tensor) -> None:
    boxes[:, 2:] -= boxes[:, :2]
    boxes[:, :2] += boxes[:, 2:] / 2


TO_CENTRES = "the corners of its boxes were turned into centres and sizes where they stood"
SLIDES_ORDER = (
    "The height comes before the width, as on a slide of the lecture, which is an error: the order "
    "is t_x, t_y, t_w, t_h."
)

ENCODE_BOXES = Exercise(
    name="encode_boxes",
    reference=encode_boxes,
    groups=ENCODE_GROUPS,
    draw=draw_encode,
    misconceptions=(
        Misconception(
            "corner_for_centre",
            "It measures from corner to corner: a transform moves the centre of the box.",
            Encode(place=_corners),
        ),
        Misconception(
            "half_the_size_forgotten",
            "The centre lies half a width right of the left edge and half a height below the "
            "upper one: it takes a whole one.",
            Encode(place=_half_width_forgotten),
        ),
        Misconception(
            "move_in_pixels",
            "It gives the way between the centres in pixels: divide it by the width and the height "
            "of the proposal.",
            Encode(relative=lambda way, proposals, gt_boxes: way),
        ),
        Misconception(
            "divided_by_the_ground_truth",
            "It divides the way by the size of the ground truth, which nobody knows at test time: "
            "divide by the size of the proposal.",
            Encode(relative=lambda way, proposals, gt_boxes: way / _sides(gt_boxes)),
        ),
        Misconception(
            "width_for_both",
            "It divides both parts of the way by the width: the way down is measured in heights.",
            Encode(relative=lambda way, proposals, gt_boxes: way / _sides(proposals)[:, :1]),
        ),
        Misconception(
            "no_logarithm",
            "It gives how many times as large the ground truth is, without the logarithm: equal "
            "sizes must give 0.",
            Encode(scale=lambda old, new: new / old),
        ),
        Misconception(
            "growth_as_a_share",
            "It gives by which share the size grows: the scale is the logarithm of the ratio.",
            Encode(scale=lambda old, new: (new - old) / old),
        ),
        Misconception(
            "difference_of_the_sizes",
            "It subtracts the sizes, in pixels: the scale is the logarithm of the ratio.",
            Encode(scale=lambda old, new: new - old),
        ),
        Misconception(
            "another_base",
            "It takes the logarithm to base 2: it is the natural one, the inverse of exp.",
            Encode(scale=lambda old, new: torch.log2(new / old)),
        ),
        Misconception(
            "ratio_upside_down",
            "It divides the proposal's size by that of the ground truth: growth must be positive.",
            Encode(scale=lambda old, new: torch.log(old / new)),
        ),
        Misconception("height_before_width", SLIDES_ORDER, Encode(order=(0, 1, 3, 2))),
        Misconception(
            "from_ground_truth_to_proposal",
            "It exchanges the two boxes: the transform leads from the proposal to the ground truth "
            "and is measured in the proposal's size.",
            lambda proposals, gt_boxes: encode(gt_boxes, proposals),
        ),
        Misconception(
            "first_proposal_for_all",
            "It takes the size of the first proposal for all of them: each row is measured in its "
            "own proposal.",
            lambda proposals, gt_boxes: Encode(
                relative=lambda way, p, g: way / _sides(p)[:1],
                scale=lambda old, new: torch.log(new / old[:1]),
            )(proposals, gt_boxes),
        ),
        changes_its_input(encode, _to_centres_in_place, TO_CENTRES),
        crashes_on_no_boxes(encode),
        returns_float32(encode),
        returns_float64(encode),
    ),
    uses=USES,
    forbidden=NO_TORCHVISION,
)

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
        Case("types", (random_boxes(rng, 2), _transforms(rng, 2))),
        Case("types", (random_boxes(rng, 2).double(), _transforms(rng, 2).double())),
    ]


def _transforms(rng: np.random.Generator, count: int, move: float = 1, scale: float = 1) -> Tensor:
    """Return transforms in 1/32 whose four numbers are clearly different from 0 and each other."""
    sizes = rng.permuted(np.tile([0.25, 0.4375, 0.625, 0.84375], (count, 1)), axis=1)
    signs = rng.choice([-1.0, 1.0], size=(count, 4))
    return torch.tensor(sizes * signs * [move, move, scale, scale], dtype=torch.float32)


@dataclass(frozen=True)
class Decode:
    """Decoding with exchangeable steps."""

    place: Callable[[Tensor], Tensor] = _centres
    move: Callable[[Tensor, Tensor], Tensor] = lambda t, sides: t * sides
    limit: Callable[[Tensor], Tensor] = lambda t: t.clamp(max=LIMIT)
    scale: Callable[[Tensor], Tensor] = torch.exp
    order: tuple[int, int, int, int] = (0, 1, 2, 3)
    half: float = 0.5

    def __call__(self, proposals: Tensor, transforms: Tensor) -> Tensor:
        transforms = transforms[:, list(self.order)]
        sides = _sides(proposals)
        centre = self.place(proposals) + self.move(transforms[:, :2], sides)
        reach = sides * self.scale(self.limit(transforms[:, 2:]))
        return torch.cat([centre - self.half * reach, centre + self.half * reach], dim=1)


decode = Decode()


def _from_the_corner(proposals: Tensor, transforms: Tensor) -> Tensor:
    """Move the upper left corner, and lay the new width and height from there."""
    corner = proposals[:, :2] + _sides(proposals) * transforms[:, :2]
    grown = _sides(proposals) * transforms[:, 2:].clamp(max=LIMIT).exp()
    return torch.cat([corner, corner + grown], dim=1)


def _centre_for_corner(proposals: Tensor, transforms: Tensor) -> Tensor:
    """Take the new centre for the new upper left corner."""
    boxes = decode(proposals, transforms)
    return torch.cat([_centres(boxes), _centres(boxes) + _sides(boxes)], dim=1)


def _as_cxcywh(boxes: Tensor) -> Tensor:
    return torch.cat([_centres(boxes), _sides(boxes)], dim=1)


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
            Decode(move=lambda t, sides: t),
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
                move=lambda t, sides: t * sides * transforms[:, 2:].clamp(max=LIMIT).exp()
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
        changes_its_input(decode, _to_centres_in_place, TO_CENTRES),
        crashes_on_no_boxes(decode),
        returns_float32(decode),
        returns_float64(decode),
    ),
    uses=USES,
    forbidden=NO_TORCHVISION,
)
