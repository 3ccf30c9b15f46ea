"""Exercises of 07_mask_rcnn_heads: right answers pass, wrong ones are named, idle ones get 0."""

import pytest
import torch

from autograder.exercises import find
from course.outcome import LocalSubject, observe
from solutions.masks import MaskHead
from solutions.rcnn import crop_and_resize
from tests.autograder.exercise_rules import ExerciseRules, hidden, judged

ASSIGNMENT = "07_mask_rcnn_heads"

# Each fails these groups and no other: the rest of such an answer is right and is paid.
EDGE_MISTAKES = [
    ("mask_targets", "more_than_half", {"exactly one half"}),
    ("mask_targets", "last_mask_for_no_match", {"no match", "no objects"}),
    ("mask_targets", "leaves_out_boxes_without_match", {"no match", "no objects"}),
    ("mask_targets", "crashes_on_no_boxes", {"no boxes", "no objects"}),
    ("mask_targets", "returns_float32", {"types"}),
    ("mask_targets", "returns_float64", {"types"}),
    ("mask_loss", "sigmoid_rounds", {"large logits"}),
    ("mask_loss", "nan_of_nothing", {"no positives", "no regions"}),
    ("mask_loss", "no_graph_of_nothing", {"no positives"}),
    ("mask_loss", "returns_float32", {"types"}),
    ("mask_loss", "returns_float64", {"types"}),
    ("paste_masks", "right_edge_included", {"edges at pixel centres"}),
    ("paste_masks", "more_than_the_threshold", {"value equal to the threshold"}),
    ("paste_masks", "ignores_the_threshold", {"other thresholds"}),
    ("paste_masks", "squeezed_into_the_image", {"boxes over the edge"}),
    ("paste_masks", "crashes_on_no_boxes", {"no boxes"}),
    ("keypoint_targets", "right_edge_is_outside", {"edges of the box"}),
    ("keypoint_targets", "right_edge_overflows", {"edges of the box"}),
    ("keypoint_targets", "box_without_area_counts", {"boxes without area"}),
    ("keypoint_targets", "bins_that_do_not_count_are_left", {"bins that do not count"}),
    ("keypoint_targets", "crashes_on_no_boxes", {"nothing to locate"}),
    ("keypoint_loss", "mean_of_the_regions_means", {"unequal regions"}),
    ("keypoint_loss", "softmax_rounds", {"large logits"}),
    ("keypoint_loss", "nan_of_nothing", {"none counts", "nothing at all"}),
    ("keypoint_loss", "no_graph_of_nothing", {"none counts"}),
    ("keypoint_loss", "returns_float32", {"types"}),
    ("keypoint_loss", "returns_float64", {"types"}),
    ("decode_keypoints", "last_of_equals", {"equal bins"}),
    ("decode_keypoints", "overflows", {"large logits"}),
    ("decode_keypoints", "crashes_on_no_boxes", {"no boxes"}),
    ("decode_keypoints", "returns_float32", {"types"}),
    ("decode_keypoints", "returns_float64", {"types"}),
    ("panoptic_merge", "numbers_of_rejected_ones", {"too little left"}),
    ("panoptic_merge", "area_of_the_whole_mask", {"too little left"}),
    ("panoptic_merge", "ignores_min_area", {"too little left"}),
    ("panoptic_merge", "rejected_ones_block", {"too little left"}),
    ("panoptic_merge", "more_than_min_area", {"just enough left"}),
    ("panoptic_merge", "later_of_equal_scores", {"equal scores"}),
    ("panoptic_merge", "crashes_on_no_boxes", {"no instances"}),
    ("instances_of", "one_box_for_each_part", {"in several parts"}),
    ("instances_of", "counts_instances", {"numbers with gaps"}),
    ("instances_of", "crashes_on_stuff_only", {"stuff only"}),
    ("multi_head_loss", "weight_0_is_missing", {"weight 0"}),
    ("multi_head_loss", "weight_to_spare_fails", {"weights to spare", "no heads"}),
]

# What the function is for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("mask_targets", "mask_of_its_own_index"),
    ("mask_targets", "whole_image"),
    ("mask_targets", "nearest_pixel"),
    ("mask_targets", "shares_for_decisions"),
    ("MaskHead", "no_relu"),
    ("MaskHead", "sigmoid_at_the_end"),
    ("MaskHead", "no_transposed_convolution"),
    ("MaskHead", "transposed_convolution_too_early"),
    ("MaskHead", "channel_for_background"),
    ("mask_loss", "softmax_over_classes"),
    ("mask_loss", "label_for_channel"),
    ("mask_loss", "background_counted"),
    ("mask_loss", "other_classes_are_empty"),
    ("mask_loss", "detached"),
    ("paste_masks", "corners_for_centres"),
    ("paste_masks", "nearest_cell"),
    ("paste_masks", "cells_begin_at_the_edge"),
    ("paste_masks", "height_and_width_swapped"),
    ("keypoint_targets", "column_times_size"),
    ("keypoint_targets", "rounds_to_the_nearest"),
    ("keypoint_targets", "only_seen_ones"),
    ("keypoint_targets", "outside_moved_to_the_edge"),
    ("keypoint_loss", "sigmoid_for_each_bin"),
    ("keypoint_loss", "all_keypoints_counted"),
    ("keypoint_loss", "detached"),
    ("decode_keypoints", "corner_of_the_bin"),
    ("decode_keypoints", "x_and_y_swapped"),
    ("decode_keypoints", "sigmoid_for_softmax"),
    ("panoptic_merge", "takes_masks_as_given"),
    ("panoptic_merge", "later_ones_write_over"),
    ("panoptic_merge", "stuff_is_lost"),
    ("instances_of", "last_pixel_cut_off"),
    ("instances_of", "background_is_an_instance"),
    ("instances_of", "most_common_label_in_the_box"),
    ("multi_head_loss", "missing_weight_is_0"),
    ("multi_head_loss", "mean_for_sum"),
    ("multi_head_loss", "by_position"),
    ("multi_head_loss", "detached"),
]


class TestMaskRcnnHeads(ExerciseRules):
    assignment = ASSIGNMENT
    core = CORE_MISTAKES
    edge = EDGE_MISTAKES


def test_no_share_of_a_mask_is_near_one_half_unless_it_is_one_half():
    for case_set in hidden(ASSIGNMENT, "mask_targets"):
        for case in case_set.cases:
            masks, boxes, matches, *size = case.arguments
            side = size[0] if size else 28
            if not len(masks):
                continue
            values = crop_and_resize(masks.double(), boxes.double(), (side, side))
            own = values[torch.arange(len(boxes)), matches][matches >= 0]
            halves = own == 0.5
            assert (((own - 0.5).abs() > 1e-3) | halves).all()
            assert bool(halves.any()) == (case.group == "exactly one half")


def test_a_mask_head_whose_layers_are_in_a_plain_list_is_told_what_counts_as_a_layer():
    class Hidden(MaskHead):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.hidden = [self.layers]
            del self.layers

        def forward(self, features):
            return self.hidden[0](features)

    found = judged(Hidden, hidden(ASSIGNMENT, "MaskHead")[0])
    assert found.score == 0
    assert found.first_failure.group.name == "layers"
    assert "an attribute of the module" in found.first_failure.group.sentence


def test_the_masks_of_equal_heads_are_equal_though_their_weights_were_random():
    _, exercise = find("MaskHead")
    case = next(c for c in hidden(ASSIGNMENT, "MaskHead")[0].cases if c.apply)
    first, second = (observe(LocalSubject(exercise.reference), case) for _ in range(2))
    assert torch.equal(first.value["outputs"][0], second.value["outputs"][0])
    assert (first.value["outputs"][0] < 0).any()


@pytest.mark.parametrize("name", ["keypoint_targets"])
def test_no_keypoint_is_near_the_border_of_a_bin_unless_it_is_on_it(name):
    for case_set in hidden(ASSIGNMENT, name):
        for case in case_set.cases:
            keypoints, boxes, *size = (argument for argument in case.arguments)
            low, high = boxes.double()[:, None, :2], boxes.double()[:, None, 2:]
            bins = (keypoints.double()[..., :2] - low) / (high - low) * (size[0] if size else 56)
            distance = (bins - bins.round()).abs()
            assert ((distance > 1e-3) | (distance == 0) | ~distance.isfinite()).all()


def test_what_each_task_tells_follows_from_what_it_outputs():
    def answer(labels_things, labels_stuff, tells_instances):
        told = {
            "a": tells_instances,
            "b": labels_stuff,
            "c": labels_things and tells_instances,
            "d": labels_things,
        }
        return "".join(letter for letter, known in told.items() if known)

    assert find("kept_by_tasks")[1].answer == {
        "semantic": answer(True, True, False),
        "detection": answer(False, False, True),
        "instance": answer(True, False, True),
        "panoptic": answer(True, True, True),
    }


def test_the_heads_of_a_task_begin_with_class_and_box():
    answer = find("heads_for_tasks")[1].answer
    assert all(heads.startswith("AB") for heads in answer.values())
    assert answer["instances"] == answer["detect"] + "C"
    assert answer["poses"] == answer["detect"] + "D"
