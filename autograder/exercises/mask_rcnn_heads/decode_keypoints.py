"""The exercise `decode_keypoints`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    NO_BOXES,
    NO_TORCHVISION,
    STRICT,
    quarters,
    random_boxes,
    redraw,
)
from autograder.exercises.mask_rcnn_heads.regions import logits
from autograder.exercises.shared_mistakes import (
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from course.cases import Group
from course.outcome import Case
from solutions.keypoints import decode_keypoints

AHEAD = 0.3  # how far the best bin is ahead of all others

GROUPS = (
    Group(
        "the best bin",
        "A keypoint is at the centre of its most likely bin, in the coordinates of the image.",
    ),
    Group(
        "probability",
        "The third number is the probability of that bin: softmax over the whole map.",
    ),
    Group("equal bins", "Of equally likely bins the first counts, row by row.", edge=True),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image, and its keypoints too.",
        edge=True,
    ),
    Group("56 x 56", "Maps come from the head with 56 x 56 bins.", edge=True),
    Group(
        "boxes without area",
        "In a box without area all bins lie in one place: the result has numbers, not NaN.",
        edge=True,
    ),
    Group("large logits", "Probabilities are numbers however large the logits are.", edge=True),
    Group("no boxes", "No boxes have no keypoints: the result has shape [0, P, 3].", edge=True),
    Group("types", "The result has the dtype of the logits, float32 or float64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    x, y = (float(n) for n in rng.integers(2, 20, size=2))
    flat = quarters([[x, y, x, y + 8], [x, y, x + 6, y], [x, y, x, y]])
    types = _maps(rng, 2, 2, 3), random_boxes(rng, 2)
    return [
        Case("the best bin", (_maps(rng, 3, 2, 4), random_boxes(rng, 3))),
        Case("the best bin", (_maps(rng, 2, 3, 5), random_boxes(rng, 2))),
        Case("probability", (_maps(rng, 2, 3, 4, spread=0.6), random_boxes(rng, 2))),
        Case("equal bins", (_equal(rng), random_boxes(rng, 1))),
        Case(
            "negative coordinates", (_maps(rng, 2, 2, 6), random_boxes(rng, 2, corner=(-60, -45)))
        ),
        Case("negative coordinates", (_maps(rng, 2, 2, 3), random_boxes(rng, 2, corner=(-15, -5)))),
        Case("56 x 56", (_maps(rng, 1, 1, 56), random_boxes(rng, 1))),
        Case("boxes without area", (_maps(rng, 3, 2, 4), flat)),
        Case("large logits", (_maps(rng, 1, 3, 4, spread=150.0), random_boxes(rng, 1))),
        Case("no boxes", (torch.zeros(0, 5, 6, 6), NO_BOXES)),
        Case("types", types),
        Case("types", (types[0].double(), types[1].double())),
    ]


def _maps(
    rng: np.random.Generator, regions: int, keypoints: int, side: int, *, spread: float = 2.0
) -> Tensor:
    """Return maps whose best bins are clear, some of them in a row that is not its column."""

    def fits(maps: Tensor) -> bool:
        best = maps.flatten(2).topk(2, dim=2)
        off = best.indices[..., 0] // side != best.indices[..., 0] % side
        return bool((best.values[..., 0] - best.values[..., 1] > AHEAD).all() and off.any())

    def make() -> Tensor:
        maps = logits(rng, regions, keypoints, side, side, spread=spread)
        best = maps.flatten(2).argmax(dim=2, keepdim=True)
        return (
            maps.flatten(2)
            .scatter_add(2, best, maps.new_full(best.shape, AHEAD + 0.1))
            .view_as(maps)
        )

    return redraw(make, fits)


def _equal(rng: np.random.Generator) -> Tensor:
    """Return maps with two or all bins equal."""
    first, second = np.sort(rng.choice(16, size=2, replace=False))
    maps = torch.zeros(1, 3, 16)
    maps[0, 0, [int(first), int(second)]] = 2.5
    maps[0, 1, [3, 12]] = 1.5  # in columns 3 and 0: first is a matter of rows
    return maps.reshape(1, 3, 4, 4)


def _best(flat: Tensor) -> Tensor:
    return flat.argmax(dim=2)


def _last_best(flat: Tensor) -> Tensor:
    return flat.shape[2] - 1 - flat.flip(2).argmax(dim=2)


def _softmax(flat: Tensor, best: Tensor) -> Tensor:
    return flat.softmax(dim=2).gather(2, best[:, :, None])[:, :, 0]


def _sigmoid(flat: Tensor, best: Tensor) -> Tensor:
    return _logit(flat, best).sigmoid()


def _logit(flat: Tensor, best: Tensor) -> Tensor:
    return flat.gather(2, best[:, :, None])[:, :, 0]


def _decode(
    logits: Tensor,
    boxes: Tensor,
    *,
    choose: Callable[[Tensor], Tensor] = _best,
    score: Callable[[Tensor, Tensor], Tensor] = _softmax,
    centre: float = 0.5,
    steps: int = 0,
    by_column: bool = False,
    origin: bool = True,
    scaled: bool = True,
) -> Tensor:
    """Return x, y and probability as the exercise does; each option changes one step."""
    _, _, rows, columns = logits.shape
    flat = logits.flatten(2)
    best = choose(flat)
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    column, row = best % columns + centre, best // columns + centre
    if by_column:
        column, row = row, column
    x, y = column / (columns - steps), row / (rows - steps)
    if not scaled:
        return torch.stack([column + 0 * x, row + 0 * y, score(flat, best)], dim=2).to(logits.dtype)
    x, y = x * (x2 - x1), y * (y2 - y1)
    return torch.stack([x + x1 * origin, y + y1 * origin, score(flat, best)], dim=2)


def _mean_place(logits: Tensor, boxes: Tensor) -> Tensor:
    _, _, rows, columns = logits.shape
    chance = logits.flatten(2).softmax(dim=2).view_as(logits)
    x = (chance.sum(dim=2) * (torch.arange(columns) + 0.5)).sum(dim=2) / columns
    y = (chance.sum(dim=3) * (torch.arange(rows) + 0.5)).sum(dim=2) / rows
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    best = _softmax(logits.flatten(2), _best(logits.flatten(2)))
    return torch.stack([x1 + x * (x2 - x1), y1 + y * (y2 - y1), best], dim=2).to(logits.dtype)


def _maps_compete(flat: Tensor, best: Tensor) -> Tensor:
    shared = flat.flatten(1).softmax(dim=1).view_as(flat)
    return shared.gather(2, best[:, :, None])[:, :, 0]


def _unstable(flat: Tensor, best: Tensor) -> Tensor:
    powers = flat.exp()
    return (powers / powers.sum(dim=2, keepdim=True)).gather(2, best[:, :, None])[:, :, 0]


DECODE_KEYPOINTS = Exercise(
    name="decode_keypoints",
    reference=decode_keypoints,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "corner_of_the_bin",
            "It returns the bin's upper left corner, half a bin off on average: the centre of the "
            "bin is the best guess.",
            partial(_decode, centre=0.0),
        ),
        Misconception(
            "x_and_y_swapped",
            "It takes the row for x: the row goes with y and the height, the column with x and "
            "the width.",
            partial(_decode, by_column=True),
        ),
        Misconception(
            "bins_as_points",
            "It spreads the bins as points from edge to edge of the box, with one step less than "
            "there are bins: bins are stretches of equal width.",
            partial(_decode, centre=0.0, steps=1),
        ),
        Misconception(
            "inside_the_box",
            "It measures from the corner of the box: add the corner, to have coordinates in the "
            "image.",
            partial(_decode, origin=False),
        ),
        Misconception(
            "in_bins",
            "It returns the place in bins: turn it into pixels of the image with the box.",
            partial(_decode, scaled=False),
        ),
        Misconception(
            "mean_place",
            "It returns the mean of all places, weighted by their probability: with two likely "
            "places that is one between them, where nothing is. Take the most likely bin.",
            _mean_place,
        ),
        Misconception(
            "sigmoid_for_softmax",
            "Its probability is the sigmoid of the logit: the bins compete, so it is the softmax "
            "over the map.",
            partial(_decode, score=_sigmoid),
        ),
        Misconception(
            "logit_for_probability",
            "It returns the logit itself: the third number is a probability, after softmax.",
            partial(_decode, score=_logit),
        ),
        Misconception(
            "maps_compete",
            "It takes the softmax over all maps of a region together: each keypoint has a choice "
            "of its own.",
            partial(_decode, score=_maps_compete),
        ),
        Misconception(
            "last_of_equals",
            "Of equally likely bins it takes the last: the first counts.",
            partial(_decode, choose=_last_best),
        ),
        Misconception(
            "overflows",
            "It divides powers of e, which are infinite for large logits: subtract the largest "
            "logit first, as a softmax that is ready-made does.",
            partial(_decode, score=_unstable),
        ),
        crashes_on_no_boxes(_decode),
        returns_float32(_decode),
        returns_float64(_decode),
    ),
    forbidden=NO_TORCHVISION,
)
