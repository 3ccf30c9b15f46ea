"""The exercise `select_per_class`."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.rcnn_transforms.selection import (
    later_first,
    later_of_equals,
    more_than_there_are,
    order,
    random_probabilities,
)
from autograder.exercises.shared_mistakes import after, changes_its_input, crashes_on_no_boxes
from course.cases import Group
from course.outcome import Case
from solutions.rcnn import select_per_class

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
    ties = random_probabilities(rng, 5, 2)
    ties[:, 1] = torch.tensor(rng.permutation([0.25, 0.25, 0.5, 0.5, 0.125]))
    ties[:, 2] = torch.tensor(rng.permutation([0.25, 0.125, 0.125, 0.125, 0.375]))
    return [
        Case("the k best of each class", (random_probabilities(rng, 7, 3), 2)),
        Case("the k best of each class", (random_probabilities(rng, 5, 4), 3)),
        Case("one proposal for two classes", (_one_for_two(rng), 2)),
        Case("equal probabilities", (ties, 4)),
        Case("fewer than k proposals", (random_probabilities(rng, 3, 2), 7)),
        Case("one class", (random_probabilities(rng, 5, 1), 2)),
        Case("no proposals", (torch.zeros(0, 4), 3)),
        Case("types", (random_probabilities(rng, 4, 2), 3)),
        Case("types", (random_probabilities(rng, 4, 2).double(), 3)),
    ]


def _one_for_two(rng: np.random.Generator) -> Tensor:
    """Return rows of which one is the best of class 1 and the second best of class 2."""
    rows = [[0.02, 0.53, 0.45], [0.03, 0.37, 0.6], [0.75, 0.2, 0.05], [0.6, 0.1, 0.3]]
    return torch.tensor(rows)[torch.from_numpy(rng.permutation(4))]


def per_class(probabilities: Tensor, k: int) -> Tensor:
    """Return what is right."""
    return _rows(probabilities[:, 1:], k, falling=True)


def _rows(columns: Tensor, k: int, *, falling: bool) -> Tensor:
    found = [order(column, falling=falling)[:k] for column in columns.T]
    return torch.tensor(found, dtype=torch.int64).reshape(columns.shape[1], -1)


def _later_of_equals(probabilities: Tensor, k: int) -> Tensor:
    found = [later_first(column, falling=True)[:k] for column in probabilities[:, 1:].T]
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
        later_of_equals(_later_of_equals),
        more_than_there_are(per_class),
        changes_its_input(
            per_class,
            lambda rows, k: rows[:, 0].fill_(0.0),
            "the probabilities of background were set to 0",
        ),
        crashes_on_no_boxes(per_class),
    ),
)
