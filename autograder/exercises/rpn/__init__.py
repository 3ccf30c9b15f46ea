"""What is graded in 05_rpn."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="05_rpn", exercises=())
