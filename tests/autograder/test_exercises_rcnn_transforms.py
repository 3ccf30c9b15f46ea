"""Exercises of 02_rcnn_transforms: right answers pass, wrong ones are named, idle ones get 0."""

import math

import pytest
import torch

from autograder.exercises import find
from autograder.exercises.rcnn_transforms import CLASSES_BY_HAND, OVERLAPS_BY_HAND
from autograder.exercises.rcnn_transforms.region_grouping import Grouping, right
from course.similarities import smaller_first
from solutions.proposals import group_regions
from solutions.rcnn import decode_boxes, label_proposals
from tests.autograder.exercise_rules import ExerciseRules, hidden

ASSIGNMENT = "02_rcnn_transforms"

# What the function is for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("histogram_intersection", "product_of_the_bins"),
    ("histogram_intersection", "one_minus_the_whole_distance"),
    ("size_similarity", "equal_sizes_are_similar"),
    ("fill_similarity", "share_of_the_box_that_is_filled"),
    ("group_regions", "least_similar_first"),
    ("group_regions", "merges_regions_apart"),
    ("group_regions", "merger_without_neighbours"),
    ("group_regions", "neighbours_of_one_region"),
    ("group_regions", "merges_with_itself"),
    ("group_regions", "keeps_old_similarities"),
    ("group_regions", "size_of_the_box"),
    ("group_regions", "mergers_only"),
    ("crop_and_resize", "without_the_half_pixel"),
    ("crop_and_resize", "from_the_first_pixel_to_the_last"),
    ("crop_and_resize", "nearest_pixel"),
    ("crop_and_resize", "x_for_y"),
    ("crop_and_resize", "height_and_width_swapped"),
    ("encode_boxes", "corner_for_centre"),
    ("encode_boxes", "divided_by_the_ground_truth"),
    ("encode_boxes", "no_logarithm"),
    ("encode_boxes", "height_before_width"),
    ("decode_boxes", "no_exponential"),
    ("decode_boxes", "growth_as_a_share"),
    ("decode_boxes", "centre_for_corner"),
    ("decode_boxes", "height_before_width"),
    ("label_proposals", "match_for_class"),
    ("label_proposals", "neutral_as_background"),
    ("label_proposals", "class_off_by_one"),
    ("label_proposals", "matches_of_positives_only"),
    ("rcnn_loss", "neutral_as_background"),
    ("rcnn_loss", "neutral_in_the_number"),
    ("rcnn_loss", "box_loss_over_positives"),
    ("rcnn_loss", "background_has_boxes"),
    ("rcnn_loss", "beta_of_the_proposal_network"),
    ("rcnn_loss", "detached"),
    ("select_by_background", "most_likely_background"),
    ("select_by_background", "best_class_first"),
    ("select_per_class", "background_is_a_class"),
    ("select_per_class", "in_its_best_class_only"),
]

# Each fails these groups and no other: the rest of such an answer is right and is paid.
EDGE_MISTAKES = [
    ("histogram_intersection", "nan_of_an_empty_bin", {"empty bins", "nothing in common"}),
    ("group_regions", "highest_of_equal_pairs", {"equal similarities", "pairs in any order"}),
    ("group_regions", "pair_as_it_is_written", {"pairs in any order"}),
    ("group_regions", "joins_rows", {"rows of quantities"}),
    ("group_regions", "until_one_region_is_left", {"regions in several parts", "no neighbours"}),
    ("group_regions", "fails_without_neighbours", {"no neighbours", "one region or none"}),
    ("group_regions", "changes_its_input", {"inputs stay as they are"}),
    ("group_regions", "crashes_on_no_boxes", {"one region or none"}),
    ("group_regions", "returns_float32", {"types"}),
    ("crop_and_resize", "black_outside", {"beyond the image"}),
    ("crop_and_resize", "negative_indices", {"beyond the image"}),
    ("crop_and_resize", "clips_the_boxes", {"beyond the image"}),
    ("crop_and_resize", "crashes_on_no_boxes", {"no boxes"}),
    ("crop_and_resize", "returns_float64", {"types"}),
    ("encode_boxes", "crashes_on_no_boxes", {"no boxes"}),
    ("encode_boxes", "returns_float32", {"types"}),
    ("decode_boxes", "no_limit", {"large growth"}),
    ("decode_boxes", "limited_below_too", {"strong shrinking"}),
    ("decode_boxes", "limits_the_move_too", {"long moves"}),
    ("decode_boxes", "crashes_on_no_boxes", {"no boxes"}),
    ("label_proposals", "above_the_upper_threshold_only", {"at the thresholds"}),
    ("label_proposals", "background_at_the_lower_threshold", {"at the thresholds"}),
    ("label_proposals", "last_of_equal_overlaps", {"equal overlaps", "no overlap"}),
    ("label_proposals", "no_match_without_overlap", {"no overlap"}),
    ("label_proposals", "fails_without_ground_truth", {"no ground truth"}),
    ("rcnn_loss", "nan_of_nothing", {"nothing counts", "no proposals"}),
    ("rcnn_loss", "no_graph_of_nothing", {"nothing counts", "no proposals"}),
    ("rcnn_loss", "softmax_overflows", {"large logits"}),
    ("rcnn_loss", "changes_its_input", {"inputs stay as they are"}),
    ("select_by_background", "later_of_equals", {"equal probabilities"}),
    ("select_by_background", "fails_on_fewer_than_k", {"fewer than k proposals", "no proposals"}),
    ("select_per_class", "later_of_equals", {"equal probabilities"}),
    ("select_per_class", "fails_on_fewer_than_k", {"fewer than k proposals", "no proposals"}),
]


class TestRcnnTransforms(ExerciseRules):
    assignment = ASSIGNMENT
    core = CORE_MISTAKES
    edge = EDGE_MISTAKES


def test_the_grouping_that_mistakes_are_made_of_is_the_reference():
    for case_set in hidden(ASSIGNMENT, "group_regions"):
        for case in case_set.cases:
            assert torch.equal(right(*case.arguments), group_regions(*case.arguments))


def test_pairs_compete_with_equal_similarity_only_where_that_is_tested():
    last = Grouping(rank=lambda likeness, pair, names: (-likeness, [-i for i in pair]))
    meant = {"equal similarities", "pairs in any order"}
    for case_set in hidden(ASSIGNMENT, "group_regions"):
        for case in case_set.cases:
            same = torch.equal(last(*case.arguments), right(*case.arguments))
            assert same or case.group in meant


def test_an_overlap_is_clear_of_the_thresholds_or_exactly_on_them():
    for case_set in hidden(ASSIGNMENT, "label_proposals"):
        for case in case_set.cases:
            iou, _, *thresholds = case.arguments
            for threshold in thresholds or (0.5, 0.3):
                distance = (iou.double() - threshold).abs()
                on_it = distance == 0
                assert (on_it | (distance > 1e-4)).all()
                assert not on_it.any() or case.group == "at the thresholds"


def test_no_crop_reads_halfway_between_two_pixels_where_the_nearest_is_a_mistake():
    """Otherwise it would depend on how a student rounds whether that mistake is named."""
    for case_set in hidden(ASSIGNMENT, "crop_and_resize"):
        for case in case_set.cases:
            image, boxes, (height, width) = case.arguments
            if "inside" not in case.group:
                continue
            for start, end, count in ((0, 2, width), (1, 3, height)):
                bins = (torch.arange(count) + 0.5) / count
                at = boxes[:, start, None] + bins * (boxes[:, end] - boxes[:, start])[:, None]
                assert ((at - at.round()).abs() > 1e-4).all(), (image.shape, boxes)


def test_the_box_by_hand_is_what_decoding_gives():
    box = decode_boxes(
        torch.tensor([[20.0, 10.0, 60.0, 30.0]]), torch.tensor([[0.5, -0.5, 0.0, math.log(2)]])
    )
    assert box[0].round().tolist() == find("box_by_hand")[1].answer


def test_the_targets_by_hand_are_what_labelling_gives():
    labels, _ = label_proposals(torch.tensor(OVERLAPS_BY_HAND), torch.tensor(CLASSES_BY_HAND))
    assert labels.tolist() == find("targets_by_hand")[1].answer


@pytest.mark.parametrize("count", [2, 5, 200])
def test_the_number_of_boxes_of_a_grouping_is_twice_the_number_of_regions_minus_one(count):
    row = torch.arange(float(count))
    boxes = torch.stack([row, row * 0, row + 1, row * 0 + 1], dim=1)
    pairs = [(i, i + 1) for i in range(count - 1)]
    found = right(boxes, torch.ones(count), pairs, smaller_first)
    assert len(found) == 2 * count - 1
    assert find("boxes_of_grouping")[1].answer == 2 * 200 - 1
