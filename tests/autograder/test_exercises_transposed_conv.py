"""Exercises of 06_transposed_conv: right answers pass, wrong ones are named, idle ones get 0."""

import pytest
import torch
from torch.nn import functional as F

from autograder.exercises import find
from autograder.exercises.transposed_conv.build_fcn import FLOOR, HIDDEN_SCENES, RAMP
from autograder.lesson import LESSONS
from course.training import BATCH, LEARNING_RATE, RECIPE, SIZE
from solutions.fcn import receptive_field
from solutions.transposed_conv import conv_transpose2d
from solutions.upsampling import max_pool, max_unpool
from tests.autograder.exercise_rules import ExerciseRules, topic_of
from tests.autograder.exercise_rules import hidden as hidden_of

ASSIGNMENT = "06_transposed_conv"
EXERCISES = {exercise.name: exercise for exercise in topic_of(ASSIGNMENT).exercises}


def hidden(name):
    return hidden_of(ASSIGNMENT, name)


# Each fails these groups and no other: the rest of such an answer is right and is paid.
EDGE_MISTAKES = [
    ("receptive_field", "no_layers_see_nothing", {"no layers"}),
    ("receptive_field", "changes_its_input", {"inputs stay as they are"}),
    ("pixel_cross_entropy", "always_minus_one", {"another ignored label", "nothing counts"}),
    ("pixel_cross_entropy", "logarithm_of_a_rounded_softmax", {"large logits"}),
    ("pixel_cross_entropy", "nan_of_nothing", {"nothing counts"}),
    ("pixel_cross_entropy", "no_graph_of_nothing", {"nothing counts"}),
    ("pixel_cross_entropy", "detached", {"gradients", "nothing counts"}),
    ("pixel_cross_entropy", "returns_float32", {"types"}),
    ("bed_of_nails", "returns_float32", {"types"}),
    ("nearest_upsample", "returns_float64", {"types"}),
    ("bilinear_upsample", "returns_float32", {"types"}),
    ("bicubic_upsample", "returns_float32", {"types"}),
    ("max_pool", "last_of_equals", {"equal values"}),
    ("max_pool", "starts_at_zero", {"values below zero"}),
    ("max_pool", "keeps_the_remainder", {"a remainder", "no whole block"}),
    ("max_pool", "fails_on_a_remainder", {"a remainder", "no whole block"}),
    ("max_pool", "width_without_the_remainder", {"a remainder"}),
    ("max_pool", "fails_without_a_block", {"no whole block"}),
    ("max_pool", "returns_float32", {"types"}),
    ("max_unpool", "width_of_whole_blocks", {"a larger map"}),
    ("max_unpool", "adds_up", {"an index twice"}),
    ("max_unpool", "keeps_the_larger", {"values below zero"}),
    ("max_unpool", "fails_without_values", {"no values"}),
    ("max_unpool", "returns_float64", {"types"}),
    ("conv_transpose1d", "length_by_formula_alone", {"no values"}),
    ("conv_transpose1d", "returns_float32", {"types"}),
    ("conv_transpose2d", "padding_adds", {"padding", "output padding"}),
    ("conv_transpose2d", "ignores_padding", {"padding", "output padding"}),
    ("conv_transpose2d", "trims_top_and_left_only", {"padding", "output padding"}),
    ("conv_transpose2d", "ignores_output_padding", {"output padding"}),
    ("conv_transpose2d", "output_padding_after_trimming", {"output padding"}),
    ("conv_transpose2d", "output_padding_at_the_start", {"output padding"}),
    ("conv_transpose2d", "output_padding_on_all_sides", {"output padding"}),
    ("conv_transpose2d", "returns_float32", {"types"}),
    ("convolution_matrix", "padding_cut_at_the_start", {"padding", "types"}),
    ("convolution_matrix", "padding_cut_at_the_end", {"padding", "types"}),
    ("convolution_matrix", "fails_where_nothing_fits", {"a kernel that does not fit"}),
    ("convolution_matrix", "returns_float32", {"types"}),
    ("build_fcn", "only_multiples_of_16", {"any size", "channels and classes"}),
    ("build_fcn", "three_channels", {"channels and classes"}),
    ("build_fcn", "four_classes", {"channels and classes"}),
    ("build_fcn", "softmax_at_the_end", {"logits"}),
]

# What the function is for: without it there are no points, however many edges pass.
CORE_MISTAKES = [
    ("receptive_field", "sum_of_kernels"),
    ("receptive_field", "own_stride_first"),
    ("receptive_field", "forgets_the_pixel_itself"),
    ("receptive_field", "ignores_strides"),
    ("receptive_field", "from_the_last_layer"),
    ("pixel_cross_entropy", "ignored_in_the_mean"),
    ("pixel_cross_entropy", "ignored_as_background"),
    ("pixel_cross_entropy", "softmax_over_the_columns"),
    ("pixel_cross_entropy", "pixels_mixed_up"),
    ("pixel_cross_entropy", "softmax_twice"),
    ("bed_of_nails", "in_the_centre"),
    ("bed_of_nails", "in_the_lower_right"),
    ("nearest_upsample", "tiled"),
    ("nearest_upsample", "repeated_in_one_line"),
    ("bilinear_upsample", "aligned_corners"),
    ("bilinear_upsample", "no_half_pixel"),
    ("bilinear_upsample", "extrapolates"),
    ("bilinear_upsample", "wraps_around"),
    ("bicubic_upsample", "a_is_minus_half"),
    ("bicubic_upsample", "position_limited_to_the_map"),
    ("bicubic_upsample", "leaves_out_what_is_beyond"),
    ("max_pool", "places_in_the_block"),
    ("max_pool", "width_of_the_pooled_map"),
    ("max_pool", "across_channels"),
    ("max_unpool", "fills_the_block"),
    ("max_unpool", "all_in_the_first_channel"),
    ("conv_transpose1d", "overwrites"),
    ("conv_transpose1d", "kernel_flipped"),
    ("conv_transpose1d", "ignores_stride"),
    ("conv_transpose1d", "one_too_short"),
    ("conv_transpose2d", "overwrites"),
    ("conv_transpose2d", "kernel_flipped"),
    ("conv_transpose2d", "channels_of_the_weight_exchanged"),
    ("conv_transpose2d", "last_input_channel_only"),
    ("convolution_matrix", "transposed"),
    ("convolution_matrix", "kernel_flipped"),
    ("convolution_matrix", "ignores_stride"),
    ("build_fcn", "pixel_by_pixel"),
    ("build_fcn", "sees_a_few_pixels"),
    ("build_fcn", "stays_small"),
]


class TestTransposedConv(ExerciseRules):
    assignment = ASSIGNMENT
    core = CORE_MISTAKES
    edge = EDGE_MISTAKES


def smallest(stride):
    """Return how many 3x3 layers it takes until one output sees 101 pixels."""
    return next(n for n in range(200) if receptive_field([(3, stride)] * n) >= 101)


def test_the_number_of_layers_is_what_the_rule_gives():
    assert find("layers_needed")[1].answer == [smallest(1), smallest(2)]


def copies(kernel, stride):
    """Return how many copies reach each inner output of a long sequence."""
    ones = torch.ones(1, 1, 40), torch.ones(1, 1, kernel)
    return F.conv_transpose1d(*ones, stride=stride)[0, 0, 12:-12]


def test_a_checkerboard_is_left_where_the_counts_of_copies_differ():
    offered = {"A": (3, 2), "B": (4, 2), "C": (2, 2), "D": (5, 3), "E": (6, 3), "F": (3, 1)}
    uneven = [letter for letter, how in offered.items() if len(copies(*how).unique()) > 1]
    assert find("checkerboard")[1].answer == uneven


def test_trimming_five_by_five_to_four_by_four_is_among_the_cases():
    for case_set in hidden("conv_transpose2d"):
        arguments = [case.arguments for case in case_set.cases if case.group == "output padding"]
        lecture = next(a for a in arguments if a[0].shape == (1, 2, 2) and a[2:] == (2, 1, 1))
        assert conv_transpose2d(*lecture).shape == (1, 4, 4)
        assert conv_transpose2d(*lecture[:3]).shape == (1, 5, 5)


def test_the_lectures_unpooling_is_what_the_functions_do():
    x = torch.tensor([[[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]])
    values, indices = max_pool(x, 2)
    assert values.tolist() == [[[5, 6], [7, 8]]]
    back = max_unpool(torch.tensor([[[1.0, 2], [3, 4]]]), indices, (4, 4))
    assert back.tolist() == [[[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]]


@pytest.mark.parametrize("name", ["bilinear_upsample", "bicubic_upsample"])
def test_maps_are_small_and_never_square_only(name):
    for case_set in hidden(name):
        shapes = [case.arguments[0].shape for case in case_set.cases]
        assert all(shape.numel() <= 30 for shape in shapes)
        assert any(height != width for _, height, width in shapes)


def test_equal_values_stand_only_where_ties_are_tested():
    for case_set in hidden("max_pool"):
        for case in case_set.cases:
            x = case.arguments[0]
            assert (case.group == "equal values") == (len(x.unique()) < x.numel())


def test_the_lesson_states_how_the_network_is_trained_and_what_each_mean_iou_is_worth():
    text = (LESSONS / f"{ASSIGNMENT}.py").read_text()
    told = text.partition("### Exercise: `build_fcn`")[2].partition('solution="build_fcn"')[0]
    told = " ".join(told.replace("\n# ", "\n").split())
    height, width = SIZE
    for sentence in (
        f"{RECIPE['scenes']} scenes of {height} x {width}",
        f"{RECIPE['steps']}, each with {BATCH} scenes",
        f"rises to {LEARNING_RATE:g}",
        f"| seed | {RECIPE['seed']},",
        f"{HIDDEN_SCENES} scenes that nobody has seen",
        f"below {FLOOR:.2f}",
        ", ".join(f"{goal:.2f}" for goal in RAMP),
    ):
        assert sentence in told, sentence
