"""Curves of precision and recall: how they are drawn, and what the average precisions share."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Misconception
from autograder.exercises.drawing import redraw
from autograder.exercises.mean_ap.evaluator import (
    at_levels,
    curve,
)
from course.cases import Group
from course.outcome import Case

# Of these numbers of objects no recall but 0, 1/2 and 1 is one of COCO's 101 levels, whose last
# bit depends on how they are written.
NUMBERS = (3, 6, 7, 9, 13)
APART = 3e-4  # two answers differ by so much where a case is to tell them apart
NOTHING = torch.zeros(0, dtype=torch.float64)
Curve = tuple[Tensor, Tensor]


def ranking(rng: np.random.Generator, true: int, false: int) -> list[bool]:
    """Return true and false detections in random order, some false one above the last true one."""
    flags = [True] * true + [False] * false
    if not true or not false:
        return flags

    def fits(drawn: list[bool]) -> bool:
        return any(not before and after for before, after in pairwise(drawn))

    return redraw(lambda: [flags[i] for i in rng.permutation(len(flags))], fits)


def curve_tensors(precision: Sequence[float], recall: Sequence[float]) -> Curve:
    return tuple(torch.tensor(v, dtype=torch.float64) for v in (precision, recall))  # type: ignore[return-value]


AP_GROUPS = (
    Group(
        "curves that rise again",
        "At each recall the best precision at that recall or beyond counts; the area under these "
        "steps is the average precision.",
    ),
    Group(
        "curves that end early",
        "Beyond the highest recall that is reached there is no area.",
    ),
    Group("perfect rankings", "All objects first and found: the area is 1.", edge=True),
    Group("all false", "Where nothing is found the area is 0.", edge=True),
    Group("one detection", "A curve may be a single point.", edge=True),
    Group("float32", "Precision and recall may be float32.", edge=True),
    Group("no detections", "Without detections the average precision is 0.", edge=True),
)


def curve_of(hits: Sequence[bool], num_gt: int) -> Curve:
    return curve_tensors(*curve(hits, num_gt))


def draw_curves(
    rng: np.random.Generator, mistakes: Sequence[Callable[[Tensor, Tensor], Any]], right: Any
) -> list[Case]:
    """Return curves; on the first ones all of `mistakes` show and are told apart."""

    def telling(true: int, false: int, num_gt: int, *, apart: bool = False) -> Curve:
        def fits(drawn: Curve) -> bool:
            results = np.array([float(mistake(*drawn)) for mistake in mistakes])
            gaps = np.abs(np.subtract.outer(results, results)) + np.eye(len(results))
            shows = bool((np.abs(results - float(right(*drawn))) > APART).all())
            return shows and (not apart or bool((gaps > APART).all()))

        return redraw(lambda: curve_of(ranking(rng, true, false), num_gt), fits)

    few, many = int(rng.choice(NUMBERS[1:3])), int(rng.choice(NUMBERS[3:]))
    true = curve_of([True] * few + [False] * 2, few)
    single = telling(4, 6, many)
    return [
        Case("curves that rise again", telling(few, 5, few, apart=True)),
        Case("curves that rise again", telling(4, 5, 6)),
        Case("curves that end early", telling(4, 4, many)),
        Case("curves that end early", telling(3, 3, 7)),
        Case("perfect rankings", true),
        Case("all false", curve_of([False] * 3, many)),
        Case("one detection", curve_of([True], 3)),
        Case("float32", (single[0].float(), single[1].float())),
        Case("no detections", (NOTHING, NOTHING)),
    ]


def lists(function: Callable[[list[float], list[float]], float]) -> Callable[..., float]:
    """Return a function of tensors from one of lists; 0 of no detections."""
    return lambda p, r: function(p.tolist(), r.tolist()) if len(p) else 0.0


def _eleven(precision: list[float], recall: list[float]) -> float:
    levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    return at_levels(precision, recall, levels)


ELEVEN = lists(_eleven)
NO_ENVELOPE_SENTENCE = (
    "It takes the curve as it is, with its dips: at each recall the best precision at that recall "
    "or beyond counts."
)
CRASHES = (
    "It fails when there are no detections: the average precision is 0 then, as of a detector "
    "that finds nothing."
)
IN_PLACE = "precision is made monotone in place"


def crashes_without_detections(function: Callable[..., Any]) -> Misconception:
    def crashes(precision: Tensor, recall: Tensor) -> Any:
        if len(precision) == 0:
            raise IndexError("no detections")
        return function(precision, recall)

    return Misconception("crashes_without_detections", CRASHES, crashes)


def monotone_in_place(precision: Tensor, recall: Tensor) -> None:
    precision.copy_(precision.flip(0).cummax(dim=0).values.flip(0))
