"""Exercises of 04_map: right answers pass, wrong ones are named, idle ones get 0."""

from tests.autograder.exercise_rules import ExerciseRules


class TestMeanAp(ExerciseRules):
    assignment = "04_map"
