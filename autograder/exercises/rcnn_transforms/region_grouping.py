"""Grouping of regions with every step exchangeable: what right and wrong answers are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Box = list[float]
Size = Any  # a number, or a list of numbers
Pair = tuple[int, int]
Pairs = list[Pair]
Similarity = Callable[[Box, Size, Box, Size], float]


def around(a: Box, b: Box) -> Box:
    """Return the box around both."""
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


def total(a: Size, b: Size) -> Size:
    """Return the sum of two sizes, entry by entry where they are rows."""
    return [x + y for x, y in zip(a, b, strict=True)] if isinstance(a, list) else a + b


def in_order(pair: Sequence[int]) -> Pair:
    """Return the pair with its lower index first."""
    return min(pair), max(pair)


@dataclass(frozen=True)
class Grouping:
    """Grouping with exchangeable steps, over lists: build calls it some thousand times.

    `rank` orders pairs by their similarity, their indices and the names of the regions; a merger
    has the lower name of its two. `inherit` says from its similarities to two merged regions, and
    a new one, how similar a neighbour is to the merger, or None where it is no neighbour.
    """

    rank: Callable[[float, Pair, list[int]], Any] = lambda likeness, pair, names: (-likeness, pair)
    box: Callable[[Box, Box], Box] = around
    size: Callable[[Size, Size, Box], Size] = lambda a, b, box: total(a, b)
    pair: Callable[[Sequence[int]], Pair] = in_order
    inherit: Callable[[dict[str, float], float], float | None] = lambda old, new: new
    all_pairs: bool = False

    def __call__(
        self, boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity
    ) -> Tensor:
        found, amounts = boxes.tolist(), sizes.tolist()
        names = list(range(len(found)))
        pairs = [(i, j) for j in names for i in range(j)] if self.all_pairs else neighbours

        def likeness(i: int, j: int) -> float:
            return similarity(found[i], amounts[i], found[j], amounts[j])

        alike: dict[Pair, float] = {}
        for first, second in map(self.pair, pairs):
            alike[first, second] = likeness(first, second)
        while alike:
            a, b = min(alike, key=lambda pair: self.rank(alike[pair], pair, names))
            merger = len(found)
            found.append(self.box(found[a], found[b]))
            amounts.append(self.size(amounts[a], amounts[b], found[merger]))
            names.append(min(names[a], names[b]))
            near = _near(alike, a, b)
            alike = {pair: s for pair, s in alike.items() if a not in pair and b not in pair}
            for other in sorted(near):
                new = self.inherit(near[other], likeness(other, merger))
                if new is not None:
                    alike[other, merger] = new
        return as_boxes(found, boxes)


def _near(alike: dict[Pair, float], a: int, b: int) -> dict[int, dict[str, float]]:
    """Return the neighbours of a and b, each with its similarity to "a", to "b" or to both."""
    near: dict[int, dict[str, float]] = {}
    for (i, j), likeness in alike.items():
        for one, other in ((i, j), (j, i)):
            if one in (a, b) and other not in (a, b):
                near.setdefault(other, {})["a" if one == a else "b"] = likeness
    return near


def as_boxes(found: list[Box], boxes: Tensor) -> Tensor:
    """Return lists of four numbers as boxes of the dtype of the given ones."""
    return torch.tensor(found, dtype=boxes.dtype).reshape(-1, 4)


right = Grouping()
