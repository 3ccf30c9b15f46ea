"""The exercise `mask_targets`."""

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, redraw
from autograder.exercises.mask_rcnn_heads.regions import (
    NO_LABELS,
    XY_SWAPPED,
    Size,
    blobs,
    boxes_over_the_edge,
    boxes_within,
    far_from,
    integers,
    xy_swapped,
)
from autograder.exercises.shared_mistakes import (
    before,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from course.cases import Group
from course.outcome import Case
from solutions.masks import mask_targets
from solutions.rcnn import crop_and_resize

SIZE = 28
IMAGE = (14, 19)  # (height, width) of the masks in most cases

GROUPS = (
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


def draw(rng: np.random.Generator) -> list[Case]:
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
    values = _crops(masks, boxes.double(), size)[own]
    right = values >= 0.5
    inside = right.flatten(1).double().mean(dim=1)
    both = bool(((inside > 0.1) & (inside < 0.9)).all())
    return both and far_from(values, 0.5) and not right.equal(_nearest(masks, boxes, size)[own] > 0)


def _as(dtype: torch.dtype, arguments: Arguments) -> Arguments:
    return arguments[0].to(dtype), *arguments[1:]


def _crops(gt_masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Return every mask in every box, [N, M, size, size], which must not be changed.

    Most misconceptions ask for the same crops, so the last answers are kept.
    """
    masks, places = gt_masks.to(torch.uint8).numpy(), boxes.numpy()
    return _crops_of(masks.tobytes(), masks.shape, places.tobytes(), places.dtype.str, size)


@lru_cache(maxsize=64)
def _crops_of(masks: bytes, shape: tuple[int, ...], boxes: bytes, dtype: str, size: int) -> Tensor:
    gt_masks = np.frombuffer(masks, np.uint8).reshape(shape).astype(dtype)
    places = torch.from_numpy(np.frombuffer(boxes, dtype).reshape(-1, 4).copy())
    return crop_and_resize(torch.from_numpy(gt_masks), places, (size, size))


def _nearest(gt_masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    _, height, width = gt_masks.shape
    bins = (torch.arange(size).to(boxes) + 0.5) / size
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    x = (x1 + bins * (x2 - x1)).floor().long().clamp(0, width - 1)  # [N, size]
    y = (y1 + bins * (y2 - y1)).floor().long().clamp(0, height - 1)
    return gt_masks.to(boxes.dtype)[:, y[:, :, None], x[:, None, :]].transpose(0, 1)


def _at_least_half(values: Tensor) -> Tensor:
    return (values >= 0.5).to(values.dtype)


def _targets(
    gt_masks: Tensor,
    boxes: Tensor,
    matches: Tensor,
    size: int = SIZE,
    *,
    crops: Callable[[Tensor, Tensor, int], Tensor] = _crops,
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
    return _crops(gt_masks, boxes.new_tensor([[0, 0, width, height]]).expand(len(boxes), 4), size)


def _matched_only(gt_masks: Tensor, boxes: Tensor, matches: Tensor, size: int = SIZE) -> Tensor:
    found = matches >= 0
    return _targets(gt_masks, boxes[found], matches[found], size)


MASK_TARGETS = Exercise(
    name="mask_targets",
    reference=mask_targets,
    groups=GROUPS,
    draw=draw,
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
            partial(_targets, crops=_nearest),
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
