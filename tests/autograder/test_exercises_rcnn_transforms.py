"""Exercises of 02_rcnn_transforms: right answers pass, wrong ones are named, idle ones get 0."""

from tests.autograder.exercise_rules import ExerciseRules


class TestRcnnTransforms(ExerciseRules):
    assignment = "02_rcnn_transforms"
