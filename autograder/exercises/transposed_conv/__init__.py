"""What is graded in 06_transposed_conv."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="06_transposed_conv", exercises=())
