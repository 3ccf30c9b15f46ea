"""The exercise `box_area`."""

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
    takes_xxyy,
)
from course.cases import Group
from course.outcome import Case
from solutions.boxes import box_area

AREA_GROUPS = (
    Group("boxes", "The area of a box is its width times its height, one number for each box."),
    Group("one box", "One box in, one number out: the result still has one axis.", edge=True),
    Group("no boxes", "No boxes have no areas: the result is an empty tensor, shape [0].", True),
    Group("boxes without area", "A box without width or without height has area 0.", edge=True),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image: negative coordinates are as good as others.",
        edge=True,
    ),
    Group(
        "small boxes",
        "Coordinates are continuous: a box may be smaller than one pixel.",
        edge=True,
    ),
    Group("types", "The areas have the dtype of the boxes, float32 or float64.", True, STRICT),
)


def draw_box_area(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    x, y = rng.integers(2, 20, size=2)
    flat = quarters([[x, y, x, y + 8], [x, y, x + 6, y], [y, x, y, x], [x, y, x + 3, y + 5]])
    below = random_boxes(rng, 4, corner=(-90, -45)) + quarters([0, 0, 0, 30])
    across = random_boxes(rng, 2, corner=(-15, -5))
    return [
        Case("boxes", (random_boxes(rng, 6),)),
        Case("boxes", (random_boxes(rng, 3, sides=(2, 90)),)),
        Case("one box", (random_boxes(rng, 1),)),
        Case("no boxes", (NO_BOXES,)),
        Case("boxes without area", (flat,)),
        Case("negative coordinates", (torch.cat([below, across]),)),
        Case("small boxes", (random_boxes(rng, 4, sides=(0.25, 0.9)),)),
        Case("types", (random_boxes(rng, 3),)),
        Case("types", (random_boxes(rng, 3).double(),)),
    ]


def area_of_pixels(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)


def _area_of_xywh(boxes: Tensor) -> Tensor:
    return boxes[:, 2] * boxes[:, 3]


def _area_of_xxyy(boxes: Tensor) -> Tensor:
    return (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])


def _width_plus_height(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).sum(dim=1)


def to_width_and_height_in_place(boxes: Tensor) -> None:
    boxes[:, 2:] -= boxes[:, :2]


PLUS_ONE = (
    "It counts pixels: it adds 1 to each width and height. Coordinates are continuous here, so "
    "a box from 2 to 5 is 3 wide."
)
XYWH = (
    "It takes the last two numbers of a box for its width and height. They are the lower right "
    "corner: a box is (x1, y1, x2, y2)."
)
IN_PLACE = "the corners were turned into widths and heights where they stood"

BOX_AREA = Exercise(
    name="box_area",
    reference=box_area,
    groups=AREA_GROUPS,
    draw=draw_box_area,
    misconceptions=(
        Misconception("plus_one_pixel", PLUS_ONE, area_of_pixels),
        Misconception("takes_xywh", XYWH, _area_of_xywh),
        takes_xxyy(_area_of_xxyy),
        Misconception(
            "adds_the_sides",
            "It adds width and height: an area is their product.",
            _width_plus_height,
        ),
        Misconception(
            "one_number_for_all",
            "It adds up all boxes to one number: each box has its own area, and the result one "
            "entry a box.",
            lambda boxes: box_area(boxes).sum(),
        ),
        Misconception(
            "keeps_a_column",
            "The numbers are right but stand in a column, shape [N, 1]: the result has one axis, "
            "shape [N].",
            lambda boxes: box_area(boxes)[:, None],
        ),
        Misconception(
            "whole_pixels",
            "It cuts coordinates down to whole pixels first: they are continuous, so keep their "
            "fractions.",
            lambda boxes: box_area(boxes.trunc()),
        ),
        Misconception(
            "clips_at_zero",
            "It cuts off what lies at negative coordinates: the area is that of the whole box, "
            "wherever it lies.",
            lambda boxes: box_area(boxes.clamp(min=0)),
        ),
        changes_its_input(box_area, to_width_and_height_in_place, IN_PLACE),
        crashes_on_no_boxes(box_area),
        returns_float32(box_area),
        returns_float64(box_area),
    ),
    forbidden=NO_TORCHVISION,
)
