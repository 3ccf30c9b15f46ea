"""Masks as text: polygons and run lengths, as COCO writes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def polygon_mask(corners: Sequence[tuple[float, float]], height: int, width: int) -> Mask:
    """Return which pixels have their centre inside of a polygon of corners (x, y), [H, W].

    A point is inside when a ray from it to the left crosses the outline an odd number of times.
    """
    flips = np.zeros((height, width + 1), dtype=np.int64)
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y1 == y2:
            continue
        low, high = min(y1, y2), max(y1, y2)
        rows = np.arange(max(_from(low), 0), min(_from(high), height))
        crossing = x1 + (rows + 0.5 - y1) * (x2 - x1) / (y2 - y1)
        np.add.at(flips, (rows, np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)), 1)
    return np.asarray(flips.cumsum(axis=1)[:, :-1] % 2, dtype=np.bool_)


def _from(edge: float) -> int:
    """Return the first row or column whose centre is not before `edge`."""
    return int(np.ceil(edge - 0.5))


def run_lengths(mask: Mask) -> list[int]:
    """Return COCO's uncompressed run lengths: down the columns, of unset and set pixels in turn."""
    pixels = np.concatenate([[False], mask.T.ravel(), [not mask.T.ravel()[-1]]])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    return [int(length) for length in np.diff(changes, prepend=0)]


def mask_of_run_lengths(counts: Sequence[int], height: int, width: int) -> Mask:
    """Return the mask [H, W] of run lengths that add up to its pixels."""
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T.copy()


def uncompressed(counts: str) -> list[int]:
    """Return the run lengths that COCO's compressed text stands for.

    Each character holds five bits of a number, lowest first, and whether more follow; from the
    fourth on, a number is the difference to the one two before.
    """
    lengths: list[int] = []
    number = shift = 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"compressed run lengths must be COCO's text, got {character!r}")
        number |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            number -= 1 << shift if bits & 16 else 0  # a negative one
            lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))
            number = shift = 0
    return lengths
