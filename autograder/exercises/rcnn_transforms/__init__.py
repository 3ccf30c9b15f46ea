"""What is graded in 02_rcnn_transforms: proposals, crops, transforms, targets, loss and choice."""

from autograder.exercise import Question, Topic, WrittenAnswer
from autograder.exercises.rcnn_transforms.crops import CROP_AND_RESIZE
from autograder.exercises.rcnn_transforms.decode import DECODE_BOXES
from autograder.exercises.rcnn_transforms.encode import ENCODE_BOXES
from autograder.exercises.rcnn_transforms.grouping import GROUP_REGIONS
from autograder.exercises.rcnn_transforms.loss import RCNN_LOSS
from autograder.exercises.rcnn_transforms.selection import SELECT_BY_BACKGROUND
from autograder.exercises.rcnn_transforms.selection_per_class import SELECT_PER_CLASS
from autograder.exercises.rcnn_transforms.similarities import (
    FILL_SIMILARITY,
    HISTOGRAM_INTERSECTION,
    SIZE_SIMILARITY,
)
from autograder.exercises.rcnn_transforms.targets import LABEL_PROPOSALS

BOXES_OF_GROUPING = Question(
    name="boxes_of_grouping",
    answer=399,
    form="a whole number",
    example=1000,
    wrong={
        "199": (
            "mergers_only",
            "So many mergers there are: the boxes of the first regions are returned as well.",
        ),
        "200": (
            "first_regions_only",
            "So many regions there are at first: each merger adds a box.",
        ),
        "400": (
            "one_merger_too_many",
            "With two regions there is one merger, not two: how many do 200 regions need?",
        ),
        "1": (
            "last_region_only",
            "One region is left at the end, but the boxes of all that there ever were count.",
        ),
        "201": (
            "last_merger_only",
            "The regions on the way to the last one count as well, not only the whole image.",
        ),
        "19900": (
            "every_pair",
            "So many pairs there are: a merger takes two regions away, so most pairs never merge.",
        ),
    },
)

# Proposal (20, 10, 60, 30): centre (40, 20), 40 wide, 20 high. Transform (0.5, -0.5, 0, ln 2):
# centre (60, 10), 40 wide, 40 high.
BOX_BY_HAND = Question(
    name="box_by_hand",
    answer=[40, -10, 80, 30],
    form="a list of four whole numbers, x1, y1, x2 and y2",
    example=[0, 0, 10, 10],
    wrong={
        repr([40, 0, 80, 40]): (
            "corner_for_centre",
            "The upper left corner was moved, and the box grew from there: a transform moves the "
            "centre, and the box grows to all sides.",
        ),
        repr([20, 0, 100, 20]): (
            "height_before_width",
            "The width was doubled: the third number is t_w and the fourth t_h.",
        ),
        repr([60, 10, 40, 40]): (
            "centre_and_size",
            "This is the new centre and the new size: the corners are asked for.",
        ),
        repr([40, 0, 80, 20]): (
            "not_scaled",
            "The place is right, the height is not: exp(0.693) is 2.",
        ),
        repr([60, 10, 100, 50]): (
            "centre_for_corner",
            "The new centre was taken for the upper left corner: half of the size lies on each "
            "side of it.",
        ),
        repr([40, 10, 80, 50]): (
            "up_for_down",
            "The box went down: y grows downwards, so a negative t_y leads up.",
        ),
        repr([20, -30, 100, 50]): (
            "whole_size_to_each_side",
            "Half of the width and height lie on each side of the centre, not all of them.",
        ),
        repr([40, -20, 80, 20]): (
            "moved_by_the_new_size",
            "The centre was moved by half of the new height: t_y counts in the old one.",
        ),
    },
)

# Of three objects, a dog (2), a cat (1) and another dog (2), the IoU with six proposals.
OVERLAPS_BY_HAND = [
    [0.62, 0.10, 0.00],
    [0.05, 0.41, 0.12],
    [0.20, 0.55, 0.58],
    [0.29, 0.25, 0.28],
    [0.00, 0.50, 0.00],
    [0.35, 0.30, 0.00],
]
CLASSES_BY_HAND = [2, 1, 2]

TARGETS_BY_HAND = Question(
    name="targets_by_hand",
    answer=[2, -1, 2, 0, 1, -1],
    form="a list of six whole numbers, the labels of the proposals A to F",
    example=[1, 1, 1, 1, 1, 1],
    wrong={
        repr([2, 0, 2, 0, 1, 0]): (
            "neutral_as_background",
            "Between 0.3 and 0.5 a proposal is neither object nor background: -1.",
        ),
        repr([2, 1, 2, 0, 1, 2]): (
            "neutral_as_object",
            "Between 0.3 and 0.5 a proposal is too far off to be taught a class: -1.",
        ),
        repr([2, 0, 2, -1, 1, 0]): (
            "neutral_and_background_exchanged",
            "Background is 0 and neutral is -1.",
        ),
        repr([2, -1, 1, 0, 1, -1]): (
            "first_object",
            "Proposal C overlaps the cat enough, but the second dog more: the best one counts.",
        ),
        repr([2, -1, 2, 0, -1, -1]): (
            "above_only",
            "Proposal E has an IoU of exactly 0.5, which is enough.",
        ),
        repr([1, -1, 3, 0, 2, -1]): (
            "number_of_the_object",
            "These are the numbers of the objects, counted from 1: their classes are asked for.",
        ),
        repr([0, -1, 2, 0, 1, -1]): (
            "index_of_the_object",
            "These are the indices of the objects: their classes are asked for.",
        ),
        repr([2, -1, 2, -1, 1, -1]): (
            "near_background_is_neutral",
            "Proposal D overlaps all three a little, but none by 0.3: overlaps are not added up.",
        ),
    },
)

WHY_RELATIVE = WrittenAnswer(
    name="why_relative",
    guide="\n".join(
        [
            "The question: somebody has the network predict the four differences in pixels "
            "(x, y, width and height). What goes wrong, why does the transform divide by the "
            "proposal's size, and why is the scale a logarithm?",
            "",
            "- 0.75 points: Every region is warped to one size before the network sees it, so the "
            "same picture can come from a small and from a large region. The network cannot know "
            "how many pixels the shift was; the share of the size is the same for both.",
            "- 0.5 points: Errors in pixels are larger for large objects, so that these would "
            "decide the loss; divided by the size all count alike.",
            "- 0.75 points: The logarithm: whatever number the network gives, exp makes a positive "
            "width of it; and twice as wide and half as wide are equally far from 0 (no change). "
            "One of the two reasons earns 0.5.",
            "",
            'Earns nothing by itself: "it is more stable" or "it is normalised" without saying '
            "what would go wrong; repeating the formulas.",
            "",
            "Loses the points of its line: dividing by the size of the image or of the ground "
            "truth taken for the same (the ground truth is not known at test time).",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)

TOPIC = Topic(
    assignment="02_rcnn_transforms",
    exercises=(
        HISTOGRAM_INTERSECTION,
        SIZE_SIMILARITY,
        FILL_SIMILARITY,
        GROUP_REGIONS,
        CROP_AND_RESIZE,
        ENCODE_BOXES,
        DECODE_BOXES,
        LABEL_PROPOSALS,
        RCNN_LOSS,
        SELECT_BY_BACKGROUND,
        SELECT_PER_CLASS,
    ),
    questions=(BOXES_OF_GROUPING, BOX_BY_HAND, TARGETS_BY_HAND),
    written=(WHY_RELATIVE,),
)
