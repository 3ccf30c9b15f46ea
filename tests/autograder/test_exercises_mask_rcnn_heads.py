"""Exercises of 07_mask_rcnn_heads: right answers pass, wrong ones are named, idle ones get 0."""

from tests.autograder.exercise_rules import ExerciseRules


class TestMaskRcnnHeads(ExerciseRules):
    assignment = "07_mask_rcnn_heads"
