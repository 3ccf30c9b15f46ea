"""The exercises `select_by_background` and `select_per_class`."""

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
from solutions.rcnn import select_by_background, select_per_class

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
    ties = _probabilities(rng, 6, 2)
    ties[:, 0] = torch.tensor(rng.permutation([0.25, 0.25, 0.5, 0.5, 0.5, 0.125]))
    return [
        Case("the k least likely background", (_probabilities(rng, 7, 3), 3)),
        Case("the k least likely background", (_probabilities(rng, 5, 2), 4)),
        Case("equal probabilities", (ties, 4)),
        Case("fewer than k proposals", (_probabilities(rng, 4, 2), 9)),
        Case("fewer than k proposals", (_probabilities(rng, 4, 3), 4)),
        Case("one class", (_probabilities(rng, 5, 1), 2)),
        Case("no proposals", (torch.zeros(0, 4), 3)),
        Case("types", (_probabilities(rng, 4, 2), 2)),
        Case("types", (_probabilities(rng, 4, 2).double(), 2)),
    ]


def _probabilities(rng: np.random.Generator, count: int, classes: int) -> Tensor:
    """Return rows of whole hundredths, all entries of a column different, none in its own order."""

    def make() -> Tensor:
        shares = rng.dirichlet(np.full(classes + 1, 1.2), size=count)
        return torch.tensor(np.round(shares, 2), dtype=torch.float32)

    def fits(rows: Tensor) -> bool:
        return all(len(column.unique()) == count for column in rows.T)

    return redraw(make, fits)


def _order(values: Tensor, *, falling: bool) -> list[int]:
    """Return indices by value, of equal ones the lower first."""
    found = values.tolist()
    return sorted(range(len(found)), key=lambda i: -found[i] if falling else found[i])


def _later_first(values: Tensor, *, falling: bool) -> list[int]:
    found = _order(values, falling=not falling)
    return found[::-1]


def _indices(found: list[int]) -> Tensor:
    return torch.tensor(found, dtype=torch.int64)


def by_background(probabilities: Tensor, k: int) -> Tensor:
    """Return what is right."""
    return _indices(_order(probabilities[:, 0], falling=False)[:k])


def _by(score: Callable[[Tensor], Tensor], falling: bool) -> Callable[[Tensor, int], Tensor]:
    """Return a selection that orders by another score of the rows."""
    return lambda rows, k: _indices(_order(score(rows), falling=falling)[:k])


def _best_class(rows: Tensor) -> Tensor:
    return rows[:, 1:].amax(dim=1)


def _more_than_there_are(function: Callable[[Tensor, int], Tensor]) -> Misconception:
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
        Misconception(
            "later_of_equals",
            "Of equal probabilities the later index comes first: the lower one does.",
            lambda rows, k: _indices(_later_first(rows[:, 0], falling=False)[:k]),
        ),
        _more_than_there_are(by_background),
        changes_its_input(
            by_background,
            lambda rows, k: rows[:, 0].fill_(1.0),
            "probabilities were overwritten to cross proposals off",
        ),
        crashes_on_no_boxes(by_background),
    ),
)

CLASS_GROUPS = (
    Group(
        "the k best of each class",
        "Row l - 1 has the k proposals that are most likely of class l, the best first; background "
        "has no row.",
    ),
    Group(
        "one proposal for two classes",
        "A proposal is ranked in every class, not only in the one that is its most likely.",
    ),
    Group("equal probabilities", "Of equal probabilities the lower index comes first.", edge=True),
    Group(
        "fewer than k proposals",
        "When there are fewer than k proposals every row has all of them, in its own order.",
        edge=True,
    ),
    Group("one class", "With one class the result still has two axes, shape [1, k].", edge=True),
    Group("no proposals", "Without proposals the rows are empty, shape [K, 0].", edge=True),
    Group("types", "Indices are int64, whatever the probabilities are.", True, STRICT),
)


def draw_per_class(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    ties = _probabilities(rng, 5, 2)
    ties[:, 1] = torch.tensor(rng.permutation([0.25, 0.25, 0.5, 0.5, 0.125]))
    ties[:, 2] = torch.tensor(rng.permutation([0.25, 0.125, 0.125, 0.125, 0.375]))
    return [
        Case("the k best of each class", (_probabilities(rng, 7, 3), 2)),
        Case("the k best of each class", (_probabilities(rng, 5, 4), 3)),
        Case("one proposal for two classes", (_one_for_two(rng), 2)),
        Case("equal probabilities", (ties, 4)),
        Case("fewer than k proposals", (_probabilities(rng, 3, 2), 7)),
        Case("one class", (_probabilities(rng, 5, 1), 2)),
        Case("no proposals", (torch.zeros(0, 4), 3)),
        Case("types", (_probabilities(rng, 4, 2), 3)),
        Case("types", (_probabilities(rng, 4, 2).double(), 3)),
    ]


def _one_for_two(rng: np.random.Generator) -> Tensor:
    """Return rows of which one is the best of class 1 and the second best of class 2."""
    rows = [[0.02, 0.53, 0.45], [0.03, 0.37, 0.6], [0.75, 0.2, 0.05], [0.6, 0.1, 0.3]]
    return torch.tensor(rows)[torch.from_numpy(rng.permutation(4))]


def per_class(probabilities: Tensor, k: int) -> Tensor:
    """Return what is right."""
    return _rows(probabilities[:, 1:], k, falling=True)


def _rows(columns: Tensor, k: int, *, falling: bool) -> Tensor:
    found = [_order(column, falling=falling)[:k] for column in columns.T]
    return torch.tensor(found, dtype=torch.int64).reshape(columns.shape[1], -1)


def _later_of_equals(probabilities: Tensor, k: int) -> Tensor:
    found = [_later_first(column, falling=True)[:k] for column in probabilities[:, 1:].T]
    return torch.tensor(found, dtype=torch.int64).reshape(probabilities.shape[1] - 1, -1)


def _in_its_best_class_only(probabilities: Tensor, k: int) -> Tensor:
    """Rank a proposal below all others where another class is its most likely."""
    best = probabilities == probabilities.amax(dim=1, keepdim=True)
    return per_class(probabilities * best, k)


def _values(probabilities: Tensor, k: int) -> Tensor:
    return probabilities[:, 1:].T.gather(1, per_class(probabilities, k))


SELECT_PER_CLASS = Exercise(
    name="select_per_class",
    reference=select_per_class,
    groups=CLASS_GROUPS,
    draw=draw_per_class,
    misconceptions=(
        Misconception(
            "background_is_a_class",
            "It gives the background a row: only the K classes of objects have one, so leave "
            "column 0 out.",
            lambda rows, k: _rows(rows, k, falling=True),
        ),
        Misconception(
            "last_class_left_out",
            "It leaves out the last column: background is the first one.",
            lambda rows, k: _rows(rows[:, :-1], k, falling=True),
        ),
        Misconception(
            "a_column_for_each_class",
            "Its result has a column for each class: it has a row for each, shape [K, k].",
            after(per_class, lambda found: found.T),
        ),
        Misconception(
            "least_likely_first",
            "It takes the proposals that are least likely of the class: the most likely come "
            "first.",
            lambda rows, k: _rows(rows[:, 1:], k, falling=False),
        ),
        Misconception(
            "best_classes_of_each_proposal",
            "It looks for the k best classes of each proposal: the k best proposals of each class "
            "are wanted.",
            lambda rows, k: _rows(rows[:, 1:].T, k, falling=True),
        ),
        Misconception(
            "in_its_best_class_only",
            "It ranks a proposal only in its most likely class: it may be the second best of "
            "another, and each class is ranked by itself.",
            _in_its_best_class_only,
        ),
        Misconception(
            "returns_probabilities",
            "It returns the probabilities: indices are wanted, so that boxes can be picked with "
            "them too.",
            _values,
        ),
        Misconception(
            "in_the_order_of_the_input",
            "The right proposals are chosen but come in the order of their indices: the best comes "
            "first.",
            after(per_class, lambda found: found.sort(dim=1).values),
        ),
        Misconception(
            "later_of_equals",
            "Of equal probabilities the later index comes first: the lower one does.",
            _later_of_equals,
        ),
        _more_than_there_are(per_class),
        changes_its_input(
            per_class,
            lambda rows, k: rows[:, 0].fill_(0.0),
            "the probabilities of background were set to 0",
        ),
        crashes_on_no_boxes(per_class),
    ),
)
