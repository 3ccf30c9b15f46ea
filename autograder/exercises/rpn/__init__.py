"""What is graded in 05_rpn."""

from autograder.exercise import Topic
from autograder.exercises.rpn.anchor_grid import ANCHOR_GRID
from autograder.exercises.rpn.label_anchors import LABEL_ANCHORS
from autograder.exercises.rpn.propose import PROPOSE
from autograder.exercises.rpn.roi_align import ROI_ALIGN
from autograder.exercises.rpn.roi_pool import ROI_POOL
from autograder.exercises.rpn.sample_anchors import SAMPLE_ANCHORS

TOPIC = Topic(
    assignment="05_rpn",
    exercises=(ROI_POOL, ROI_ALIGN, ANCHOR_GRID, LABEL_ANCHORS, SAMPLE_ANCHORS, PROPOSE),
)
