"""How an RPN's outputs become proposals, step by step, so that a step can be changed or moved.

The cases of `propose` are drawn, and its misconceptions written, with it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import clear_of, overlap_table, redraw
from autograder.exercises.nms.greedy_nms import best_first, greedy
from course.outcome import Case

Array = np.ndarray
Size = tuple[int, int]
Proposals = tuple[Tensor, Tensor]

ORDER = ("best", "clip", "large", "suppress", "limit")
LIMIT = math.log(1000 / 16)
HEIGHT, WIDTH = 240, 340  # of the images
MANY, ALL = 2000, 300  # pre_nms_top_n and top_n when they do not matter
DEFAULTS = (MANY, ALL, 0.7, 1.0)


def decoded(anchors: Array, transforms: Array) -> Array:
    """Return boxes as decode_boxes does."""
    corner, end = anchors[:, :2], anchors[:, 2:]
    centre = (corner + end) / 2 + (end - corner) * transforms[:, :2]
    half = (end - corner) / 2 * np.exp(np.minimum(transforms[:, 2:], LIMIT))
    return np.hstack([centre - half, centre + half])


def clipped(boxes: Array, image_size: Size) -> Array:
    """Return boxes cut to an image of (height, width)."""
    height, width = image_size
    limited: Array = np.minimum(boxes.clip(min=0), [width, height, width, height])
    return limited


def both_sides(width: float, height: float, min_size: float) -> bool:
    """Return whether a box is large enough."""
    return min(width, height) >= min_size


def steps(
    objectness: Tensor,
    transforms: Tensor,
    anchors: Tensor,
    image_size: Size,
    pre_nms_top_n: int = MANY,
    top_n: int = ALL,
    iou_threshold: float = 0.7,
    min_size: float = 1.0,
    *,
    order: Sequence[str] = ORDER,
    rank: Callable[[Tensor], list[int]] = best_first,
    decode: Callable[[Array, Array], Array] = decoded,
    clip: Callable[[Array, Size], Array] = clipped,
    large: Callable[[float, float, float], bool] = both_sides,
    squash: Callable[[Tensor], Tensor] = torch.sigmoid,
    last: Callable[[list[int]], list[int]] = list,
    suppress_by: Callable[[Tensor], list[int]] = best_first,
) -> Proposals:
    """Return proposals; each option changes one step, and `order` moves or leaves out some."""
    boxes = decode(anchors.double().numpy(), transforms.double().numpy())
    left = rank(objectness)
    for step in order:
        match step:
            case "best":
                left = left[:pre_nms_top_n]
            case "clip":
                boxes = clip(boxes, image_size)
            case "large":
                width, height = (boxes[:, 2:] - boxes[:, :2]).T.tolist()
                left = [i for i in left if large(width[i], height[i], min_size)]
            case "suppress":
                left = _suppressed(objectness, boxes, left, iou_threshold, suppress_by)
            case "limit":
                left = left[:top_n]
    found = torch.tensor(last(left), dtype=torch.int64)
    return torch.from_numpy(boxes).to(anchors)[found], squash(objectness[found])


def _suppressed(
    objectness: Tensor,
    boxes: Array,
    left: list[int],
    threshold: float,
    rank: Callable[[Tensor], list[int]],
) -> list[int]:
    """Return what NMS keeps of the boxes that are left, best first."""
    chosen = torch.tensor(left, dtype=torch.int64)
    iou = overlap_table(torch.from_numpy(boxes)[chosen])
    kept = greedy(rank(objectness[chosen]), lambda i, j: iou[i][j] > threshold)
    return [left[i] for i in kept]


def by_probability(logits: Tensor) -> list[int]:
    """Return the indices by falling probability, which is equal for large logits."""
    return best_first(logits.sigmoid())


def later_of_equals(logits: Tensor) -> list[int]:
    """Return the indices by falling logit, of equal ones the higher first."""
    return best_first(-logits)[::-1]


def tells(case: Sequence[Any], **options: Any) -> bool:
    """Return whether the result of a case changes with these options of `steps`."""
    boxes, scores = steps(*case)
    others, other_scores = steps(*case, **options)
    same_size = boxes.shape == others.shape and scores.shape == other_scores.shape
    return not (
        same_size and torch.allclose(boxes, others) and torch.allclose(scores, other_scores)
    )


def logits(rng: np.random.Generator, count: int) -> Tensor:
    """Return different logits of both signs, in random order."""
    values = rng.choice(np.arange(-24, 32), size=count, replace=False) / 8
    return torch.tensor(values, dtype=torch.float32)


def small_moves(rng: np.random.Generator, count: int) -> Tensor:
    """Return transforms that move and stretch boxes a little, in sixteenths."""
    return torch.tensor(rng.integers(-4, 5, size=(count, 4)) / 16, dtype=torch.float32)


def arguments(
    rng: np.random.Generator,
    anchors: Tensor,
    *options: Any,
    still: bool = False,
    objectness: Tensor | None = None,
    image_size: Size = (HEIGHT, WIDTH),
) -> tuple[Any, ...]:
    """Return arguments for these anchors; `still`: transforms that leave them as they are."""
    count = len(anchors)
    transforms = torch.zeros(count, 4) if still else small_moves(rng, count)
    given = logits(rng, count) if objectness is None else objectness
    return (given, transforms, anchors, image_size, *options)


def is_clear(case: Sequence[Any]) -> bool:
    """Return whether no overlap is near the threshold and no side near min_size."""
    _, transforms, anchors, image_size, *options = case
    threshold, min_size = options[2:] or DEFAULTS[2:]
    boxes = clipped(decoded(anchors.double().numpy(), transforms.double().numpy()), image_size)
    sides = boxes[:, 2:] - boxes[:, :2]
    return bool((abs(sides - min_size) > 0.01).all()) and clear_of(
        torch.from_numpy(boxes), threshold
    )


def drawn(group: str, make: Callable[[], tuple[Any, ...]], *told: dict[str, Any]) -> Case:
    """Return a case that is clear, and whose result changes with each of these options."""

    def fits(case: tuple[Any, ...]) -> bool:
        return is_clear(case) and all(tells(case, **options) for options in told)

    return Case(group, redraw(make, fits))
