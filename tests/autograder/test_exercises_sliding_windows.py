"""Exercises of 01_sliding_windows: right answers pass, wrong ones are named, idle ones get 0."""

import ast
from typing import ClassVar

import pytest
import torch
from torch import nn

from autograder.exercises import find
from solutions.sliding_windows import count_positions, dense_scores, to_fully_convolutional
from tests.autograder.exercise_rules import ExerciseRules, hidden, judged, topic_of

ASSIGNMENT = "01_sliding_windows"


class TestSlidingWindows(ExerciseRules):
    assignment = ASSIGNMENT

    # Each fails these groups and no other: the rest of such an answer is right and is paid.
    edge: ClassVar = [
        ("cxcywh_to_xyxy", "clips_at_zero", {"negative coordinates"}),
        ("cxcywh_to_xyxy", "changes_its_input", {"inputs stay as they are"}),
        ("cxcywh_to_xyxy", "crashes_on_no_boxes", {"no boxes"}),
        ("cxcywh_to_xyxy", "returns_float32", {"types"}),
        ("xyxy_to_cxcywh", "clips_at_zero", {"negative coordinates"}),
        ("xyxy_to_cxcywh", "changes_its_input", {"inputs stay as they are"}),
        ("xyxy_to_cxcywh", "crashes_on_no_boxes", {"no boxes"}),
        ("xyxy_to_cxcywh", "returns_float64", {"types"}),
        ("localization_loss", "overflows", {"large logits"}),
        ("localization_loss", "detached", {"gradients", "no images"}),
        ("localization_loss", "nan_of_nothing", {"no images"}),
        ("localization_loss", "no_graph_of_nothing", {"no images"}),
        ("localization_loss", "returns_float32", {"types"}),
        (
            "count_positions",
            "does_not_look_whether_it_fits",
            {"one side too large", "both sides too large"},
        ),
        ("count_positions", "looks_at_the_product_only", {"both sides too large"}),
        ("count_positions", "rounds_towards_zero", {"too large by less than a step"}),
        ("count_boxes", "rounded_by_floats", {"very large images"}),
        ("linear_to_conv", "crashes_without_a_bias", {"without a bias"}),
        ("linear_to_conv", "makes_float32", {"types"}),
        ("linear_to_conv", "changes_its_input", {"inputs stay as they are"}),
        ("linear_to_pointwise", "crashes_without_a_bias", {"without a bias"}),
        ("linear_to_pointwise", "makes_float32", {"types"}),
        ("to_fully_convolutional", "changes_the_classifier", {"inputs stay as they are"}),
        ("to_fully_convolutional", "relu_only", {"other activations"}),
        ("to_fully_convolutional", "assumes_squares", {"not square"}),
        ("to_fully_convolutional", "needs_a_convolution", {"no convolutions"}),
        ("to_fully_convolutional", "crashes_without_a_bias", {"without a bias"}),
        ("to_fully_convolutional", "makes_float32", {"types"}),
        ("sliding_window_scores", "changes_its_input", {"inputs stay as they are"}),
        ("sliding_window_scores", "returns_float32", {"types"}),
        ("dense_scores", "returns_float64", {"types"}),
    ]

    # What the function is for: without it there are no points, however many edges pass.
    core: ClassVar = [
        ("cxcywh_to_xyxy", "corner_for_centre"),
        ("cxcywh_to_xyxy", "whole_size_each_way"),
        ("xyxy_to_cxcywh", "half_the_size_for_the_centre"),
        ("xyxy_to_cxcywh", "height_before_width"),
        ("localization_loss", "mean_of_the_four"),
        ("localization_loss", "absolute_distance"),
        ("localization_loss", "softmax_twice"),
        ("localization_loss", "ignores_the_weight"),
        ("count_positions", "first_position_forgotten"),
        ("count_positions", "one_added_before_the_division"),
        ("count_positions", "rounds_up"),
        ("count_positions", "sizes_mixed"),
        ("count_boxes", "squares_only"),
        ("count_boxes", "two_different_ends"),
        ("count_boxes", "halves_the_side_first"),
        ("linear_to_conv", "channels_last"),
        ("linear_to_conv", "flipped_kernel"),
        ("linear_to_conv", "forgets_the_bias"),
        ("linear_to_conv", "steps_by_its_own_size"),
        ("linear_to_pointwise", "kernel_of_three"),
        ("to_fully_convolutional", "activations_lost"),
        ("to_fully_convolutional", "windows_side_by_side"),
        ("to_fully_convolutional", "pooled_to_one_size"),
        ("sliding_window_scores", "softmax_over_the_windows"),
        ("sliding_window_scores", "columns_before_rows"),
        ("sliding_window_scores", "last_window_left_out"),
        ("dense_scores", "softmax_along_the_columns"),
        ("dense_scores", "read_in_another_order"),
    ]


# --- modules are judged by what they do and by the shapes of their weights


def as_it_is(linear, in_shape):
    return nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (-1, 1, 1)))


class OnEveryWindow(nn.Module):
    """Gives the right numbers, for images of any size, without a convolution."""

    def __init__(self, linear, in_shape):
        super().__init__()
        self.linear, self.size = linear, in_shape[1:]

    def forward(self, x):
        windows = x.unfold(2, self.size[0], 1).unfold(3, self.size[1], 1)
        return self.linear(windows.permute(0, 2, 3, 1, 4, 5).flatten(3)).permute(0, 3, 1, 2)


class OwnConvolution(nn.Conv2d):
    """A convolution of one's own class, in a box."""


def in_a_box(linear, in_shape):
    inner = OwnConvolution(
        in_shape[0], linear.out_features, in_shape[1:], bias=linear.bias is not None
    )
    inner.to(linear.weight)
    inner.load_state_dict(
        {k: v.reshape(getattr(inner, k).shape) for k, v in linear.state_dict().items()}
    )
    return nn.Sequential(nn.Identity(), inner)


@pytest.mark.parametrize(
    ("answer", "score"),
    [(as_it_is, 0), (OnEveryWindow, 0), (in_a_box, 1)],
    ids=["as it is", "on every window", "in a box"],
)
def test_a_convolution_is_told_from_what_only_gives_its_numbers(answer, score):
    for case_set in hidden(ASSIGNMENT, "linear_to_conv")[:3]:
        assert judged(answer, case_set).score == score


def test_the_classifier_itself_is_no_answer():
    for case_set in hidden(ASSIGNMENT, "to_fully_convolutional")[:3]:
        assert judged(lambda classifier, in_shape: classifier, case_set).score == 0


def test_weights_that_are_not_copied_are_told_apart():
    def fresh(linear, in_shape):
        return nn.Conv2d(in_shape[0], linear.out_features, in_shape[1:])

    for case_set in hidden(ASSIGNMENT, "linear_to_conv")[:3]:
        assert judged(fresh, case_set).score == 0


# --- questions


def answer(name):
    return find(name)[1].answer


def test_the_lectures_windows_are_counted_and_shared_as_the_questions_say():
    steps = torch.zeros(3, 28, 28)
    for n, (down, right) in enumerate([(0, 0), (0, 2), (2, 2)]):
        steps[n, down : down + 10, right : right + 10] = 1
    shared = [int((steps[0] * other).sum()) for other in steps[1:]]
    assert answer("shared_steps") == shared
    counts = []
    for side in (16, 28):
        windows = count_positions((side, side), (14, 14), 2)
        needed = count_positions((side, side), (5, 5))
        counts += [windows * count_positions((14, 14), (5, 5)), needed]
    assert answer("convolution_steps") == counts


def test_the_lectures_network_gives_one_four_and_sixty_four_results():
    classifier = nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 8),
        nn.ReLU(), nn.Linear(8, 4),
    )  # fmt: skip
    network = to_fully_convolutional(classifier, (3, 14, 14))
    shapes = [dense_scores(network, torch.zeros(3, n, n)).shape for n in (14, 16, 28)]
    assert [tuple(shape) for shape in shapes] == [(1, 1, 4), (2, 2, 4), (8, 8, 4)]


def test_the_slides_image_has_58_billion_boxes():
    for case_set in hidden(ASSIGNMENT, "count_boxes"):
        answers = {
            case.arguments[0]: outcome.value
            for case, outcome in zip(case_set.cases, case_set.expected, strict=True)
        }
        assert answers[600, 800] == 57_768_120_000


def test_very_large_images_are_larger_than_a_float_can_count_and_within_64_bits():
    for case_set in hidden(ASSIGNMENT, "count_boxes"):
        (largest,) = [
            outcome.value
            for case, outcome in zip(case_set.cases, case_set.expected, strict=True)
            if case.group == "very large images"
        ]
        assert 2**53 < largest < 2**63
        assert int(float(largest)) != largest


@pytest.mark.parametrize("question", topic_of(ASSIGNMENT).questions, ids=lambda q: q.name)
def test_every_wrong_answer_has_a_sentence_without_the_right_one(question):
    for written, (_, sentence) in question.wrong.items():
        assert ast.literal_eval(written) != question.answer
        assert sentence.endswith(".")
        assert str(question.answer) not in sentence
