"""How masks are pasted, step by step, for the cases of `paste_masks` and its misconceptions."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograder.exercises.mask_rcnn_heads.regions import Size

THRESHOLD = 0.5
Array = NDArray[Any]

# The steps of the exercise, in which misconceptions change one each. Pixels are looked at all at
# once: a box has rows and columns, and the mask a value for each pair of them. In numpy, which
# takes half the time for so few numbers.


def _axis(
    low: Array,
    high: Array,
    cells: int,
    count: int,
    *,
    centre: float = 0.5,
    last: bool = False,
    corners: bool = False,
) -> tuple[Array, Array]:
    """Return where each of `count` pixels lies in the cells of each box, and whether it is inside.

    Both are [N, count]. `corners` puts the outermost cells' centres on the edges of the box.
    """
    at = np.arange(count, dtype=low.dtype) + low.dtype.type(centre)
    length = np.where(high > low, high - low, 1)
    share = (at - low) / length
    inside = (at >= low) & ((at <= high) if last else (at < high))
    return share * (cells - 1) if corners else share * cells - 0.5, inside


def _weights(at: Array, cells: int, *, nearest: bool = False, fades: bool = False) -> Array:
    """Return what each cell counts for each pixel, [N, count, cells]."""
    if nearest:
        at = np.floor(at + 0.5)
    if not fades:
        at = at.clip(0, cells - 1)
    distance = np.abs(at[:, :, None] - np.arange(cells, dtype=at.dtype))
    weights: Array = (1 - distance).clip(min=0)
    return weights


def values_at(
    probabilities: Tensor,
    boxes: Tensor,
    image_size: Size,
    *,
    nearest: bool = False,
    fades: bool = False,
    **options: Any,
) -> Tensor:
    """Return the mask's value at each pixel, [N, H, W]; -1 outside the box."""
    _, h, w = probabilities.shape
    x1, y1, x2, y2 = boxes.numpy().T[:, :, None]  # [N, 1] each
    x, in_columns = _axis(x1, x2, w, image_size[1], **options)
    y, in_rows = _axis(y1, y2, h, image_size[0], **options)
    down = _weights(y, h, nearest=nearest, fades=fades)
    across = _weights(x, w, nearest=nearest, fades=fades)
    values = down @ probabilities.numpy() @ across.transpose(0, 2, 1)
    inside = in_rows[:, :, None] & in_columns[:, None]
    return torch.from_numpy(np.where(inside, values, values.dtype.type(-1)))


def squeezed(
    probabilities: Tensor, boxes: Tensor, image_size: Size, *threshold: float
) -> tuple[Any, ...]:
    height, width = image_size
    limits = boxes.new_tensor([width, height, width, height])
    return probabilities, boxes.clamp(min=0).minimum(limits), image_size, *threshold
