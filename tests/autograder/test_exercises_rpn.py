"""Exercises of 05_rpn: right answers pass, wrong ones are named, idle ones get 0."""

import torch

from autograder.exercises import find
from solutions.single_stage import forward_passes
from tests.autograder.exercise_rules import ExerciseRules, hidden

ASSIGNMENT = "05_rpn"
NOTHING_COUNTS = {"only neutral anchors", "no anchors"}
NO_COUNTED_PROPOSAL = {"only neutral proposals", "no proposals"}
NEAR_THE_BORDER = {"points near the border", "points outside", "points just one cell outside"}

# What the functions are for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("roi_pool", "x_and_y_swapped"),
    ("roi_pool", "height_and_width_swapped"),
    ("roi_pool", "scale_forgotten"),
    ("roi_pool", "mean_for_max"),
    ("roi_pool", "rounds_down"),
    ("roi_pool", "last_cell_left_out"),
    ("roi_pool", "bins_do_not_overlap"),
    ("roi_align", "x_and_y_swapped"),
    ("roi_align", "scale_forgotten"),
    ("roi_align", "whole_cells"),
    ("roi_align", "half_pixel_forgotten"),
    ("roi_align", "one_point_a_bin"),
    ("roi_align", "max_for_mean"),
    ("roi_align", "nearest_cell"),
    ("anchor_grid", "corners_of_cells"),
    ("anchor_grid", "ratio_as_width_over_height"),
    ("anchor_grid", "area_not_kept"),
    ("anchor_grid", "sizes_inner"),
    ("anchor_grid", "column_by_column"),
    ("anchor_grid", "one_shape_after_the_other"),
    ("label_anchors", "best_anchors_forgotten"),
    ("label_anchors", "negative_after_the_best"),
    ("label_anchors", "no_neutral_anchors"),
    ("label_anchors", "rows_for_objects"),
    ("sample_anchors", "positives_without_limit"),
    ("sample_anchors", "not_filled_up"),
    ("sample_anchors", "as_many_of_both"),
    ("sample_anchors", "not_left_to_chance"),
    ("sample_anchors", "only_positives_by_chance"),
    ("sample_anchors", "rest_becomes_negative"),
    ("propose", "does_not_clip"),
    ("propose", "height_and_width_swapped"),
    ("propose", "does_not_suppress"),
    ("propose", "transforms_not_reordered"),
    ("propose", "returns_logits"),
    ("propose", "sorted_by_index"),
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
    ("roi_pool", "half_to_even", {"halves", "halves below zero"}),
    ("roi_pool", "half_up", {"halves below zero"}),
    ("roi_pool", "starts_at_zero", {"negative features"}),
    ("roi_pool", "border_for_an_empty_bin", {"bins outside"}),
    ("roi_pool", "minus_infinity_for_an_empty_bin", {"bins outside"}),
    ("roi_pool", "crashes_on_an_empty_bin", {"bins outside"}),
    ("roi_pool", "crashes_on_no_boxes", {"no boxes"}),
    ("roi_pool", "returns_float32", {"types"}),
    ("roi_pool", "returns_float64", {"types"}),
    ("roi_align", "at_least_one_cell", {"small boxes", "boxes without area"}),
    ("roi_align", "ignores_the_sampling_ratio", {"sampling ratio"}),
    ("roi_align", "far_points_take_the_border", {"points outside"}),
    ("roi_align", "zero_beyond_the_centres", NEAR_THE_BORDER),
    ("roi_align", "blends_with_zero", NEAR_THE_BORDER),
    ("roi_align", "indexes_beyond_the_map", NEAR_THE_BORDER),
    ("roi_align", "zero_at_one_cell", {"points just one cell outside"}),
    ("roi_align", "mean_of_the_points_inside", {"points outside"}),
    ("roi_align", "detached", {"gradients"}),
    ("roi_align", "crashes_on_no_boxes", {"no boxes"}),
    ("roi_align", "returns_float32", {"types"}),
    ("roi_align", "returns_float64", {"types"}),
    ("anchor_grid", "crashes_without_anchors", {"no anchors"}),
    ("anchor_grid", "returns_float64", {"types"}),
    ("label_anchors", "only_one_of_equal_best", {"equal best anchors"}),
    ("label_anchors", "best_at_zero", {"objects that no anchor touches"}),
    ("label_anchors", "greater_for_positive", {"IoU equal to a threshold"}),
    ("label_anchors", "negative_at_the_threshold", {"IoU equal to a threshold"}),
    ("label_anchors", "ignores_the_thresholds", {"given thresholds", "IoU equal to a threshold"}),
    (
        "label_anchors",
        "last_of_equal_objects",
        {"equal objects", "objects that no anchor touches"},
    ),
    ("label_anchors", "neutral_without_objects", {"no objects"}),
    ("label_anchors", "match_0_without_objects", {"no objects"}),
    ("label_anchors", "crashes_on_no_boxes", {"no objects", "no anchors"}),
    ("sample_anchors", "filled_with_positives", {"few negatives", "one kind only"}),
    ("sample_anchors", "rounded_up", {"rounded down"}),
    ("sample_anchors", "ignores_the_generator", {"a generator"}),
    ("sample_anchors", "crashes_on_no_boxes", {"no anchors"}),
    ("propose", "orders_by_probability", {"large logits"}),
    ("propose", "later_of_equal_logits", {"equal logits"}),
    ("propose", "measures_before_it_clips", {"small inside the image", "nothing left"}),
    ("propose", "measures_before_it_takes_the_best", {"pre_nms_top_n"}),
    ("propose", "measures_after_suppression", {"small boxes"}),
    ("propose", "limits_before_suppression", {"top_n"}),
    ("propose", "returns_all", {"top_n"}),
    ("propose", "greater_than_min_size", {"a side equal to min_size"}),
    ("propose", "fails_when_nothing_is_left", {"nothing left"}),
    ("propose", "crashes_on_no_boxes", {"no anchors"}),
    ("propose", "returns_float32", {"types"}),
    ("propose", "returns_float64", {"types"}),
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
