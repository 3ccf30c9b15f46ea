"""The exercises on one curve: `precision_recall`, two average precisions, and `perfect_ap`."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import redraw
from autograder.exercises.mean_ap.evaluator import (
    all_points,
    area,
    at_levels,
    curve,
    envelope,
)
from autograder.exercises.shared_mistakes import after, changes_its_input
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import (
    average_precision,
    average_precision_101,
    perfect_ap,
    precision_recall,
)

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


PR_GROUPS = (
    Group(
        "rankings",
        "After each detection, precision is the share of true ones so far, and recall the share "
        "of all objects that are found so far.",
    ),
    Group(
        "objects that are not found",
        "Recall divides by the number of objects, found or not: it need not reach 1.",
    ),
    Group("all true", "Where every detection is true, precision is 1 everywhere.", edge=True),
    Group("all false", "Where every detection is false, precision and recall are 0.", edge=True),
    Group("no objects", "Without objects recall is 0, and not 0 divided by 0.", edge=True),
    Group("no detections", "Without detections both results are empty.", edge=True),
)


def draw_precision_recall(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, true: int, false: int, num_gt: int) -> Case:
        return Case(group, (torch.tensor(ranking(rng, true, false), dtype=torch.bool), num_gt))

    found = int(rng.integers(3, 6))
    return [
        case("rankings", found, 3, found),
        case("rankings", 4, int(rng.integers(4, 8)), 5),
        case("objects that are not found", 2, 2, int(rng.integers(5, 9))),
        case("objects that are not found", 3, 5, int(rng.integers(9, 12))),
        case("all true", 4, 0, 6),
        case("all false", 0, 4, 3),
        case("no objects", 0, 3, 0),
        case("no detections", 0, 0, 4),
        case("no detections", 0, 0, 0),
    ]


def _tensors(precision: Sequence[float], recall: Sequence[float]) -> Curve:
    return tuple(torch.tensor(v, dtype=torch.float64) for v in (precision, recall))  # type: ignore[return-value]


def _recall_over(share: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Curve]:
    """Return an answer with right precision and the recall that `share` gives."""
    return lambda hits, num_gt: (precision_recall(hits, num_gt)[0], share(hits, num_gt))


def _zero_based(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return found / torch.arange(len(hits)).clamp(min=1), precision_recall(hits, num_gt)[1]


def _not_added_up(hits: Tensor, num_gt: int) -> Curve:
    rank = torch.arange(1, len(hits) + 1)
    return hits / rank, hits / max(num_gt, 1)


def _whole_ranking(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return found / max(len(hits), 1), found / max(num_gt, 1)


def _only_the_end(hits: Tensor, num_gt: int) -> tuple[float, float]:
    found = float(hits.sum())
    return found / max(len(hits), 1), found / max(num_gt, 1)


def _nan_without_objects(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return precision_recall(hits, num_gt)[0], found / num_gt


def _swapped(hits: Tensor, num_gt: int) -> Curve:
    precision, recall = precision_recall(hits, num_gt)
    return recall, precision


PRECISION_RECALL = Exercise(
    name="precision_recall",
    reference=precision_recall,
    groups=PR_GROUPS,
    draw=draw_precision_recall,
    misconceptions=(
        Misconception(
            "recall_of_the_found",
            "Recall is divided by the number of objects that were found: objects that nobody found "
            "count as well, so divide by the number of all objects.",
            _recall_over(lambda hits, n: hits.double().cumsum(0) / hits.sum().clamp(min=1)),
        ),
        Misconception(
            "recall_of_the_detections",
            "Recall is divided by the number of detections: it is the share of the objects.",
            _recall_over(lambda hits, n: hits.double().cumsum(0) / max(len(hits), 1)),
        ),
        Misconception(
            "precision_of_the_whole_ranking",
            "Precision is divided by the number of all detections: after the k-th one it is the "
            "share of true ones among the first k.",
            _whole_ranking,
        ),
        Misconception(
            "counts_from_zero",
            "The first detection is counted as number 0: after it, one detection has been seen.",
            _zero_based,
        ),
        Misconception(
            "not_added_up",
            "It looks at each detection by itself: the true ones are counted from the first down "
            "to this one.",
            _not_added_up,
        ),
        Misconception(
            "only_the_end",
            "It gives one precision and one recall for the whole ranking: the curve needs both "
            "after each detection.",
            _only_the_end,
        ),
        Misconception("swapped", "Precision comes first and recall second.", _swapped),
        Misconception(
            "nan_without_objects",
            "Without objects recall becomes 0 divided by 0: it is 0 then.",
            _nan_without_objects,
        ),
    ),
)

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


def _curve(hits: Sequence[bool], num_gt: int) -> Curve:
    return _tensors(*curve(hits, num_gt))


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

        return redraw(lambda: _curve(ranking(rng, true, false), num_gt), fits)

    few, many = int(rng.choice(NUMBERS[1:3])), int(rng.choice(NUMBERS[3:]))
    true = _curve([True] * few + [False] * 2, few)
    single = telling(4, 6, many)
    return [
        Case("curves that rise again", telling(few, 5, few, apart=True)),
        Case("curves that rise again", telling(4, 5, 6)),
        Case("curves that end early", telling(4, 4, many)),
        Case("curves that end early", telling(3, 3, 7)),
        Case("perfect rankings", true),
        Case("all false", _curve([False] * 3, many)),
        Case("one detection", _curve([True], 3)),
        Case("float32", (single[0].float(), single[1].float())),
        Case("no detections", (NOTHING, NOTHING)),
    ]


def _lists(function: Callable[[list[float], list[float]], float]) -> Callable[..., float]:
    """Return a function of tensors from one of lists; 0 of no detections."""
    return lambda p, r: function(p.tolist(), r.tolist()) if len(p) else 0.0


def _trapezoids(precision: list[float], recall: list[float]) -> float:
    return float(np.trapezoid(precision, recall))


def _from_the_first_recall(precision: list[float], recall: list[float]) -> float:
    return all_points(precision, recall) - envelope(precision)[0] * recall[0]


def _forward_envelope(precision: list[float], recall: list[float]) -> float:
    return area(np.maximum.accumulate(precision).tolist(), recall)


def _running_minimum(precision: list[float], recall: list[float]) -> float:
    return area(np.minimum.accumulate(precision).tolist(), recall)


def _up_to_one(precision: list[float], recall: list[float]) -> float:
    return all_points(precision, recall) + envelope(precision)[-1] * (1 - recall[-1])


def _mean_of_precisions(precision: list[float], recall: list[float]) -> float:
    return sum(precision) / len(precision)


def _eleven(precision: list[float], recall: list[float]) -> float:
    levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    return at_levels(precision, recall, levels)


NO_ENVELOPE = _lists(area)
TRAPEZOIDS = _lists(_trapezoids)
FIRST_STEP_LOST = _lists(_from_the_first_recall)
FORWARD = _lists(_forward_envelope)
MINIMUM = _lists(_running_minimum)
UP_TO_ONE = _lists(_up_to_one)
MEAN = _lists(_mean_of_precisions)
ELEVEN = _lists(_eleven)
AP_MISTAKES = (NO_ENVELOPE, TRAPEZOIDS, FIRST_STEP_LOST, FORWARD, MINIMUM, MEAN, ELEVEN)
NO_ENVELOPE_SENTENCE = (
    "It takes the curve as it is, with its dips: at each recall the best precision at that recall "
    "or beyond counts."
)
CRASHES = (
    "It fails when there are no detections: the average precision is 0 then, as of a detector "
    "that finds nothing."
)
IN_PLACE = "precision is made monotone in place"


def _crashes(function: Callable[..., Any]) -> Misconception:
    def crashes(precision: Tensor, recall: Tensor) -> Any:
        if len(precision) == 0:
            raise IndexError("no detections")
        return function(precision, recall)

    return Misconception("crashes_without_detections", CRASHES, crashes)


def _monotone_in_place(precision: Tensor, recall: Tensor) -> None:
    precision.copy_(precision.flip(0).cummax(dim=0).values.flip(0))


AVERAGE_PRECISION = Exercise(
    name="average_precision",
    reference=average_precision,
    groups=AP_GROUPS,
    draw=partial(draw_curves, mistakes=AP_MISTAKES, right=average_precision),
    misconceptions=(
        Misconception("no_envelope", NO_ENVELOPE_SENTENCE, NO_ENVELOPE),
        Misconception(
            "trapezoids",
            "It draws straight lines from point to point and adds up trapezoids: the curve is made "
            "of steps, each as high as the best precision from there on.",
            TRAPEZOIDS,
        ),
        Misconception(
            "first_step_lost",
            "The first step is missing: the area begins at recall 0, not at the first recall.",
            FIRST_STEP_LOST,
        ),
        Misconception(
            "best_so_far",
            "It takes the best precision so far: what counts is the best one from here on, at "
            "this recall or a higher one.",
            FORWARD,
        ),
        Misconception(
            "worst_so_far",
            "It takes the lowest precision so far, which also falls all the way: what counts is "
            "the best precision from here on.",
            MINIMUM,
        ),
        Misconception(
            "goes_on_to_recall_one",
            "The last precision goes on to recall 1: what is not found has no precision, so "
            "nothing is added beyond the highest recall.",
            UP_TO_ONE,
        ),
        Misconception(
            "mean_of_precisions",
            "It averages the precision over the detections: average precision is an area, so each "
            "precision counts as much as recall grows there.",
            MEAN,
        ),
        Misconception(
            "eleven_points",
            "It averages over even levels of recall, as old evaluations did: take the area over "
            "all points.",
            ELEVEN,
        ),
        changes_its_input(average_precision, _monotone_in_place, IN_PLACE),
        _crashes(average_precision),
    ),
)


def _hundred(precision: list[float], recall: list[float]) -> float:
    return at_levels(precision, recall, [k / 100 for k in range(1, 101)])


def _strictly_beyond(precision: list[float], recall: list[float]) -> float:
    best = envelope(precision)
    first = np.searchsorted(np.asarray(recall), np.linspace(0, 1, 101), side="right")
    return sum(best[k] if k < len(best) else 0.0 for k in first.tolist()) / 101


def _reached_only(precision: list[float], recall: list[float]) -> float:
    reached = [level for level in np.linspace(0, 1, 101).tolist() if level <= recall[-1]]
    return at_levels(precision, recall, reached)


def _interpolated(precision: list[float], recall: list[float]) -> float:
    levels = np.linspace(0, 1, 101)
    values = np.interp(levels, recall, precision)
    return float(np.where(levels <= recall[-1], values, 0).mean())


def _raw_levels(precision: list[float], recall: list[float]) -> float:
    first = np.searchsorted(np.asarray(recall), np.linspace(0, 1, 101))
    total: float = sum(precision[k] if k < len(precision) else 0.0 for k in first.tolist())
    return total / 101


def _last_held(precision: list[float], recall: list[float]) -> float:
    best = envelope(precision)
    first = np.searchsorted(np.asarray(recall), np.linspace(0, 1, 101))
    total: float = sum(best[min(k, len(best) - 1)] for k in first.tolist())
    return total / 101


RAW_101 = _lists(_raw_levels)
ALL_POINTS = _lists(all_points)
REACHED_ONLY = _lists(_reached_only)
INTERPOLATED = _lists(_interpolated)
STRICT_101 = _lists(_strictly_beyond)

AP_101_GROUPS = (
    Group(
        "curves that rise again",
        "At each of the 101 levels of recall, 0, 0.01, ..., 1, the best precision at that recall "
        "or beyond counts; their mean is the result.",
    ),
    Group(
        "curves that end early",
        "A level of recall that is not reached counts as precision 0.",
    ),
    *AP_GROUPS[2:],
)

AVERAGE_PRECISION_101 = Exercise(
    name="average_precision_101",
    reference=average_precision_101,
    groups=AP_101_GROUPS,
    draw=partial(
        draw_curves,
        mistakes=(RAW_101, ALL_POINTS, INTERPOLATED, ELEVEN),
        right=average_precision_101,
    ),
    misconceptions=(
        Misconception("no_envelope", NO_ENVELOPE_SENTENCE, RAW_101),
        Misconception(
            "all_points",
            "It gives the area over all points: COCO takes the mean over 101 levels of recall.",
            ALL_POINTS,
        ),
        Misconception(
            "eleven_levels",
            "It uses 11 levels of recall, as Pascal VOC once did: COCO uses 101.",
            ELEVEN,
        ),
        Misconception(
            "hundred_levels",
            "Recall 0 is one of the levels: from 0 to 1 in steps of 0.01 there are 101.",
            _lists(_hundred),
        ),
        Misconception(
            "only_levels_reached",
            "Levels of recall that are not reached are left out of the mean: they count as 0.",
            REACHED_ONLY,
        ),
        Misconception(
            "last_precision_goes_on",
            "Levels of recall that are not reached get the last precision: they count as 0.",
            _lists(_last_held),
        ),
        Misconception(
            "straight_lines",
            "It draws straight lines from point to point: at each level the best precision at that "
            "recall or beyond counts, so the curve is made of steps.",
            INTERPOLATED,
        ),
        Misconception(
            "strictly_beyond",
            "A point whose recall equals the level counts as well: take the best precision at "
            "that recall or beyond.",
            STRICT_101,
        ),
        changes_its_input(average_precision_101, _monotone_in_place, IN_PLACE),
        _crashes(average_precision_101),
    ),
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
            lambda ranks, num_gt: average_precision(*_curve(ranks, num_gt)),
        ),
        Misconception(
            "the_other_way_round",
            "It says no to perfect rankings and yes to all others.",
            after(perfect_ap, lambda answer: not answer),
        ),
    ),
)
