"""The exercise `select_by_background`."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT, redraw
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    crashes_on_no_boxes,
)
from course.cases import Group
from course.outcome import Case
from solutions.rcnn import select_by_background

BACKGROUND_GROUPS = (
    Group(
        "the k least likely background",
        "The k proposals with the lowest probability of background, column 0, the lowest first, "
        "as indices.",
    ),
    Group("equal probabilities", "Of equal probabilities the lower index comes first.", edge=True),
    Group(
        "fewer than k proposals",
        "When there are fewer than k proposals all of them are returned, in the same order.",
        edge=True,
    ),
    Group("one class", "With one class a proposal has two probabilities.", edge=True),
    Group("no proposals", "Without proposals the result is empty, shape [0].", edge=True),
    Group("types", "Indices are int64, whatever the probabilities are.", True, STRICT),
)


def draw_by_background(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    ties = random_probabilities(rng, 6, 2)
    ties[:, 0] = torch.tensor(rng.permutation([0.25, 0.25, 0.5, 0.5, 0.5, 0.125]))
    return [
        Case("the k least likely background", (random_probabilities(rng, 7, 3), 3)),
        Case("the k least likely background", (random_probabilities(rng, 5, 2), 4)),
        Case("equal probabilities", (ties, 4)),
        Case("fewer than k proposals", (random_probabilities(rng, 4, 2), 9)),
        Case("fewer than k proposals", (random_probabilities(rng, 4, 3), 4)),
        Case("one class", (random_probabilities(rng, 5, 1), 2)),
        Case("no proposals", (torch.zeros(0, 4), 3)),
        Case("types", (random_probabilities(rng, 4, 2), 2)),
        Case("types", (random_probabilities(rng, 4, 2).double(), 2)),
    ]


def random_probabilities(rng: np.random.Generator, count: int, classes: int) -> Tensor:
    """Return rows of whole hundredths, all entries of a column different, none in its own order."""

    def make() -> Tensor:
        shares = rng.dirichlet(np.full(classes + 1, 1.2), size=count)
        return torch.tensor(np.round(shares, 2), dtype=torch.float32)

    def fits(rows: Tensor) -> bool:
        return all(len(column.unique()) == count for column in rows.T)

    return redraw(make, fits)


def order(values: Tensor, *, falling: bool) -> list[int]:
    """Return indices by value, of equal ones the lower first."""
    found = values.tolist()
    return sorted(range(len(found)), key=lambda i: -found[i] if falling else found[i])


def later_first(values: Tensor, *, falling: bool) -> list[int]:
    found = order(values, falling=not falling)
    return found[::-1]


def indices(found: list[int]) -> Tensor:
    return torch.tensor(found, dtype=torch.int64)


def by_background(probabilities: Tensor, k: int) -> Tensor:
    """Return what is right."""
    return indices(order(probabilities[:, 0], falling=False)[:k])


def _by(score: Callable[[Tensor], Tensor], falling: bool) -> Callable[[Tensor, int], Tensor]:
    """Return a selection that orders by another score of the rows."""
    return lambda rows, k: indices(order(score(rows), falling=falling)[:k])


def _best_class(rows: Tensor) -> Tensor:
    return rows[:, 1:].amax(dim=1)


def later_of_equals(wrong: Callable[[Tensor, int], Tensor]) -> Misconception:
    sentence = "Of equal probabilities the later index comes first: the lower one does."
    return Misconception("later_of_equals", sentence, wrong)


def more_than_there_are(function: Callable[[Tensor, int], Tensor]) -> Misconception:
    def fails(probabilities: Tensor, k: int) -> Tensor:
        if k > len(probabilities):
            raise RuntimeError("k not in range")
        return function(probabilities, k)

    return Misconception(
        "fails_on_fewer_than_k",
        "It fails where there are fewer than k proposals: then all of them are returned.",
        fails,
    )


SELECT_BY_BACKGROUND = Exercise(
    name="select_by_background",
    reference=select_by_background,
    groups=BACKGROUND_GROUPS,
    draw=draw_by_background,
    misconceptions=(
        Misconception(
            "most_likely_background",
            "It takes the proposals that are most likely background: the least likely ones may "
            "hold an object.",
            _by(lambda rows: rows[:, 0], falling=True),
        ),
        Misconception(
            "background_in_the_last_column",
            "It looks at the last column: background is label 0, the first one.",
            _by(lambda rows: rows[:, -1], falling=False),
        ),
        Misconception(
            "best_class_first",
            "It orders by the probability of the best class: a proposal torn between two classes "
            "has a low one, and yet is hardly background.",
            _by(_best_class, falling=True),
        ),
        Misconception(
            "first_class_for_background",
            "It looks at the probability of the first class, column 1: background is column 0.",
            _by(lambda rows: rows[:, 1], falling=True),
        ),
        Misconception(
            "returns_probabilities",
            "It returns the probabilities: indices are wanted, so that boxes and classes can be "
            "picked with them too.",
            lambda rows, k: rows[by_background(rows, k), 0],
        ),
        Misconception(
            "in_the_order_of_the_input",
            "The right proposals are chosen but come in the order of their indices: the least "
            "likely background comes first.",
            after(by_background, lambda found: found.sort().values),
        ),
        later_of_equals(lambda rows, k: indices(later_first(rows[:, 0], falling=False)[:k])),
        more_than_there_are(by_background),
        changes_its_input(
            by_background,
            lambda rows, k: rows[:, 0].fill_(1.0),
            "probabilities were overwritten to cross proposals off",
        ),
        crashes_on_no_boxes(by_background),
    ),
)
