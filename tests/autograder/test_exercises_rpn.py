"""Exercises of 05_rpn: right answers pass, wrong ones are named, idle ones get 0."""

from tests.autograder.exercise_rules import ExerciseRules


class TestRpn(ExerciseRules):
    assignment = "05_rpn"
