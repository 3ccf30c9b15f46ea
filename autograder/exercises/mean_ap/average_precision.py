"""The exercise `average_precision`."""

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
    area,
    envelope,
)
from autograder.exercises.shared_mistakes import changes_its_input
from solutions.average_precision import (
    average_precision,
)


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


NO_ENVELOPE = lists(area)
TRAPEZOIDS = lists(_trapezoids)
FIRST_STEP_LOST = lists(_from_the_first_recall)
FORWARD = lists(_forward_envelope)
MINIMUM = lists(_running_minimum)
UP_TO_ONE = lists(_up_to_one)
MEAN = lists(_mean_of_precisions)
AP_MISTAKES = (NO_ENVELOPE, TRAPEZOIDS, FIRST_STEP_LOST, FORWARD, MINIMUM, MEAN, ELEVEN)
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
        changes_its_input(average_precision, monotone_in_place, IN_PLACE),
        crashes_without_detections(average_precision),
    ),
)
