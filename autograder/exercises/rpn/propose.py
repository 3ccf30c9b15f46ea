"""The exercise `propose`."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.nms.greedy_nms import LATER_OF_EQUALS, best_first
from autograder.exercises.rpn.propose_cases import PROPOSE_GROUPS, draw_propose
from autograder.exercises.rpn.proposing import (
    Array,
    Proposals,
    Size,
    by_probability,
    clipped,
    decoded,
    later_of_equals,
    steps,
)
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
    with_argument,
)
from solutions.rpn import propose


def _transforms_not_reordered(
    objectness: Tensor, transforms: Tensor, anchors: Tensor, *rest: Any
) -> Proposals:
    """The sorted anchors go with the transforms as given."""
    order = torch.tensor(best_first(objectness), dtype=torch.int64)
    return steps(objectness[order], transforms, anchors[order], *rest)


def _clip_turned(boxes: Array, image_size: Size) -> Array:
    return clipped(boxes, (image_size[1], image_size[0]))


def _clip_to_the_last_pixel(boxes: Array, image_size: Size) -> Array:
    return clipped(boxes, (image_size[0] - 1, image_size[1] - 1))


def _drops_what_crosses(
    objectness: Tensor, transforms: Tensor, anchors: Tensor, image_size: Size, *rest: Any
) -> Proposals:
    boxes = decoded(anchors.double().numpy(), transforms.double().numpy())
    inside = torch.from_numpy(np.isclose(boxes, clipped(boxes, image_size)).all(axis=1))
    return steps(objectness[inside], transforms[inside], anchors[inside], image_size, *rest)


def _softmax(logits: Tensor) -> Tensor:
    return logits.softmax(dim=0)


def _fails_on_nothing(*arguments: Any) -> Proposals:
    boxes, scores = steps(*arguments)
    if len(arguments[0]) and not len(boxes):
        raise IndexError("nothing to take a maximum of")
    return boxes, scores


def _squash_in_place(objectness: Tensor, *rest: Any) -> None:
    objectness.sigmoid_()


PROPOSE = Exercise(
    name="propose",
    reference=propose,
    groups=PROPOSE_GROUPS,
    draw=draw_propose,
    misconceptions=(
        Misconception(
            "orders_by_probability",
            "It turns logits into probabilities before it sorts: large ones all become 1, and the "
            "order among them is lost. Sort by logit.",
            partial(steps, rank=by_probability, suppress_by=by_probability),
        ),
        Misconception(
            "worst_first",
            "It begins with the lowest logits: the best anchors have the highest.",
            lambda objectness, *rest: steps(
                -objectness, *rest, squash=lambda logits: (-logits).sigmoid()
            ),
        ),
        Misconception(
            "first_anchors_for_the_best",
            "It takes the first anchors of the list: the pre_nms_top_n best are those with the "
            "highest logits.",
            partial(steps, rank=lambda logits: list(range(len(logits)))),
        ),
        Misconception(
            "sorted_by_index",
            "The right boxes come in the order of the anchors: return them best first.",
            partial(steps, last=sorted),
        ),
        Misconception(
            "later_of_equal_logits",
            LATER_OF_EQUALS,
            partial(steps, rank=later_of_equals, suppress_by=later_of_equals),
        ),
        Misconception(
            "transforms_not_reordered",
            "It sorts the anchors but not their transforms, so that anchors are moved by those of "
            "others: everything that belongs to an anchor goes along.",
            _transforms_not_reordered,
        ),
        Misconception(
            "anchors_as_they_are",
            "It returns anchors: their transforms make them boxes.",
            partial(steps, decode=lambda anchors, transforms: anchors),
        ),
        Misconception(
            "returns_logits",
            "Its scores are logits: return probabilities, the sigmoid of each.",
            partial(steps, squash=lambda logits: logits),
        ),
        Misconception(
            "softmax_over_the_anchors",
            "It applies softmax to the logits of all anchors: each anchor is a question of its "
            "own, so apply the sigmoid to each.",
            partial(steps, squash=_softmax),
        ),
        Misconception(
            "does_not_clip",
            "Boxes reach beyond the image: cut them to it.",
            partial(steps, order=("best", "large", "suppress", "limit")),
        ),
        Misconception(
            "height_and_width_swapped",
            "It cuts x at the height and y at the width: an image's size is (height, width).",
            partial(steps, clip=_clip_turned),
        ),
        Misconception(
            "clips_to_the_last_pixel",
            "It cuts boxes at width - 1 and height - 1: coordinates are continuous, and the image "
            "ends at its width and its height.",
            partial(steps, clip=_clip_to_the_last_pixel),
        ),
        Misconception(
            "drops_boxes_beyond_the_image",
            "It drops boxes that cross the border of the image: they are cut to it and stay.",
            _drops_what_crosses,
        ),
        Misconception(
            "suppresses_before_it_clips",
            "It suppresses boxes and clips them then: what overlaps is decided inside the image.",
            partial(steps, order=("best", "suppress", "clip", "large", "limit")),
        ),
        Misconception(
            "measures_before_it_clips",
            "It drops small boxes and clips then: a large box may have little of it in the image.",
            partial(steps, order=("best", "large", "clip", "suppress", "limit")),
        ),
        Misconception(
            "measures_before_it_takes_the_best",
            "It drops small boxes before it takes the pre_nms_top_n best, so that others move up: "
            "the best are taken first.",
            partial(steps, order=("clip", "large", "best", "suppress", "limit")),
        ),
        Misconception(
            "measures_after_suppression",
            "It drops small boxes last: before that they have suppressed others, so drop them "
            "first.",
            partial(steps, order=("best", "clip", "suppress", "large", "limit")),
        ),
        Misconception(
            "limits_before_suppression",
            "It takes the top_n best before suppression, which then leaves fewer: take them from "
            "what it leaves.",
            partial(steps, order=("best", "clip", "large", "limit", "suppress")),
        ),
        Misconception(
            "does_not_suppress",
            "Many boxes of one object are left: suppress those that overlap a better one.",
            partial(steps, order=("best", "clip", "large", "limit")),
        ),
        Misconception(
            "keeps_small_boxes",
            "It keeps boxes of any size: those with a side below min_size are dropped.",
            partial(steps, order=("best", "clip", "suppress", "limit")),
        ),
        Misconception(
            "greater_than_min_size",
            "It drops a box whose side equals min_size: it is large enough.",
            partial(steps, large=lambda width, height, least: min(width, height) > least),
        ),
        Misconception(
            "one_large_side",
            "It keeps a box with one large side: both sides are at least min_size.",
            partial(steps, large=lambda width, height, least: max(width, height) >= least),
        ),
        Misconception(
            "area_for_sides",
            "It compares the area with the square of min_size, which a long thin box passes: both "
            "sides are at least min_size.",
            partial(steps, large=lambda width, height, least: width * height >= least**2),
        ),
        Misconception(
            "all_anchors_take_part",
            "All anchors take part in suppression: only the pre_nms_top_n best do.",
            partial(steps, order=("clip", "large", "suppress", "limit")),
        ),
        Misconception(
            "returns_all",
            "It returns all that suppression leaves: return the top_n best of them.",
            partial(steps, order=("best", "clip", "large", "suppress")),
        ),
        Misconception(
            "ignores_the_threshold",
            "It suppresses at 0.7 whatever threshold is given: use the argument.",
            with_argument(steps, 6, lambda threshold: 0.7),
        ),
        Misconception(
            "ignores_min_size",
            "It drops sides below 1 whatever min_size is given: use the argument.",
            with_argument(steps, 7, lambda min_size: 1.0),
        ),
        Misconception(
            "fails_when_nothing_is_left",
            "It fails when no box is left to suppress: the result is empty then.",
            _fails_on_nothing,
        ),
        changes_its_input(steps, _squash_in_place, "logits were turned into probabilities"),
        crashes_on_no_boxes(steps),
        returns_float32(steps),
        returns_float64(steps),
    ),
    uses=("nms", "decode_boxes"),
    forbidden=NO_TORCHVISION,
)
