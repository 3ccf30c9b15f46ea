"""What is graded in 07_mask_rcnn_heads."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="07_mask_rcnn_heads", exercises=())
