"""The cases of the exercise `propose`.

Sides of clipped boxes keep clear of `min_size` and overlaps of the threshold, except where a tie is
what a group is about: there transforms are 0 and all numbers are quarters.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import (
    NO_BOXES,
    STRICT,
    boxes_apart,
    pair_with_iou,
    piles,
    quarters,
    random_boxes,
    shuffled,
)
from autograder.exercises.rpn.proposing import (
    ALL,
    HEIGHT,
    MANY,
    WIDTH,
    arguments,
    by_probability,
    drawn,
    later_of_equals,
)
from course.cases import Group
from course.outcome import Case

PROPOSE_GROUPS = (
    Group(
        "anchors apart",
        "An anchor's transforms make it a box. Boxes come by falling logit, each with the sigmoid "
        "of its logit as score.",
    ),
    Group(
        "overlapping boxes",
        "Non-maximum suppression leaves one box of those that overlap by more than the threshold.",
    ),
    Group(
        "beyond the image",
        "Boxes are cut to the image: x to its width, y to its height.",
    ),
    Group("overlap inside the image", "Boxes are clipped first, and then suppressed.", edge=True),
    Group("small boxes", "A box with a side below min_size is dropped.", edge=True),
    Group(
        "small inside the image", "Sides are measured after the box has been clipped.", edge=True
    ),
    Group("a side equal to min_size", "A side that equals min_size is large enough.", edge=True),
    Group(
        "pre_nms_top_n",
        "Only the pre_nms_top_n best anchors take part; then small boxes are dropped.",
        edge=True,
    ),
    Group("top_n", "Of what suppression leaves, the top_n best are returned.", edge=True),
    Group("thresholds", "The threshold is given; a box whose overlap equals it stays.", edge=True),
    Group("defaults", "Without options the IoU threshold is 0.7 and min_size 1.", edge=True),
    Group(
        "large logits",
        "Logits that differ may have equal probabilities, 1 or 0: the logit decides the order.",
        edge=True,
    ),
    Group("equal logits", "Of equal logits the lower index comes first.", edge=True),
    Group(
        "nothing left",
        "Where all boxes are too small or outside the image, both results are empty.",
        edge=True,
    ),
    Group("no anchors", "Without anchors both results are empty: [0, 4] and [0].", edge=True),
    Group("types", "Both results have the dtype of the input, float32 or float64.", True, STRICT),
)
NO_LOGITS = torch.zeros(0)


def draw_propose(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    single = piled(rng, "types", (3, 2))
    double = (*(part.double() for part in single.arguments[:3]), *single.arguments[3:])
    return [
        apart(rng, "anchors apart", 4),
        apart(rng, "anchors apart", 6, MANY, ALL, 0.6, 1.0),
        piled(rng, "overlapping boxes", (3, 3)),
        piled(rng, "overlapping boxes", (4, 3, 2)),
        beyond_the_image(rng),
        overlap_inside(rng),
        small_boxes(rng),
        small_inside(rng),
        side_equal_to_min_size(rng),
        some_small(rng),
        apart(rng, "pre_nms_top_n", 6, int(rng.integers(2, 5)), ALL, 0.5, 1.0),
        top_n(rng),
        threshold_met(rng),
        piled(rng, "thresholds", (4, 3), threshold=float(rng.choice([0.2, 0.3]))),
        defaults(rng),
        large_logits(rng),
        equal_logits(rng),
        Case("nothing left", nothing_left(rng)),
        Case("no anchors", (NO_LOGITS, NO_BOXES, NO_BOXES, (HEIGHT, WIDTH))),
        single,
        Case("types", double),
    ]


def apart(rng: np.random.Generator, group: str, count: int, *options: Any) -> Case:
    """Return boxes that do not overlap, in the image."""
    return drawn(group, lambda: arguments(rng, boxes_apart(rng, count) + 20, *options))


def piled(
    rng: np.random.Generator, group: str, counts: Sequence[int], threshold: float = 0.5
) -> Case:
    """Return piles of boxes in the image, of which some suppress others."""
    options = (MANY, ALL, threshold, 1.0)
    return drawn(
        group,
        lambda: arguments(rng, piles(rng, counts) + 20, *options),
        {"order": ("best", "clip", "large", "limit")},
    )


def beyond_the_image(rng: np.random.Generator) -> Case:
    """Return boxes over each side of the image and over two corners."""
    places = np.array([[0, 60], [90, 0], [240, 50], [90, 120], [0, 0], [240, 120]])

    def make() -> tuple[Any, ...]:
        centres = places + rng.uniform(-6, 6, size=(6, 2))
        half = rng.uniform(12, 20, size=(6, 2))
        anchors = quarters(np.hstack([centres - half, centres + half]))
        return arguments(rng, shuffled(rng, anchors), image_size=(120, 240))

    return drawn("beyond the image", make)


def overlap_inside(rng: np.random.Generator) -> Case:
    """Return a pair that overlaps much in the image and little as a whole, and one the other way
    round."""
    y, z, width = quarters(rng.uniform([10, 70, 18], [30, 90, 24])).tolist()
    anchors = quarters(
        [
            [-40, y, width, y + 30],
            [-2, y, width + 1, y + 30],
            [-80, z, width, z + 30],
            [-80, z, width / 2, z + 30],
        ]
    )
    return drawn(
        "overlap inside the image",
        lambda: arguments(rng, shuffled(rng, anchors), still=True),
        {"order": ("best", "suppress", "clip", "large", "limit")},
    )


def sized(rng: np.random.Generator, sides: Any) -> Tensor:
    """Return boxes of these (width, height), apart from each other."""
    corners = boxes_apart(rng, len(sides))[:, :2] + 20
    return torch.cat([corners, corners + quarters(sides)], dim=1)


def small_boxes(rng: np.random.Generator) -> Case:
    """Return boxes with one small side, and a small one that would suppress a larger."""
    least = float(rng.integers(8, 13))
    anchors = sized(rng, [[30, least - 1], [least - 2, 28], [least + 1, 30], [40, 30], [3, 4]])
    anchors = torch.cat([anchors, anchors[2:3] - quarters([0, 0, 1.5, 0])])
    options = (MANY, ALL, 0.7, least)
    return drawn(
        "small boxes",
        lambda: arguments(rng, shuffled(rng, anchors), *options, still=True),
        {"order": ("best", "clip", "suppress", "large", "limit")},
    )


def small_inside(rng: np.random.Generator) -> Case:
    """Return boxes of which little is in the image, to the right of it and below."""
    least = float(rng.integers(8, 13))
    a, b = quarters(rng.uniform(2, 6, size=2)).tolist()
    anchors = quarters(
        [
            [WIDTH - a, 20, WIDTH + 30, 50],
            [50, HEIGHT - b, 90, HEIGHT + 20],
            [WIDTH - 30, 90, WIDTH + 20, 120],
            [150, 60, 190, 100],
        ]
    )
    anchors = shuffled(rng, anchors)
    return drawn(
        "small inside the image",
        lambda: arguments(rng, anchors, MANY, ALL, 0.5, least, still=True),
    )


def side_equal_to_min_size(rng: np.random.Generator) -> Case:
    """Return boxes with a side of exactly min_size, one of them only after it has been clipped."""
    least = float(rng.integers(8, 13))
    anchors = sized(rng, [[least, 30], [24, least], [least - 0.25, 30], [30, 26]])
    anchors = torch.cat([anchors, quarters([[-12, 130, least, 160]])])
    return Case(
        "a side equal to min_size",
        arguments(rng, shuffled(rng, anchors), MANY, ALL, 0.5, least, still=True),
    )


def some_small(rng: np.random.Generator) -> Case:
    """Return boxes of which a small one is among the best."""
    anchors = shuffled(rng, sized(rng, [[30, 30], [24, 36], [4, 30], [40, 20], [28, 30]]))
    return drawn(
        "pre_nms_top_n",
        lambda: arguments(rng, anchors, 3, ALL, 0.5, 8.0, still=True),
        {"order": ("clip", "large", "best", "suppress", "limit")},
    )


def top_n(rng: np.random.Generator) -> Case:
    """Return piles whose best boxes are not all kept."""
    return drawn(
        "top_n",
        lambda: arguments(rng, piles(rng, (3, 3, 2)) + 20, MANY, 2, 0.3, 1.0),
        {"order": ("best", "clip", "large", "limit", "suppress")},
        {"order": ("best", "clip", "large", "suppress")},
    )


def threshold_met(rng: np.random.Generator) -> Case:
    """Return two pairs of boxes that overlap by exactly the threshold."""
    iou = float(rng.choice([0.25, 0.5, 0.75]))
    anchors = torch.cat([pair_with_iou(rng, iou), pair_with_iou(rng, iou, x=80)])
    return Case("thresholds", arguments(rng, anchors, MANY, ALL, iou, 1.0, still=True))


def defaults(rng: np.random.Generator) -> Case:
    """Return boxes that overlap by a little less and a little more than 0.7, and small ones."""
    anchors = sized(rng, [[40, 30], [30, 40], [0.75, 20], [20, 1.25], [1.25, 1.5]])
    near = anchors[:2] - quarters([[0, 0, 13, 0], [0, 0, 0, 10]])
    anchors = shuffled(rng, torch.cat([anchors, near]))
    return drawn("defaults", lambda: arguments(rng, anchors, still=True))


def large_logits(rng: np.random.Generator) -> Case:
    """Return logits with equal probabilities in float32, on both ends."""
    values = torch.tensor([20.0, 30, 45, 90, -110, -140])

    def make() -> tuple[Any, ...]:
        return arguments(rng, boxes_apart(rng, 6) + 20, objectness=shuffled(rng, values))

    return drawn("large logits", make, {"rank": by_probability, "suppress_by": by_probability})


def equal_logits(rng: np.random.Generator) -> Case:
    """Return overlapping boxes with few different logits."""
    values = torch.tensor(np.resize([1.5, -0.25], 6), dtype=torch.float32)

    def make() -> tuple[Any, ...]:
        objectness = shuffled(rng, values)
        return arguments(rng, piles(rng, (3, 3)) + 20, 4, ALL, 0.4, 1.0, objectness=objectness)

    return drawn("equal logits", make, {"rank": later_of_equals, "suppress_by": later_of_equals})


def nothing_left(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return boxes outside the image, and small ones."""
    outside = random_boxes(rng, 2) + torch.tensor([[WIDTH, 0, WIDTH, 0], [0, -300, 0, -300]])
    small = sized(rng, [[3, 30], [40, 5]])
    return arguments(rng, torch.cat([outside, small]), MANY, ALL, 0.5, 8.0, still=True)
