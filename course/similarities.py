"""How alike two regions are, by simple rules: `group_regions` is tried with these.

Each takes (box_a, size_a, box_b, size_b). Boxes and sizes may be tensors, arrays, lists or numbers,
whatever a caller keeps them in; the result is a float. All are symmetric to the bit.
"""

from collections.abc import Sequence
from typing import Any


def area_around(box_a: Any, box_b: Any) -> float:
    """Return the area of the box around two boxes."""
    a, b = [float(x) for x in box_a], [float(x) for x in box_b]
    width, height = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    return width * height


def smaller_first(box_a: Any, size_a: Any, box_b: Any, size_b: Any) -> float:
    """Return minus the size of both together: the smallest pair is the most alike."""
    return -(float(size_a) + float(size_b))


def closer_first(box_a: Any, size_a: Any, box_b: Any, size_b: Any) -> float:
    """Return minus the area of the box around both: the pair that needs the least is most alike."""
    return -area_around(box_a, box_b)


def fitting_first(box_a: Any, size_a: Any, box_b: Any, size_b: Any) -> float:
    """Return minus the gap that both leave free in the box around them."""
    return float(size_a) + float(size_b) - area_around(box_a, box_b)


def common_contents(box_a: Any, size_a: Any, box_b: Any, size_b: Any) -> float:
    """Return how much two rows of quantities have in common, as shares of their sums, 0 to 1."""
    a, b = _shares(size_a), _shares(size_b)
    return sum(min(x, y) for x, y in zip(a, b, strict=True))


def all_alike(box_a: Any, size_a: Any, box_b: Any, size_b: Any) -> float:
    """Return 1 for every pair."""
    return 1.0


def _shares(row: Sequence[Any]) -> list[float]:
    values = [float(x) for x in row]
    total = sum(values)
    return [value / total for value in values]
