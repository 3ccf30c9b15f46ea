"""The exercise `perfect_ap`."""

import numpy as np

from autograder.exercise import Exercise, Misconception
from autograder.exercises.mean_ap.curve import (
    curve_of,
)
from autograder.exercises.shared_mistakes import after
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import (
    average_precision,
    perfect_ap,
)

PERFECT_GROUPS = (
    Group("all found, nothing false", "Every object is found and nothing else: AP is 1."),
    Group(
        "false ones at the end",
        "False detections below all true ones cost nothing: the whole recall was reached before.",
    ),
    Group(
        "a false one above a true one",
        "A false detection above a true one lowers the precision at which that one is found.",
    ),
    Group("an object missed", "An object that is not found keeps recall below 1."),
    Group("no objects", "Without objects there is nothing to find, and AP is 0.", edge=True),
    Group("no detections", "Without detections nothing is found.", edge=True),
)


def draw_perfect_ap(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    n, false = (int(count) for count in rng.integers(3, 6, size=2))
    late = [True] * (n - 1) + [False, True]
    return [
        Case("all found, nothing false", ([True] * n, n)),
        Case("false ones at the end", ([True] * n + [False] * false, n)),
        Case("false ones at the end", ([True, False], 1)),
        Case("a false one above a true one", ([False] + [True] * n, n)),
        Case("a false one above a true one", (late, n)),
        Case("a false one above a true one", ([*late, False], n)),
        Case("an object missed", ([True] * n, n + 1)),
        Case("an object missed", ([True] * (n - 1) + [False] * 2, n)),
        Case("an object missed", ([False] * n, n)),
        Case("no objects", ([False] * 2, 0)),
        Case("no objects", ([], 0)),
        Case("no detections", ([], n)),
    ]


PERFECT_AP = Exercise(
    name="perfect_ap",
    reference=perfect_ap,
    groups=PERFECT_GROUPS,
    draw=draw_perfect_ap,
    misconceptions=(
        Misconception(
            "no_false_one_at_all",
            "It allows no false detection at all: those below every true one do no harm, since "
            "recall 1 was reached before.",
            lambda ranks, num_gt: num_gt > 0 and sum(ranks) == num_gt and all(ranks),
        ),
        Misconception(
            "recall_only",
            "It asks only whether all objects are found: a false detection above a true one "
            "lowers the precision.",
            lambda ranks, num_gt: num_gt > 0 and sum(ranks) == num_gt,
        ),
        Misconception(
            "precision_only",
            "It asks only whether no false one stands above a true one: an object that is missed "
            "keeps recall below 1.",
            lambda ranks, num_gt: all(ranks[: sum(ranks)]) and bool(ranks) and num_gt > 0,
        ),
        Misconception(
            "looks_at_the_first_only",
            "It looks at the best detection only: every false one above some true one counts.",
            lambda ranks, num_gt: num_gt > 0 and sum(ranks) == num_gt and ranks[0],
        ),
        Misconception(
            "perfect_without_objects",
            "Without objects it says yes: there is nothing to find, and AP is 0.",
            lambda ranks, num_gt: sum(ranks) == num_gt and all(ranks[:num_gt]),
        ),
        Misconception(
            "returns_the_ap",
            "It returns the average precision: the question is whether that is 1, True or False.",
            lambda ranks, num_gt: average_precision(*curve_of(ranks, num_gt)),
        ),
        Misconception(
            "the_other_way_round",
            "It says no to perfect rankings and yes to all others.",
            after(perfect_ap, lambda answer: not answer),
        ),
    ),
)
