"""What is graded in 01_sliding_windows."""

from autograder.exercise import Topic

TOPIC = Topic(assignment="01_sliding_windows", exercises=())
