"""Exercises of 06_transposed_conv: right answers pass, wrong ones are named, idle ones get 0."""

from tests.autograder.exercise_rules import ExerciseRules


class TestTransposedConv(ExerciseRules):
    assignment = "06_transposed_conv"
