"""What is graded in 04_map."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="04_map", exercises=())
