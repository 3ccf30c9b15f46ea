"""What is graded in 04_map: matching, the curve, average precision, and a whole detector."""

from autograder.exercise import Topic
from autograder.exercises.mean_ap.curve import (
    AVERAGE_PRECISION,
    AVERAGE_PRECISION_101,
    PERFECT_AP,
    PRECISION_RECALL,
)
from autograder.exercises.mean_ap.matching import MATCH_DETECTIONS
from autograder.exercises.mean_ap.mean_over_classes import COCO_MAP, MEAN_AVERAGE_PRECISION

TOPIC = Topic(
    assignment="04_map",
    exercises=(
        MATCH_DETECTIONS,
        PRECISION_RECALL,
        AVERAGE_PRECISION,
        PERFECT_AP,
        MEAN_AVERAGE_PRECISION,
        AVERAGE_PRECISION_101,
        COCO_MAP,
    ),
)
