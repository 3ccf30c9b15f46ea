"""The exercises `cxcywh_to_xyxy` and `xyxy_to_cxcywh`."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, random_boxes
from autograder.exercises.shared_mistakes import (
    after,
    before,
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
    takes_xxyy,
)
from course.cases import Group
from course.outcome import Case
from solutions.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh


def _groups(rule: str) -> tuple[Group, ...]:
    return (
        Group("boxes", rule),
        Group("one box", "One box in, one box out: the shape stays [1, 4].", edge=True),
        Group("no boxes", "No boxes give no boxes: an empty result of shape [0, 4].", edge=True),
        Group(
            "boxes without area",
            "A box without width or height is a line or a point: its numbers change all the same.",
            edge=True,
        ),
        Group(
            "negative coordinates",
            "A box may lie left of or above the image: negative coordinates are as good as others.",
            edge=True,
        ),
        Group(
            "fractions of a pixel",
            "Coordinates are continuous: halves and quarters of a pixel are kept.",
            edge=True,
        ),
        Group("types", "The result has the dtype of the boxes, float32 or float64.", True, STRICT),
    )


def _corners(rng: np.random.Generator) -> list[tuple[str, Tensor]]:
    """Return groups with boxes (x1, y1, x2, y2)."""
    x, y = rng.integers(2, 20, size=2)
    flat = quarters([[x, y, x, y + 9], [x, y, x + 7, y], [y, x + 1, y, x + 1]])
    below = random_boxes(rng, 3, corner=(-90, -45)) + quarters([0, 0, 0, 30])
    whole = random_boxes(rng, 3).round()
    return [
        ("boxes", random_boxes(rng, 5)),
        ("boxes", random_boxes(rng, 3, sides=(2, 70))),
        ("one box", random_boxes(rng, 1)),
        ("no boxes", NO_BOXES),
        ("boxes without area", flat),
        ("negative coordinates", torch.cat([below, random_boxes(rng, 2, corner=(-15, -5))])),
        ("fractions of a pixel", torch.cat([whole, whole + quarters([0, 0.25, 0.75, 1])])),
        ("types", random_boxes(rng, 2)),
        ("types", random_boxes(rng, 2).double()),
    ]


def draw_corners(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant, boxes given by their corners."""
    return [Case(group, (boxes,)) for group, boxes in _corners(rng)]


def draw_centres(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant, boxes given by centre and size."""
    return [Case(group, (xyxy_to_cxcywh(boxes),)) for group, boxes in _corners(rng)]


def _columns(order: list[int], boxes: Tensor) -> tuple[Tensor]:
    return (boxes[:, order],)


def _corner_first(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)


def _whole_size_each_way(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] - boxes[:, 2:], boxes[:, :2] + boxes[:, 2:]], dim=1)


def _half_from_the_new_corner(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2]], dim=1)


def _corner_and_size(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], dim=1)


def _half_pixels_lost(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] - boxes[:, 2:] // 2, boxes[:, :2] + boxes[:, 2:] // 2], dim=1)


def _corner_for_centre(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)


def _half_the_size_for_the_centre(boxes: Tensor) -> Tensor:
    size = boxes[:, 2:] - boxes[:, :2]
    return torch.cat([size / 2, size], dim=1)


def _sum_for_the_centre(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] + boxes[:, 2:], boxes[:, 2:] - boxes[:, :2]], dim=1)


def _half_the_size(boxes: Tensor) -> Tensor:
    return torch.cat([xyxy_to_cxcywh(boxes)[:, :2], (boxes[:, 2:] - boxes[:, :2]) / 2], dim=1)


def _whole_centres(boxes: Tensor) -> Tensor:
    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) // 2, boxes[:, 2:] - boxes[:, :2]], dim=1)


def _move_the_centre(boxes: Tensor) -> None:
    boxes[:, :2] -= boxes[:, 2:] / 2


def _take_off_the_corner(boxes: Tensor) -> None:
    boxes[:, 2:] -= boxes[:, :2]


CLIPS_AT_ZERO = "It cuts off what lies at negative coordinates: changing the format changes no box."
COLUMN_FOR_ROW = (
    "The numbers of a box stand in a column: each box is one row of the result, shape [N, 4], as "
    "each was one row of the input."
)

CXCYWH_TO_XYXY = Exercise(
    name="cxcywh_to_xyxy",
    reference=cxcywh_to_xyxy,
    groups=_groups("The corners lie half the width and half the height away from the centre."),
    draw=draw_centres,
    misconceptions=(
        Misconception(
            "corner_for_centre",
            "It takes the first two numbers for the upper left corner: they are the centre of the "
            "box.",
            _corner_first,
        ),
        Misconception(
            "whole_size_each_way",
            "It goes the whole width and height from the centre, so that the box becomes twice as "
            "large: to each side it is one half.",
            _whole_size_each_way,
        ),
        Misconception(
            "half_from_the_new_corner",
            "The lower right corner lies in the centre: half the size was added to the new upper "
            "left corner and no longer to the centre.",
            _half_from_the_new_corner,
        ),
        Misconception(
            "keeps_width_and_height",
            "It gives the upper left corner with width and height: the last two numbers are the "
            "lower right corner.",
            _corner_and_size,
        ),
        Misconception(
            "height_before_width",
            "It takes the third number for the height and the fourth for the width: the width "
            "comes first.",
            before(cxcywh_to_xyxy, partial(_columns, [0, 1, 3, 2])),
        ),
        Misconception(
            "gives_xxyy",
            "It gives the numbers in the order x1, x2, y1, y2: the order is (x1, y1, x2, y2), one "
            "corner after the other.",
            after(cxcywh_to_xyxy, lambda boxes: boxes[:, [0, 2, 1, 3]]),
        ),
        Misconception(
            "whole_halves",
            "It halves width and height to whole pixels: coordinates are continuous, so half of 5 "
            "is 2.5.",
            _half_pixels_lost,
        ),
        Misconception(
            "column_for_row", COLUMN_FOR_ROW, after(cxcywh_to_xyxy, lambda boxes: boxes.t())
        ),
        Misconception(
            "clips_at_zero",
            CLIPS_AT_ZERO,
            after(cxcywh_to_xyxy, lambda boxes: boxes.clamp(min=0)),
        ),
        changes_its_input(
            cxcywh_to_xyxy, _move_the_centre, "the corner was written over the centre"
        ),
        crashes_on_no_boxes(cxcywh_to_xyxy),
        returns_float32(cxcywh_to_xyxy),
        returns_float64(cxcywh_to_xyxy),
    ),
    forbidden=NO_TORCHVISION,
)

XYXY_TO_CXCYWH = Exercise(
    name="xyxy_to_cxcywh",
    reference=xyxy_to_cxcywh,
    groups=_groups(
        "The centre is the mean of the two corners; width and height are their distance along x "
        "and along y."
    ),
    draw=draw_corners,
    misconceptions=(
        Misconception(
            "corner_for_centre",
            "It keeps the upper left corner: the first two numbers of the result are the centre, "
            "the mean of both corners.",
            _corner_for_centre,
        ),
        Misconception(
            "half_the_size_for_the_centre",
            "It takes half the width and height for the centre: that is how far the centre lies "
            "from the corner, and the corner itself is to be added.",
            _half_the_size_for_the_centre,
        ),
        Misconception(
            "sum_for_the_centre",
            "It adds the two corners without halving: the centre is their mean.",
            _sum_for_the_centre,
        ),
        Misconception(
            "half_the_size",
            "Width and height are half as large as they should be, as if measured from the centre: "
            "they go from edge to edge.",
            _half_the_size,
        ),
        Misconception(
            "plus_one_pixel",
            "It adds 1 to width and height, as if it counted pixels. Coordinates are continuous "
            "here, so a box from 2 to 5 is 3 wide.",
            after(xyxy_to_cxcywh, lambda boxes: boxes + boxes.new_tensor([0, 0, 1, 1])),
        ),
        Misconception(
            "height_before_width",
            "It gives the height before the width: the width comes first, as x comes before y.",
            after(xyxy_to_cxcywh, lambda boxes: boxes[:, [0, 1, 3, 2]]),
        ),
        takes_xxyy(before(xyxy_to_cxcywh, partial(_columns, [0, 2, 1, 3]))),
        Misconception(
            "whole_centres",
            "It rounds the centre down to whole pixels: coordinates are continuous, so the middle "
            "between 2 and 5 is 3.5.",
            _whole_centres,
        ),
        Misconception(
            "column_for_row", COLUMN_FOR_ROW, after(xyxy_to_cxcywh, lambda boxes: boxes.t())
        ),
        Misconception(
            "clips_at_zero",
            CLIPS_AT_ZERO,
            before(xyxy_to_cxcywh, lambda boxes: (boxes.clamp(min=0),)),
        ),
        changes_its_input(
            xyxy_to_cxcywh, _take_off_the_corner, "the size was written over the lower right corner"
        ),
        crashes_on_no_boxes(xyxy_to_cxcywh),
        returns_float32(xyxy_to_cxcywh),
        returns_float64(xyxy_to_cxcywh),
    ),
    forbidden=NO_TORCHVISION,
)
