"""A hierarchy of regions, followed by the boxes of its mergers."""

from itertools import combinations
from typing import Any

import torch
from torch import Tensor

LISTED = 6  # pairs of neighbours in each round


class History:
    """Which two regions each merger is made of, as its box tells, and what was similar then."""

    def __init__(self, boxes: Tensor, sizes: Tensor, pairs: Any, alike: Any) -> None:
        self.boxes, self.sizes = list(boxes), list(sizes)
        self.members = [frozenset([i]) for i in range(len(boxes))]
        self.alive = set(range(len(boxes)))
        self.near = {(min(pair), max(pair)) for pair in pairs}
        self.alike = alike
        self.known: dict[tuple[int, int], list[float]] = {}

    def listed(self) -> list[list[Any]]:
        """Return the most similar neighbours, each with its similarity and the parts of it."""
        for i, j in self.near - self.known.keys():
            self.known[i, j] = self.alike(
                self.boxes[i], self.sizes[i], self.boxes[j], self.sizes[j]
            )
        ranked = sorted(self.near, key=lambda pair: (-self.known[pair][0], pair))
        return [[*pair, *self.known[pair]] for pair in ranked[:LISTED]]

    def round(self, box: Tensor, seen: dict[frozenset[int], int]) -> dict[str, Any]:
        """Find the pair whose merger has this box, of several the one that was seen, and merge."""
        listed = self.listed()
        fitting = [pair for pair in self.near if torch.equal(self.around(pair), box)]
        apart = not fitting
        if apart:
            both = combinations(sorted(self.alive), 2)
            fitting = [pair for pair in both if torch.equal(self.around(pair), box)]

        def order(pair: tuple[int, int]) -> Any:
            union = self.members[pair[0]] | self.members[pair[1]]
            return seen.get(union, len(seen)), -self.known.get(pair, [0.0])[0], pair

        pair = min(fitting, key=order) if fitting else None
        self.merge(pair, box)
        return {"pair": pair, "apart": apart, "listed": listed}

    def around(self, pair: tuple[int, int]) -> Tensor:
        """Return the box that holds both regions."""
        a, b = (self.boxes[i] for i in pair)
        return torch.cat([torch.minimum(a[:2], b[:2]), torch.maximum(a[2:], b[2:])])

    def merge(self, pair: tuple[int, int] | None, box: Tensor) -> None:
        """Put a merger in its two regions' place; one of no known pair has no neighbours."""
        new = len(self.boxes)
        self.boxes.append(box)
        i, j = pair if pair else (0, 0)
        self.sizes.append(self.sizes[i] + self.sizes[j] if pair else torch.zeros(1))
        self.members.append(self.members[i] | self.members[j] if pair else frozenset())
        if pair:
            self.alive = self.alive - {i, j} | {new}
            touching = {k for other in self.near if {i, j} & {*other} for k in other} - {i, j}
            self.near = {other for other in self.near if not {i, j} & {*other}}
            self.near |= {(k, new) for k in touching}
