"""The exercise `average_precision_101`."""

from functools import partial

import numpy as np

from autograder.exercise import Exercise, Misconception
from autograder.exercises.mean_ap.curve import (
    AP_GROUPS,
    ELEVEN,
    IN_PLACE,
    NO_ENVELOPE_SENTENCE,
    crashes_without_detections,
    draw_curves,
    lists,
    monotone_in_place,
)
from autograder.exercises.mean_ap.evaluator import (
    all_points,
    at_levels,
    envelope,
)
from autograder.exercises.shared_mistakes import changes_its_input
from course.cases import Group
from solutions.average_precision import (
    average_precision_101,
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


RAW_101 = lists(_raw_levels)
ALL_POINTS = lists(all_points)
REACHED_ONLY = lists(_reached_only)
INTERPOLATED = lists(_interpolated)
STRICT_101 = lists(_strictly_beyond)

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
            lists(_hundred),
        ),
        Misconception(
            "only_levels_reached",
            "Levels of recall that are not reached are left out of the mean: they count as 0.",
            REACHED_ONLY,
        ),
        Misconception(
            "last_precision_goes_on",
            "Levels of recall that are not reached get the last precision: they count as 0.",
            lists(_last_held),
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
        changes_its_input(average_precision_101, monotone_in_place, IN_PLACE),
        crashes_without_detections(average_precision_101),
    ),
)
