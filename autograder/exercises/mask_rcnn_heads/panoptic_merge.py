"""The exercise `panoptic_merge`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, STRICT, distinct_scores
from autograder.exercises.mask_rcnn_heads.regions import NO_LABELS, integers
from autograder.exercises.shared_mistakes import changes_its_input, crashes_on_no_boxes
from course.cases import Group
from course.outcome import Case
from solutions.panoptic import panoptic_merge

STUFF = (7, 8, 9)  # categories of the semantic map; things, 1 to 5, occur there as well
MAP = (6, 9)
Maps = tuple[Tensor, Tensor]

GROUPS = (
    Group(
        "masks apart",
        "Where a mask is, the pixel has its label and its instance; everywhere else the semantic "
        "category stays and the instance is 0.",
    ),
    Group(
        "masks over each other",
        "The mask with the higher score takes its pixels first, the next ones take what is free.",
    ),
    Group(
        "numbers of instances",
        "Instances are numbered from 1 in the order in which they are accepted, whatever the "
        "order of the input.",
    ),
    Group(
        "too little left",
        "A mask that gets fewer than min_area pixels takes none of them, and no number: they are "
        "free for the next one.",
        edge=True,
    ),
    Group("just enough left", "A mask that gets exactly min_area pixels is accepted.", edge=True),
    Group("equal scores", "Of equal scores the lower index comes first.", edge=True),
    Group("no instances", "Without instances the semantic map stays as it is.", edge=True),
    Group("types", "Both maps hold int64, whatever dtype the scores have.", True, STRICT),
)  # fmt: skip


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    A staircase has masks of 3 x 4 pixels, each over the right half of the one before.
    """
    semantic = _semantic(rng)
    nothing = torch.zeros(0, *MAP, dtype=torch.bool), torch.zeros(0), NO_LABELS
    pair = _apart(rng)
    scores = torch.tensor([0.4, 0.9], dtype=torch.float64)
    return [
        Case("masks apart", (semantic, _apart(rng), distinct_scores(rng, 2), integers([3, 3]), 2)),
        Case("masks over each other", _staircase(rng, [0.5, 0.9, 0.7], [1, 4, 2], 2)),
        Case("masks over each other", _staircase(rng, [0.6, 0.8, 0.3], [2, 2, 5], 3)),
        Case("numbers of instances", _staircase(rng, [0.2, 0.3, 0.8], [4, 1, 1], 1)),
        Case("too little left", _covered(rng, int(rng.integers(3, 5)))),
        Case("just enough left", _staircase(rng, [0.9, 0.6, 0.8], [1, 2, 3], 4)),
        Case("equal scores", _staircase(rng, [0.25, 0.25, 0.25], [2, 1, 2], 2)),
        Case("no instances", (_semantic(rng), *nothing, 4)),
        Case("types", (semantic, pair, scores, integers([2, 5]), 2)),
    ]


def _semantic(rng: np.random.Generator) -> Tensor:
    """Return a map of stuff in bands, with a patch of a thing's category."""
    categories = rng.permutation(STUFF)
    semantic = np.full(MAP, categories[0])
    semantic[: rng.integers(2, 4)] = categories[1]
    semantic[-2:, rng.integers(3, 6) :] = categories[2]
    semantic[:2, 7:] = rng.integers(1, 6)  # no mask of any case lies here
    return integers(semantic)


def _rectangles(places: Sequence[tuple[int, int, int, int]]) -> Tensor:
    """Return masks that are rectangles (top, left, height, width)."""
    masks = torch.zeros(len(places), *MAP, dtype=torch.bool)
    for mask, (top, left, height, width) in zip(masks, places, strict=True):
        mask[top : top + height, left : left + width] = True
    return masks


def _apart(rng: np.random.Generator) -> Tensor:
    top, left = rng.integers(0, 2, size=2)
    return _rectangles([(top, left, 3, 4), (top + 2, left + 5, 3, 3)])


def _staircase(
    rng: np.random.Generator, scores: list[float], labels: list[int], min_area: int
) -> tuple[Any, ...]:
    top, left = rng.integers(0, 2, size=2)
    masks = _rectangles([(top + n, left + 2 * n, 3, 4) for n in range(3)])
    return _semantic(rng), masks, torch.tensor(scores), integers(labels), min_area


def _covered(rng: np.random.Generator, min_area: int) -> tuple[Any, ...]:
    """Return masks of which the second best has min_area - 1 pixels left, which others want.

    The third best wants the same pixels and more; the fourth is apart; the last is too small.
    """
    top, left = (int(n) for n in rng.integers(0, 2, size=2))
    rest = min_area - 1
    places = [
        (top, left + 2, 1, 2 + rest),
        (top, left, 3, 4),
        (4, 0, 2, 6),
        (top, left + 3, 2, 1 + rest),
        (4, 6, 1, rest),
    ]
    scores = torch.tensor([0.8, 0.9, 0.3, 0.6, 0.2])
    return _semantic(rng), _rectangles(places), scores, integers([1, 2, 3, 4, 5]), min_area


def _merge(
    semantic: Tensor,
    masks: Tensor,
    scores: Tensor,
    labels: Tensor,
    min_area: int,
    *,
    order: Callable[[Tensor], Any] = lambda scores: scores.argsort(descending=True, stable=True),
    free: Callable[[Tensor, Tensor], Tensor] = lambda mask, taken: mask & ~taken,
    enough: Callable[[int, int, int], bool] = lambda visible, whole, least: visible >= least,
    number: Callable[[int, int, int], int] = lambda accepted, seen, index: accepted,
    blocks: bool = False,
    background: bool = True,
    writes_category: bool = True,
) -> Maps:
    """Return both maps as the exercise does; each option changes one step."""
    category = semantic.clone() if background else torch.zeros_like(semantic)
    instance, taken = torch.zeros_like(semantic), torch.zeros_like(semantic) > 0
    accepted = 0
    for seen, n in enumerate([int(n) for n in order(scores)], 1):
        visible = free(masks[n], taken)
        if enough(int(visible.sum()), int(masks[n].sum()), min_area):
            accepted += 1
            instance[visible] = number(accepted, seen, n + 1)
            if writes_category:
                category[visible] = labels[n]
        elif not blocks:
            continue
        taken |= visible
    return category, instance


def _only_things(semantic: Tensor, masks: Tensor, *rest: Any) -> Maps:
    category, instance = _merge(semantic, masks, *rest)
    return category.where(
        (instance > 0) | (category >= min(STUFF)), torch.zeros_like(category)
    ), instance


def _of_equal_scores_the_last(scores: Tensor) -> list[int]:
    return (
        scores.flip(0).argsort(descending=True, stable=True).mul(-1).add(len(scores) - 1).tolist()
    )


def _write_over(semantic: Tensor, masks: Tensor, *rest: Any) -> None:
    semantic[masks.any(dim=0)] = 0


PANOPTIC_MERGE = Exercise(
    name="panoptic_merge",
    reference=panoptic_merge,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "takes_masks_as_given",
            "It goes through the masks in the order in which they are given: the surest one comes "
            "first, so look at the scores.",
            partial(_merge, order=lambda scores: range(len(scores))),
        ),
        Misconception(
            "lowest_score_first",
            "It begins with the lowest score: the surest mask takes its pixels first.",
            partial(_merge, order=lambda scores: scores.argsort(stable=True)),
        ),
        Misconception(
            "later_ones_write_over",
            "A later mask takes pixels that are taken already: of two masks over each other the "
            "surer one keeps the pixel.",
            partial(_merge, free=lambda mask, taken: mask),
        ),
        Misconception(
            "numbers_of_the_input",
            "It numbers instances by their place in the input: they are numbered as they are "
            "accepted, so that no number is left out.",
            partial(_merge, number=lambda accepted, seen, index: index),
        ),
        Misconception(
            "numbers_of_rejected_ones",
            "A mask that is not accepted uses up a number: count only those that are.",
            partial(_merge, number=lambda accepted, seen, index: seen),
        ),
        Misconception(
            "area_of_the_whole_mask",
            "It compares the area of the whole mask with min_area: what counts is the part that "
            "is still free.",
            partial(_merge, enough=lambda visible, whole, least: whole >= least),
        ),
        Misconception(
            "ignores_min_area",
            "It accepts every mask, however little of it is left: one below min_area takes no "
            "pixels.",
            partial(_merge, enough=lambda visible, whole, least: visible > 0),
        ),
        Misconception(
            "more_than_min_area",
            "It accepts a mask only with more than min_area pixels: exactly min_area is enough.",
            partial(_merge, enough=lambda visible, whole, least: visible > least),
        ),
        Misconception(
            "rejected_ones_block",
            "A mask that is not accepted keeps its pixels from others: it leaves them free.",
            partial(_merge, blocks=True),
        ),
        Misconception(
            "stuff_is_lost",
            "Pixels without an instance become 0: panoptic segmentation labels every pixel, so "
            "the semantic category stays there.",
            partial(_merge, background=False),
        ),
        Misconception(
            "category_not_written",
            "Pixels of an instance keep their semantic category: inside a mask its label counts.",
            partial(_merge, writes_category=False),
        ),
        Misconception(
            "things_without_instance_removed",
            "It removes semantic pixels of things that no mask covers: without an instance a pixel "
            "keeps what the semantic map says, whatever that is.",
            _only_things,
        ),
        Misconception(
            "later_of_equal_scores",
            "Of masks with equal scores it takes the last one first: the lower index comes first.",
            partial(_merge, order=_of_equal_scores_the_last),
        ),
        changes_its_input(_merge, _write_over, "the semantic map was written over"),
        crashes_on_no_boxes(_merge),
    ),
    forbidden=NO_TORCHVISION,
)
