"""Exercises of 01_sliding_windows: right answers pass, wrong ones are named, idle ones get 0."""

from typing import ClassVar

import pytest

from tests.autograder.exercise_rules import ExerciseRules


class TestSlidingWindows(ExerciseRules):
    assignment = "01_sliding_windows"
