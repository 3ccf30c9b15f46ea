"""What is graded in 05_rpn: regions, anchors, proposals, losses, counts, and detections."""

from autograder.exercise import Topic
from autograder.exercises.rpn.anchor_grid import ANCHOR_GRID
from autograder.exercises.rpn.counting import FORWARD_PASSES, HEAD_CHANNELS
from autograder.exercises.rpn.detection_loss import DETECTION_LOSS
from autograder.exercises.rpn.label_anchors import LABEL_ANCHORS
from autograder.exercises.rpn.propose import PROPOSE
from autograder.exercises.rpn.questions import (
    FOUR_LOSSES,
    MOST_ACCURATE_FIRST,
    SLOWEST_FIRST,
    WHERE_TO_CUT,
)
from autograder.exercises.rpn.roi_align import ROI_ALIGN
from autograder.exercises.rpn.roi_pool import ROI_POOL
from autograder.exercises.rpn.rpn_loss import RPN_LOSS
from autograder.exercises.rpn.sample_anchors import SAMPLE_ANCHORS
from autograder.exercises.rpn.single_stage_detections import SINGLE_STAGE_DETECTIONS

TOPIC = Topic(
    assignment="05_rpn",
    exercises=(
        ROI_POOL,
        ROI_ALIGN,
        FORWARD_PASSES,
        ANCHOR_GRID,
        LABEL_ANCHORS,
        SAMPLE_ANCHORS,
        RPN_LOSS,
        PROPOSE,
        DETECTION_LOSS,
        HEAD_CHANNELS,
        SINGLE_STAGE_DETECTIONS,
    ),
    questions=(WHERE_TO_CUT, SLOWEST_FIRST, MOST_ACCURATE_FIRST),
    written=(FOUR_LOSSES,),
)
