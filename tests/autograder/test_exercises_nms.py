"""Exercises of 03_nms: right answers of any style pass, wrong ones are named, idle ones get 0."""

import pytest
import torch

from autograder.errors import UsageError
from autograder.exercise import Exercise, Question, WrittenAnswer
from autograder.exercises import find
from autograder.exercises.nms.greedy_nms import greedy
from solutions.boxes import box_iou
from tests.autograder.exercise_rules import ExerciseRules, judged, topic_of
from tests.autograder.exercise_rules import hidden as hidden_of

ASSIGNMENT = "03_nms"
TOPIC = topic_of(ASSIGNMENT)
EXERCISES = {exercise.name: exercise for exercise in TOPIC.exercises}


def hidden(name):
    return hidden_of(ASSIGNMENT, name)


# Each fails these groups and no other: the rest of such an answer is right and is paid.
EDGE_MISTAKES = [
    ("box_area", "crashes_on_no_boxes", {"no boxes"}),
    ("box_area", "clips_at_zero", {"negative coordinates"}),
    ("box_area", "returns_float32", {"types"}),
    ("box_area", "returns_float64", {"types"}),
    ("box_iou", "nan_on_an_empty_union", {"boxes without area"}),
    ("box_iou", "crashes_on_no_boxes", {"no boxes"}),
    ("box_iou", "flat_when_empty", {"no boxes"}),
    ("box_iou", "returns_float32", {"types"}),
    ("box_iou", "returns_float64", {"types"}),
    ("nms", "drops_at_the_threshold", {"IoU equal to the threshold", "thresholds 0 and 1"}),
    ("nms", "later_of_equal_scores", {"equal scores"}),
    ("nms", "crashes_on_no_boxes", {"no boxes"}),
    ("nms", "float_indices_of_no_boxes", {"no boxes"}),
    ("nms_per_class", "counts_labels", {"labels with gaps", "one class", "one box"}),
    ("nms_per_class", "offset_by_the_largest_coordinate", {"negative coordinates"}),
    ("nms_per_class", "equal_scores_by_class", {"equal scores"}),
    ("nms_per_class", "crashes_on_no_boxes", {"no boxes"}),
    ("nms_per_class", "float_indices_of_no_boxes", {"no boxes"}),
    ("soft_nms", "normal_distribution", {"sigma"}),
    ("soft_nms", "ignores_sigma", {"sigma"}),
    ("soft_nms", "drops_at_the_threshold", {"score equal to the threshold"}),
    ("soft_nms", "first_box_whatever_its_score", {"below the threshold at the start"}),
    ("soft_nms", "drops_only_at_the_start", {"dropped later", "default threshold"}),
    ("soft_nms", "crashes_when_nothing_is_selected", {"below the threshold at the start"}),
    ("soft_nms", "crashes_on_no_boxes", {"no boxes"}),
    ("soft_nms", "returns_float32", {"types"}),
    ("soft_nms", "returns_float64", {"types"}),
]

# What the function is for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("box_area", "plus_one_pixel"),
    ("box_area", "takes_xywh"),
    ("box_iou", "negative_overlap"),
    ("box_iou", "clamps_the_product"),
    ("box_iou", "union_counts_overlap_twice"),
    ("box_iou", "transposed"),
    ("nms", "takes_boxes_as_given"),
    ("nms", "positions_in_the_sorted_list"),
    ("nms", "dropped_boxes_drop_others"),
    ("nms", "sorted_by_index"),
    ("nms_per_class", "ignores_labels"),
    ("nms_per_class", "class_after_class"),
    ("soft_nms", "linear_decay"),
    ("soft_nms", "original_scores"),
    ("soft_nms", "order_of_the_original_scores"),
]


class TestNms(ExerciseRules):
    assignment = ASSIGNMENT
    core = CORE_MISTAKES
    edge = EDGE_MISTAKES


@pytest.mark.parametrize("name", EXERCISES)
def test_an_unknown_mistake_at_the_core_gets_no_name_though_an_edge_looks_known(name):
    right = EXERCISES[name].reference

    def halves(*arguments):
        if len(arguments[0]) == 0:
            raise IndexError("as crashes_on_no_boxes does")
        result = right(*arguments)
        return tuple(part[::2] for part in result) if isinstance(result, tuple) else result[::2]

    for case_set in hidden(name):
        assert judged(halves, case_set).mistake is None


@pytest.mark.parametrize("name", EXERCISES)
def test_the_first_failing_group_has_a_sentence_for_an_unknown_mistake(name):
    right = EXERCISES[name].reference

    def halves(*arguments):
        result = right(*arguments)
        return tuple(part[::2] for part in result) if isinstance(result, tuple) else result[::2]

    found = judged(halves, hidden(name)[0])
    assert found.mistake is None
    assert found.first_failure.group.sentence.endswith(".")


@pytest.mark.parametrize("name", ["nms", "nms_per_class"])
def test_an_iou_is_clear_of_the_threshold_or_exactly_on_it(name):
    seen = set()
    for case_set in hidden(name):
        for case in case_set.cases:
            boxes, threshold = case.arguments[0], case.arguments[-1]
            distance = (box_iou(boxes, boxes) - threshold).abs()
            on_it = distance == 0
            assert (on_it | (distance > 1e-4)).all()
            if on_it.any():
                seen.add(threshold)
    assert seen <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert 0.5 in seen


@pytest.mark.parametrize("name", EXERCISES)
def test_boxes_are_few_lawful_and_exact_in_float32(name):
    for case_set in hidden(name):
        for case in case_set.cases:
            for boxes in case.arguments:
                if isinstance(boxes, torch.Tensor) and boxes.ndim == 2:
                    assert len(boxes) <= 30
                    assert (boxes[:, :2] <= boxes[:, 2:]).all()
                    assert torch.equal(boxes * 4, (boxes * 4).round())


def test_every_exercise_is_found_by_its_name():
    assert find("nms") == (TOPIC, EXERCISES["nms"])
    assert isinstance(find("soft_nms")[1], Exercise)
    assert isinstance(find("kept_by_hand")[1], Question)
    assert isinstance(find("why_not_lower")[1], WrittenAnswer)


def test_an_unknown_exercise_is_refused_with_the_names_that_exist():
    with pytest.raises(UsageError, match=r"exercise must be one of .*box_area, .*, got 'nsm'"):
        find("nsm")


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_uses_only_what_the_topic_has(name):
    assert set(EXERCISES[name].uses) < set(EXERCISES) - {name}


LECTURE_BOXES = ["blue", "orange", "purple", "yellow"]  # best first
LECTURE_IOU = {("blue", "orange"): 0.78, ("blue", "purple"): 0.05} | {
    ("blue", "yellow"): 0.07, ("purple", "yellow"): 0.74, ("orange", "purple"): 0.06,
    ("orange", "yellow"): 0.06,
}  # fmt: skip


def kept_in_lecture(threshold):
    return greedy(LECTURE_BOXES, lambda i, j: LECTURE_IOU[i, j] > threshold)


def test_the_lectures_example_has_the_answer_that_nms_gives():
    assert find("kept_by_hand")[1].answer == kept_in_lecture(0.7)
    counts = [len(kept_in_lecture(threshold)) for threshold in (0, 0.5, 0.76, 0.8)]
    assert find("kept_counts")[1].answer == counts
