"""Exercises of 04_map: right answers pass, wrong ones are named, idle ones get 0."""

import ast

import pytest
import torch

from autograder.exercises import find
from autograder.exercises.mean_ap.evaluator import COCO, MOST, RIGHT, MeanOverClasses
from solutions.average_precision import (
    average_precision,
    coco_map,
    match_detections,
    mean_average_precision,
    perfect_ap,
    precision_recall,
)
from tests.autograder.exercise_rules import ExerciseRules, hidden
from tests.solutions.coco import pycocotools_map

ASSIGNMENT = "04_map"


class TestMeanAp(ExerciseRules):
    assignment = ASSIGNMENT
    core = [
        ("match_detections", "an_object_found_twice"),
        ("match_detections", "not_sorted"),
        ("match_detections", "as_given"),
        ("precision_recall", "recall_of_the_detections"),
        ("precision_recall", "recall_of_the_found"),
        ("precision_recall", "not_added_up"),
        ("average_precision", "no_envelope"),
        ("average_precision", "best_so_far"),
        ("average_precision", "trapezoids"),
        ("average_precision_101", "all_points"),
        ("average_precision_101", "eleven_levels"),
        ("perfect_ap", "no_false_one_at_all"),
        ("perfect_ap", "recall_only"),
        ("perfect_ap", "precision_only"),
        ("mean_average_precision", "averages_over_images"),
        ("mean_average_precision", "matches_across_images"),
        ("mean_average_precision", "images_one_after_another"),
        ("coco_map", "only_threshold_a_half"),
        ("coco_map", "nine_thresholds"),
        ("coco_map", "all_points"),
    ]
    edge = [
        ("match_detections", "strictly_greater", {"IoU equal to the threshold"}),
        ("match_detections", "later_of_equal_scores", {"equal scores"}),
        ("match_detections", "empty_without_objects", {"no objects"}),
        ("precision_recall", "nan_without_objects", {"no objects"}),
        ("average_precision", "crashes_without_detections", {"no detections"}),
        ("perfect_ap", "perfect_without_objects", {"no objects"}),
        (
            "mean_average_precision",
            "false_detections_of_an_empty_class",
            {"classes without objects"},
        ),
        ("coco_map", "no_limit", {"more than 100 detections"}),
        ("coco_map", "hundred_of_the_image", {"more than 100 detections"}),
        ("coco_map", "empty_class_counts_as_zero", {"classes without objects"}),
    ]


def test_the_lectures_dogs_and_classes_come_out():
    dogs = torch.tensor([True, True, False, False, True])
    assert average_precision(*precision_recall(dogs, 3)) == pytest.approx(13 / 15)
    assert sum([0.65, 0.80, 0.86]) / 3 == pytest.approx(0.77)


def test_the_curve_of_the_question_has_the_numbers_of_its_answer():
    cats = torch.tensor([True, False, True, True, False, True])
    precision, recall = precision_recall(cats, 4)
    at = int((recall == 0.5).nonzero()[0])
    numbers = [
        float(precision[at]),
        float(precision[at:].max()),
        average_precision(precision, recall),
    ]
    question = find("read_off_the_curve")[1]
    assert question.answer == pytest.approx(numbers, abs=question.comparison.atol)
    for wrong in map(ast.literal_eval, question.wrong):
        assert wrong != pytest.approx(numbers, abs=question.comparison.atol)


def test_the_rankings_of_the_question_are_perfect_as_its_answer_says():
    rankings = {"A": "TTT", "B": "TTTFFF", "C": "TTFT", "D": "TT", "E": "FTTT"}
    perfect = [k for k, text in rankings.items() if perfect_ap([c == "T" for c in text], 3)]
    assert find("perfect_rankings")[1].answer == perfect


@pytest.mark.parametrize("name", ["match_detections", "mean_average_precision", "coco_map"])
def test_the_evaluator_behind_the_misconceptions_is_right_when_no_switch_is_thrown(name):
    plain = {
        "match_detections": lambda *arguments: torch.tensor(RIGHT(*arguments), dtype=torch.bool),
        "mean_average_precision": MeanOverClasses(),
        "coco_map": COCO(most=MOST),
    }[name]
    reference = {
        "match_detections": match_detections,
        "mean_average_precision": mean_average_precision,
        "coco_map": coco_map,
    }[name]
    for case_set in hidden(ASSIGNMENT, name):
        for case in case_set.cases:
            got, expected = plain(*case.arguments), reference(*case.arguments)
            torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def test_hidden_detectors_get_the_number_that_pycocotools_gives():
    for case_set in hidden(ASSIGNMENT, "coco_map")[:5]:
        for case, outcome in zip(case_set.cases, case_set.expected, strict=True):
            found, truth, classes = case.arguments
            if any(len(each["boxes"]) for each in truth):
                assert outcome.value == pytest.approx(
                    pycocotools_map(found, truth, classes), abs=1e-9
                )
