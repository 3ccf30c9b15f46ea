"""Questions and the written answer of 01_sliding_windows."""

from autograder.exercise import Question, WrittenAnswer
