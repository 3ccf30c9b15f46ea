"""The exercise `paste_masks`."""

from functools import partial
from typing import Any

from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.mask_rcnn_heads.paste_cases import PASTE_GROUPS, draw_paste_masks
from autograder.exercises.mask_rcnn_heads.pasting import THRESHOLD, squeezed, values_at
from autograder.exercises.mask_rcnn_heads.regions import XY_SWAPPED, Size, xy_swapped
from autograder.exercises.shared_mistakes import (
    before,
    crashes_on_no_boxes,
    height_and_width_swapped,
)
from solutions.masks import paste_masks


def _paste(
    probabilities: Tensor,
    boxes: Tensor,
    image_size: Size,
    threshold: float = THRESHOLD,
    **options: Any,
) -> Tensor:
    return values_at(probabilities, boxes, image_size, **options) >= threshold


def _more_than(*arguments: Any) -> Tensor:
    threshold = arguments[3] if len(arguments) > 3 else THRESHOLD
    return values_at(*arguments[:3]) > threshold


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
    groups=PASTE_GROUPS,
    draw=draw_paste_masks,
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
            before(_paste, squeezed),
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
            lambda *arguments: values_at(*arguments[:3]).clamp(min=0),
        ),
        crashes_on_no_boxes(_paste),
    ),
    forbidden=NO_TORCHVISION,
)
