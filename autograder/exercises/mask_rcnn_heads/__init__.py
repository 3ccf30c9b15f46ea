"""What is graded in 07_mask_rcnn_heads: heads for masks and keypoints, panoptic maps."""

from autograder.exercise import Question, Topic, WrittenAnswer
from autograder.exercises.mask_rcnn_heads.decode_keypoints import DECODE_KEYPOINTS
from autograder.exercises.mask_rcnn_heads.instances_of import INSTANCES_OF
from autograder.exercises.mask_rcnn_heads.keypoint_loss import KEYPOINT_LOSS
from autograder.exercises.mask_rcnn_heads.keypoint_targets import KEYPOINT_TARGETS
from autograder.exercises.mask_rcnn_heads.mask_head import MASK_HEAD
from autograder.exercises.mask_rcnn_heads.mask_loss import MASK_LOSS
from autograder.exercises.mask_rcnn_heads.mask_targets import MASK_TARGETS
from autograder.exercises.mask_rcnn_heads.multi_head_loss import MULTI_HEAD_LOSS
from autograder.exercises.mask_rcnn_heads.panoptic_merge import PANOPTIC_MERGE
from autograder.exercises.mask_rcnn_heads.paste_masks import PASTE_MASKS

# C01. What can be read off the output of each task, and of nothing else: a, how many sheep there
# are; b, how much of the picture is grass; c, which pixels are the left sheep's, though the sheep
# touch; d, which pixels are sheep at all.
TASKS = ("semantic", "detection", "instance", "panoptic")


def _tasks(*letters: str) -> dict[str, str]:
    return dict(zip(TASKS, letters, strict=True))


KEPT_BY_TASKS = Question(
    name="kept_by_tasks",
    answer=_tasks("bd", "a", "acd", "abcd"),
    form='a dict with the four tasks as keys; each value is a text of letters in order, like "ad"',
    example=_tasks("a", "b", "c", "d"),
    wrong={
        repr(_tasks("abd", "a", "acd", "abcd")): (
            "semantic_counts",
            "A semantic map gives both sheep the same label: where they touch they are one patch, "
            "so it cannot be used to count.",
        ),
        repr(_tasks("d", "a", "acd", "abcd")): (
            "semantic_without_stuff",
            "A semantic map labels all pixels, those of things and those of stuff: grass too.",
        ),
        repr(_tasks("bd", "ad", "acd", "abcd")): (
            "boxes_for_pixels",
            "A box around a sheep holds much that is not sheep: it does not tell which pixels are.",
        ),
        repr(_tasks("bd", "a", "ac", "abcd")): (
            "instances_not_joined",
            "Who knows the pixels of each sheep knows which pixels are sheep at all: take all "
            "instances together.",
        ),
        repr(_tasks("bd", "a", "abcd", "abcd")): (
            "instances_of_stuff",
            "Instance segmentation finds things only: grass is stuff and appears in no instance.",
        ),
        repr(_tasks("bd", "a", "acd", "acd")): (
            "panoptic_without_stuff",
            "Panoptic segmentation labels every pixel, stuff as well: that is what it has and "
            "instance segmentation has not.",
        ),
        repr(_tasks("bd", "a", "acd", "bd")): (
            "panoptic_is_semantic",
            "Panoptic segmentation gives things an instance as well as a category: objects can be "
            "counted, and told apart.",
        ),
    },
)

# C33. N regions, 20 classes, 17 keypoints of persons. A [N, 21], B [N, 20, 4], C [N, 20, 28, 28],
# D [N, 17, 56, 56], E [26, H, W].
GOALS = ("detect", "instances", "poses", "poses and masks", "panoptic")


def _goals(*letters: str) -> dict[str, str]:
    return dict(zip(GOALS, letters, strict=True))


HEADS_FOR_TASKS = Question(
    name="heads_for_tasks",
    answer=_goals("AB", "ABC", "ABD", "ABCD", "ABCE"),
    form='a dict with the five goals as keys; each value is a text of letters in order, like "BE"',
    example=_goals("A", "B", "C", "D", "E"),
    wrong={
        repr(_goals("AB", "BC", "BD", "BCD", "BCE")): (
            "no_class",
            "Without A nobody knows which regions hold an object, nor which of the 20 masks is "
            "asked for: masks and keypoints are read off for the class that was found.",
        ),
        repr(_goals("AB", "AC", "AD", "ACD", "ACE")): (
            "no_box",
            "Without B masks and keypoints would hang on the rough proposals: they are read off in "
            "the refined boxes.",
        ),
        repr(_goals("B", "BC", "BD", "BCD", "BCE")): (
            "boxes_without_a_class",
            "Boxes alone are no detections: A says what is in a box, or that nothing is.",
        ),
        repr(_goals("AB", "ABC", "ABD", "ABCD", "ABE")): (
            "panoptic_without_masks",
            "E labels pixels but does not tell one object from the next: the instances come from "
            "the masks of C.",
        ),
        repr(_goals("AB", "ABC", "ABD", "ABCD", "ABC")): (
            "panoptic_without_stuff",
            "The heads per region see things only: sky and grass come from E, which labels every "
            "pixel.",
        ),
        repr(_goals("AB", "ABC", "ABD", "ABCD", "E")): (
            "panoptic_is_semantic",
            "E gives all objects of a class the same label: without boxes and masks nobody can "
            "tell them apart.",
        ),
        repr(_goals("AB", "ABC", "ABCD", "ABCD", "ABCE")): (
            "poses_need_masks",
            "Keypoints need no masks: heads run side by side on the same region features, and "
            "neither sees the other's output.",
        ),
        repr(_goals("AB", "ABE", "ABD", "ABDE", "ABCE")): (
            "semantic_for_masks",
            "E labels pixels of the whole image and does not tell objects apart: the masks of "
            "single objects are C.",
        ),
    },
)

A_NEW_HEAD = WrittenAnswer(
    name="a_new_head",
    guide="\n".join(
        [
            "The question: a head that says for each detected car in which of 8 directions it "
            "drives. What comes out, what is the target and for which regions, which loss, how is "
            "the answer read off; and what happens to the rest of the network.",
            "",
            "- 0.5 points: the output has the shape [N, 8] (one number for each direction, as "
            "logits), from the region's features by a small network of its own.",
            "- 0.5 points: the target is the direction of the object that the region is matched "
            "with, and only positive regions of the class car count; others do not enter the loss.",
            "- 0.5 points: cross-entropy (a softmax over the 8), averaged over those that count, "
            "and 0 where there are none; added to the other losses with a weight. A regression of "
            "the angle earns the same if it says how 359 and 1 degrees come to be near each other "
            "(sine and cosine, say).",
            "- 0.5 points: read off by the most likely direction of the regions that were found to "
            "be cars; the other heads and the backbone stay as they are, and the backbone is "
            "trained with it.",
            "",
            "Also right: [N, K, 8] with the directions of the true class, as masks have it.",
            "",
            'Earns nothing by itself: "add a head" without its target or its loss; a network '
            "beside Mask R-CNN that sees the whole image and not the region.",
            "",
            "Loses the points of its line: all regions count, background too; a sigmoid for each "
            "direction as if a car could drive in several; plain regression of degrees.",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)

TOPIC = Topic(
    assignment="07_mask_rcnn_heads",
    exercises=(
        MASK_TARGETS,
        MASK_HEAD,
        MASK_LOSS,
        PASTE_MASKS,
        KEYPOINT_TARGETS,
        KEYPOINT_LOSS,
        DECODE_KEYPOINTS,
        PANOPTIC_MERGE,
        INSTANCES_OF,
        MULTI_HEAD_LOSS,
    ),
    questions=(KEPT_BY_TASKS, HEADS_FOR_TASKS),
    written=(A_NEW_HEAD,),
)
