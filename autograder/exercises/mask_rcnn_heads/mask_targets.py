"""The exercise `mask_targets`."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.mask_rcnn_heads.mask_cases import (
    MASK_GROUPS,
    SIZE,
    crops_in,
    draw_mask_targets,
    nearest_in,
)
from autograder.exercises.mask_rcnn_heads.regions import XY_SWAPPED, xy_swapped
from autograder.exercises.shared_mistakes import (
    before,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from solutions.masks import mask_targets


def _at_least_half(values: Tensor) -> Tensor:
    return (values >= 0.5).to(values.dtype)


def _targets(
    gt_masks: Tensor,
    boxes: Tensor,
    matches: Tensor,
    size: int = SIZE,
    *,
    crops: Callable[[Tensor, Tensor, int], Tensor] = crops_in,
    decide: Callable[[Tensor], Tensor] = _at_least_half,
    zeros: bool = True,
) -> Tensor:
    """Return the targets as the exercise does; each option changes one step."""
    found = boxes.new_zeros((len(boxes), size, size))
    if len(gt_masks) or not zeros:
        found = decide(crops(gt_masks, boxes, size)[torch.arange(len(boxes)), matches])
    if zeros:
        found[matches < 0] = 0
    return found


def _of_its_own_index(gt_masks: Tensor, boxes: Tensor, matches: Tensor, size: int = SIZE) -> Tensor:
    own = torch.where(matches < 0, matches, torch.arange(len(boxes)))
    return _targets(gt_masks, boxes, own, size)


def _without_box(gt_masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    height, width = gt_masks.shape[1:]
    return crops_in(gt_masks, boxes.new_tensor([[0, 0, width, height]]).expand(len(boxes), 4), size)


def _matched_only(gt_masks: Tensor, boxes: Tensor, matches: Tensor, size: int = SIZE) -> Tensor:
    found = matches >= 0
    return _targets(gt_masks, boxes[found], matches[found], size)


MASK_TARGETS = Exercise(
    name="mask_targets",
    reference=mask_targets,
    groups=MASK_GROUPS,
    draw=draw_mask_targets,
    misconceptions=(
        Misconception(
            "mask_of_its_own_index",
            "Box number n gets mask number n: it needs the mask of the object that it is matched "
            "with.",
            _of_its_own_index,
        ),
        Misconception(
            "nearest_pixel",
            "It takes the nearest pixel of the mask: resize with the values in between first, and "
            "compare with one half only then.",
            partial(_targets, crops=nearest_in),
        ),
        Misconception(
            "more_than_half",
            "It sets a pixel only where more than half of it is object: exactly one half counts "
            "too.",
            partial(_targets, decide=lambda values: (values > 0.5).to(values.dtype)),
        ),
        Misconception(
            "whole_image",
            "It resizes the mask of the whole image: the head sees only what is inside the box, "
            "so crop the mask to the box.",
            partial(_targets, crops=_without_box),
        ),
        Misconception(
            "last_mask_for_no_match",
            "A match of -1 picks the last mask, as a negative index does in Python: it means that "
            "there is no object, and the target is 0.",
            partial(_targets, zeros=False),
        ),
        Misconception(
            "leaves_out_boxes_without_match",
            "Boxes without an object are left out, and targets no longer stand in the rows of "
            "their boxes: such a box has a target too, of zeros.",
            _matched_only,
        ),
        Misconception(
            "x_and_y_swapped",
            XY_SWAPPED,
            before(_targets, lambda masks, boxes, *rest: (masks, xy_swapped(boxes), *rest)),
        ),
        Misconception(
            "shares_for_decisions",
            "It gives the shares that resizing leaves, such as 0.3: a target is either 0 or 1.",
            partial(_targets, decide=lambda values: values),
        ),
        Misconception(
            "box_rounded",
            "It rounds the box to whole pixels before it crops: the fraction of a pixel is what "
            "Mask R-CNN took care to keep.",
            before(_targets, lambda masks, boxes, *rest: (masks, boxes.round(), *rest)),
        ),
        Misconception(
            "takes_xywh",
            "It takes the last two numbers of a box for width and height: they are the lower "
            "right corner.",
            before(
                _targets,
                lambda masks, boxes, *rest: (
                    masks,
                    torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1),
                    *rest,
                ),
            ),
        ),
        Misconception(
            "true_and_false",
            "It returns True and False: the loss compares numbers, so turn them into 1.0 and 0.0.",
            lambda *arguments: _targets(*arguments) > 0,
        ),
        crashes_on_no_boxes(_targets),
        returns_float32(_targets),
        returns_float64(_targets),
    ),
    uses=("crop_and_resize",),
    forbidden=NO_TORCHVISION,
)
