"""Exercises of 05_rpn: right answers pass, wrong ones are named, idle ones get 0."""

import torch

from autograder.exercises import find
from solutions.single_stage import forward_passes
from tests.autograder.exercise_rules import ExerciseRules, hidden

ASSIGNMENT = "05_rpn"
NOTHING_COUNTS = {"only neutral anchors", "no anchors"}
NO_COUNTED_PROPOSAL = {"only neutral proposals", "no proposals"}

# What the functions are for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("rpn_loss", "sigmoid_twice"),
    ("rpn_loss", "beta_one"),
    ("rpn_loss", "divides_by_everything"),
    ("rpn_loss", "neutral_as_background"),
    ("rpn_loss", "boxes_of_negatives"),
    ("detection_loss", "softmax_twice"),
    ("detection_loss", "row_l_for_label_l"),
    ("detection_loss", "background_has_a_box_loss"),
    ("detection_loss", "transform_of_the_predicted_class"),
    ("detection_loss", "classes_of_positives_only"),
    ("head_channels", "no_background"),
    ("head_channels", "four_once_for_all_anchors"),
    ("head_channels", "a_transform_for_background"),
    ("forward_passes", "rcnn_shares_its_backbone"),
    ("forward_passes", "fast_is_like_rcnn"),
    ("forward_passes", "faster_without_a_head"),
    ("forward_passes", "single_stage_with_a_head"),
    ("single_stage_detections", "best_class_only"),
    ("single_stage_detections", "background_counted"),
    ("single_stage_detections", "sigmoid_for_softmax"),
    ("single_stage_detections", "suppresses_across_classes"),
    ("single_stage_detections", "labels_off_by_one"),
    ("single_stage_detections", "anchors_for_boxes"),
]

# Each fails these groups and no other: the rest of such an answer is right and is paid.
EDGE_MISTAKES = [
    ("rpn_loss", "logarithm_of_the_probability", {"large logits"}),
    ("rpn_loss", "nan_of_nothing", NOTHING_COUNTS),
    ("rpn_loss", "no_graph_of_nothing", NOTHING_COUNTS),
    (
        "rpn_loss",
        "box_loss_is_a_constant_without_positives",
        {"no positive anchor"},
    ),
    ("rpn_loss", "detached", {"no positive anchor", "gradients", *NOTHING_COUNTS}),
    ("rpn_loss", "returns_float32", {"types"}),
    ("detection_loss", "logarithm_of_the_probability", {"large logits"}),
    ("detection_loss", "nan_of_nothing", NO_COUNTED_PROPOSAL),
    ("detection_loss", "no_graph_of_nothing", NO_COUNTED_PROPOSAL),
    (
        "detection_loss",
        "box_loss_is_a_constant_without_positives",
        {"no positive proposal"},
    ),
    ("detection_loss", "detached", {"no positive proposal", "gradients", *NO_COUNTED_PROPOSAL}),
    ("detection_loss", "returns_float32", {"types"}),
    ("head_channels", "class_specific_by_default", {"not class-specific by default"}),
    ("forward_passes", "nothing_without_proposals", {"no proposals"}),
    ("single_stage_detections", "at_the_threshold", {"probability equal to the threshold"}),
    ("single_stage_detections", "later_of_equal_scores", {"equal scores"}),
    (
        "single_stage_detections",
        "not_clipped",
        {"at the image's edge", "clipped before they are compared"},
    ),
    ("single_stage_detections", "clipped_at_the_end", {"clipped before they are compared"}),
    (
        "single_stage_detections",
        "crashes_when_nothing_is_found",
        {"nothing above the threshold"},
    ),
    ("single_stage_detections", "crashes_on_no_boxes", {"no anchors"}),
    (
        "single_stage_detections",
        "float_labels_of_nothing",
        {"nothing above the threshold", "no anchors"},
    ),
    ("single_stage_detections", "returns_float32", {"types"}),
]


class TestRpn(ExerciseRules):
    assignment = ASSIGNMENT
    core = CORE_MISTAKES
    edge = EDGE_MISTAKES


def test_a_probability_is_clear_of_the_score_threshold_or_exactly_on_it():
    on_it = 0
    for case_set in hidden(ASSIGNMENT, "single_stage_detections"):
        for case in case_set.cases:
            logits, threshold = case.arguments[0], case.arguments[4]
            distance = (logits.double().softmax(dim=1)[:, 1:] - threshold).abs()
            assert ((distance == 0) | (distance > 1e-4)).all()
            on_it += int((distance == 0).sum())
    assert on_it >= 20


def test_what_a_proposal_is_taken_for_is_never_what_it_is():
    """Otherwise predicted and true class could not be told apart."""
    for case_set in hidden(ASSIGNMENT, "detection_loss"):
        for case in case_set.cases:
            logits, _, labels, _ = case.arguments
            if case.group != "large logits":
                assert (logits.argmax(dim=1) != labels)[labels >= 0].all()


def test_every_distance_of_a_transform_is_clear_of_both_betas():
    for name in ("rpn_loss", "detection_loss"):
        for case_set in hidden(ASSIGNMENT, name):
            for case in case_set.cases:
                _, transforms, labels, targets = case.arguments
                rows = labels > 0
                own = transforms[rows]
                if own.ndim == 3:
                    own = own[torch.arange(len(own)), labels[rows] - 1]
                distance = (own - targets[rows]).abs()
                for beta in (1 / 9, 1):
                    assert ((distance - beta).abs() > 1e-3).all()


SECONDS = {
    "search": 2,
    "whole image": 0.15,
    "crop": 0.02,
    "head": 0.0001,
    "rpn": 0.01,
}  # the lesson's


def parts_of(system, proposals):
    """Return the seconds that each part of a system takes, by the lesson's table."""
    backbone, heads = forward_passes(system, proposals)
    each = SECONDS["crop"] if system == "rcnn" else SECONDS["whole image"]
    return {
        "proposals": SECONDS["rpn"] if system == "faster" else SECONDS["search"],
        "backbone": backbone * each,
        "heads": heads * SECONDS["head"],
    }


def test_the_slowest_system_and_its_largest_part_follow_from_the_lessons_table():
    parts = {
        system: parts_of(system, proposals)
        for system, proposals in (("faster", 300), ("fast", 2000), ("rcnn", 2000))
    }
    order = sorted(parts, key=lambda system: -sum(parts[system].values()))
    largest = [[system, max(parts[system], key=parts[system].get)] for system in order]
    assert find("slowest_first")[1].answer == largest
