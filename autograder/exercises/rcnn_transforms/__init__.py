"""What is graded in 02_rcnn_transforms."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="02_rcnn_transforms", exercises=())
