"""What is graded in 03_nms: measures of boxes, non-maximum suppression, two questions, one text."""

from autograder.exercise import Question, Topic, WrittenAnswer
from autograder.exercises.nms.box_area import BOX_AREA
from autograder.exercises.nms.box_iou import BOX_IOU
from autograder.exercises.nms.greedy_nms import NMS
from autograder.exercises.nms.nms_per_class import NMS_PER_CLASS
from autograder.exercises.nms.soft_nms import SOFT_NMS

# The lecture's dogs: blue .9, orange .8, purple .75, yellow .7; IoU(blue, orange) = .78,
# IoU(purple, yellow) = .74, IoU(blue, purple) = .05, IoU(blue, yellow) = .07; threshold .7.
KEPT_BY_HAND = Question(
    name="kept_by_hand",
    answer=["blue", "purple"],
    form="a list of colours in the order in which NMS outputs them",
    example=["green", "red", "white"],
    wrong={
        repr(["blue", "orange", "purple", "yellow"]): (
            "nothing_dropped",
            "These are all boxes, best first. Which of them overlap by more than 0.7?",
        ),
        repr(["orange", "yellow"]): (
            "names_the_dropped",
            "These are the boxes that NMS drops: the question is which it outputs.",
        ),
        repr(["blue"]): (
            "only_the_best",
            "NMS does not end after the first box: the boxes that blue did not drop go on.",
        ),
        repr(["blue", "purple", "yellow"]): (
            "only_the_best_drops",
            "Blue leaves purple and yellow, but purple is kept as well and may drop what is left.",
        ),
        repr(["blue", "orange"]): (
            "highest_two_scores",
            "These are the two highest scores, but orange lies on blue: look at their IoU.",
        ),
        repr(["blue", "orange", "purple"]): (
            "only_the_lowest_dropped",
            "Orange overlaps with blue even more than yellow does with purple.",
        ),
        repr(["blue", "yellow"]): (
            "lower_of_the_pair",
            "Of purple and yellow the one with the higher score is kept.",
        ),
        repr(["purple", "blue"]): (
            "worst_first",
            "These are the right boxes in the wrong order: the higher score comes first.",
        ),
    },
)

KEPT_COUNTS = Question(
    name="kept_counts",
    answer=[1, 2, 3, 4],
    form="a list of four numbers: how many boxes stay at threshold 0, 0.5, 0.76 and 0.8",
    example=[4, 4, 4, 4],
    wrong={
        repr([4, 3, 2, 1]): (
            "threshold_the_wrong_way",
            "A higher threshold allows more overlap, so it keeps more boxes, not fewer.",
        ),
        repr([4, 2, 3, 4]): (
            "zero_drops_nothing",
            "At 0 any overlap is too much, also one of 0.05.",
        ),
        repr([2, 2, 3, 4]): (
            "forgets_small_overlaps",
            "At 0 any overlap is too much, also one of 0.05: does blue leave purple alone?",
        ),
        repr([0, 2, 3, 4]): (
            "best_box_dropped",
            "The best box is always kept: there is no better one that could drop it.",
        ),
        repr([1, 2, 2, 2]): (
            "threshold_not_moved",
            "At 0.76 an IoU of 0.74 is no longer greater than the threshold.",
        ),
        repr([1, 2, 2, 4]): (
            "one_overlap_for_all",
            "Of the two overlaps, 0.78 and 0.74, only one is greater than 0.76.",
        ),
    },
)

WHY_NOT_LOWER = WrittenAnswer(
    name="why_not_lower",
    guide="\n".join(
        [
            "The question: 0.1 or 0.9 as the IoU threshold of NMS? What happens in a crowded "
            "scene and what with one object, how to choose, and does some value always do well?",
            "",
            "- 0.5 points: 0.1 is harmless for one object, but in a crowd boxes of different "
            "objects that are close together drop one another: objects are missed (recall falls).",
            "- 0.5 points: 0.9 leaves several boxes even of one object, and all but one of them "
            "count as false (precision falls); nearly nothing is lost.",
            "- 0.5 points: How to choose: by how much objects overlap in one's own scenes, or by "
            "precision and recall (or AP) of several values on images kept for it.",
            "- 0.5 points: No value does well where two objects overlap more than two boxes of one "
            "object do: every threshold then does one harm or the other. A student's own example "
            "of this conflict earns the same.",
            "",
            'Earns nothing by itself: "worse results" without saying which boxes stay or go; that '
            "NMS becomes slower; naming Soft-NMS without saying what it mends (scores decay, so "
            "that a neighbour is ranked lower and not lost).",
            "",
            "Loses the points of its line: low and high exchanged; scores taken for IoU "
            '("boxes below the threshold are not sure enough").',
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)

TOPIC = Topic(
    assignment="03_nms",
    exercises=(BOX_AREA, BOX_IOU, NMS, NMS_PER_CLASS, SOFT_NMS),
    questions=(KEPT_BY_HAND, KEPT_COUNTS),
    written=(WHY_NOT_LOWER,),
)
