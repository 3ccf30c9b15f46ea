"""The exercise `encode_boxes`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, random_boxes
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from course.cases import Group
from course.outcome import Case
from solutions.rcnn import encode_boxes

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
        Case("types", (boxes[:2], boxes[:2].clone())),
        Case("types", (boxes[:2].double(), boxes[:2].double())),
    ]


def _grown(rng: np.random.Generator, boxes: Tensor) -> Tensor:
    """Return boxes with the same centres, some wider and some narrower, heights likewise."""
    margins = rng.choice([-3.5, -2, -1.25, 2.25, 4, 7.5], size=(len(boxes), 2))
    return boxes + quarters(np.hstack([-margins, margins]))


def centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _corners(boxes: Tensor) -> Tensor:
    return boxes[:, :2]


def sides(boxes: Tensor) -> Tensor:
    return boxes[:, 2:] - boxes[:, :2]


def _half_width_forgotten(boxes: Tensor) -> Tensor:
    """Return the lower right corner for the centre."""
    return boxes[:, :2] + sides(boxes)


def _by_both(way: Tensor, proposals: Tensor, gt_boxes: Tensor) -> Tensor:
    return way / sides(proposals)


@dataclass(frozen=True)
class Encode:
    """Encoding with exchangeable steps."""

    place: Callable[[Tensor], Tensor] = centres
    relative: Callable[[Tensor, Tensor, Tensor], Tensor] = _by_both
    scale: Callable[[Tensor, Tensor], Tensor] = lambda old, new: torch.log(new / old)
    order: tuple[int, int, int, int] = (0, 1, 2, 3)

    def __call__(self, proposals: Tensor, gt_boxes: Tensor) -> Tensor:
        way = self.place(gt_boxes) - self.place(proposals)
        move = self.relative(way, proposals, gt_boxes)
        scale = self.scale(sides(proposals), sides(gt_boxes))
        return torch.cat([move, scale], dim=1)[:, list(self.order)]


encode = Encode()


def to_centres_in_place(boxes: Tensor, *rest: Tensor) -> None:
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
            Encode(relative=lambda way, proposals, gt_boxes: way / sides(gt_boxes)),
        ),
        Misconception(
            "width_for_both",
            "It divides both parts of the way by the width: the way down is measured in heights.",
            Encode(relative=lambda way, proposals, gt_boxes: way / sides(proposals)[:, :1]),
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
                relative=lambda way, p, g: way / sides(p)[:1],
                scale=lambda old, new: torch.log(new / old[:1]),
            )(proposals, gt_boxes),
        ),
        changes_its_input(encode, to_centres_in_place, TO_CENTRES),
        crashes_on_no_boxes(encode),
        returns_float32(encode),
        returns_float64(encode),
    ),
    uses=USES,
    forbidden=NO_TORCHVISION,
)
