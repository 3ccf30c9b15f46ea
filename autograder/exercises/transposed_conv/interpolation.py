"""Interpolation as a matrix for each axis: row i holds what each input pixel weighs in output i.

What people get wrong is one of three things: where an output pixel looks, whom it mixes by which
weights, and what lies beyond the border. `interpolation` puts any three together.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from autograder.exercise import Misconception

Position = Callable[[int, int, int], float]  # of output i, with the size of the input, the factor
Taps = Callable[[float], list[tuple[int, float]]]  # (pixel, weight) of those that are mixed
Border = Callable[[int, int], int | None]  # which pixel of `size` stands for one beyond; None: 0


def half_pixel(i: int, size: int, factor: int) -> float:
    return (i + 0.5) / factor - 0.5


def within(i: int, size: int, factor: int) -> float:
    return min(max(half_pixel(i, size, factor), 0), size - 1)


def no_half_pixel(i: int, size: int, factor: int) -> float:
    return i / factor


def aligned_corners(i: int, size: int, factor: int) -> float:
    return i * (size - 1) / max(size * factor - 1, 1)


def nearest(position: float) -> list[tuple[int, float]]:
    return [(math.floor(position + 0.5), 1.0)]


def linear(position: float) -> list[tuple[int, float]]:
    before = math.floor(position)
    return [(before, 1 - (position - before)), (before + 1, position - before)]


def linear_of_the_other(position: float) -> list[tuple[int, float]]:
    (before, near), (after, far) = linear(position)
    return [(before, far), (after, near)] if far else [(before, near)]


def linear_from_zero(position: float) -> list[tuple[int, float]]:
    """Return the taps where a position is cut towards 0, so that -0.25 weighs pixel 0 by 1.25."""
    before = int(position)
    return [(before, 1 - (position - before)), (before + 1, position - before)]


def cubic(a: float) -> Taps:
    return lambda position: _cubic(position, lambda d: near(d, a) if d <= 1 else far(d, a))


def cubic_near_only(a: float) -> Taps:
    return lambda position: _cubic(position, lambda d: near(d, a))


def near(d: float, a: float) -> float:
    return (a + 2) * d**3 - (a + 3) * d**2 + 1


def far(d: float, a: float) -> float:
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a


def _cubic(position: float, weight: Callable[[float], float]) -> list[tuple[int, float]]:
    before = math.floor(position)
    return [(before + k, weight(abs(position - before - k))) for k in (-1, 0, 1, 2)]


def repeats(pixel: int, size: int) -> int:
    return min(max(pixel, 0), size - 1)


def wraps(pixel: int, size: int) -> int:
    return min(pixel, size - 1) % size


def mirrors(pixel: int, size: int) -> int:
    inside = -pixel if pixel < 0 else 2 * (size - 1) - pixel if pixel >= size else pixel
    return repeats(inside, size)


def is_zero(pixel: int, size: int) -> int | None:
    return pixel if 0 <= pixel < size else None


def puts_corners_on_corners(taps: Taps) -> Misconception:
    """An answer that looks where the corners' centres of both maps coincide."""
    sentence = (
        "It puts the outermost pixels of both maps upon each other, so that the scale is not the "
        "factor: what coincides is the outer edges of the pixels."
    )
    wrong = interpolation(aligned_corners, taps, repeats)
    return Misconception("aligned_corners", sentence, wrong)


def interpolation(
    position: Position, taps: Taps, border: Border, *, renormalise: bool = False
) -> Callable[[Tensor, int], Tensor]:
    """Return an upsampling that puts three choices together."""

    @cache
    def matrix(size: int, factor: int) -> Tensor:
        rows = [[0.0] * size for _ in range(size * factor)]
        for i, row in enumerate(rows):
            for pixel, weight in taps(position(i, size, factor)):
                if (place := border(pixel, size)) is not None:
                    row[place] += weight
        weights = torch.tensor(rows, dtype=torch.float64)
        return weights / weights.sum(dim=1, keepdim=True) if renormalise else weights

    def upsample(x: Tensor, factor: int) -> Tensor:
        _, H, W = x.shape
        return (matrix(H, factor) @ x.double() @ matrix(W, factor).T).to(x.dtype)

    return upsample
