"""What is graded in 01_sliding_windows: boxes, a loss, counting, and a classifier made to slide."""

from autograder.exercise import Topic
from autograder.exercises.sliding_windows.all_boxes import COUNT_BOXES
from autograder.exercises.sliding_windows.dense import DENSE_SCORES
from autograder.exercises.sliding_windows.formats import CXCYWH_TO_XYXY, XYXY_TO_CXCYWH
from autograder.exercises.sliding_windows.fully_convolutional import TO_FULLY_CONVOLUTIONAL
from autograder.exercises.sliding_windows.linear_layers import LINEAR_TO_CONV
from autograder.exercises.sliding_windows.localization import LOCALIZATION_LOSS
from autograder.exercises.sliding_windows.pointwise import LINEAR_TO_POINTWISE
from autograder.exercises.sliding_windows.positions import COUNT_POSITIONS
from autograder.exercises.sliding_windows.questions import (
    CONVOLUTION_STEPS,
    ENOUGH_TO_TELL,
    SHARED_STEPS,
    TASK_OUTPUTS,
    WHAT_ONE_PASS_SAVES,
)
from autograder.exercises.sliding_windows.window_scores import SLIDING_WINDOW_SCORES

TOPIC = Topic(
    assignment="01_sliding_windows",
    exercises=(
        CXCYWH_TO_XYXY,
        XYXY_TO_CXCYWH,
        LOCALIZATION_LOSS,
        COUNT_POSITIONS,
        COUNT_BOXES,
        SLIDING_WINDOW_SCORES,
        LINEAR_TO_CONV,
        LINEAR_TO_POINTWISE,
        TO_FULLY_CONVOLUTIONAL,
        DENSE_SCORES,
    ),
    questions=(TASK_OUTPUTS, ENOUGH_TO_TELL, SHARED_STEPS, CONVOLUTION_STEPS),
    written=(WHAT_ONE_PASS_SAVES,),
)
