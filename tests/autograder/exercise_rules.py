"""What must hold of every assignment's exercises, questions and written answers.

A test file of an assignment subclasses `ExerciseRules`; conftest.py fills in what is tested. Right
answers in several styles lie in `answers/<assignment>/right_<style>.py`, wrong ones as students
write them in `natural_mistakes*.py`: functions named `<exercise>__<mistake>`, or with a further
`__<anything>` where one mistake is written in several ways.
"""

import ast
import runpy
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from autograder.exercises import topics
from autograder.variants import hidden_cases, public_cases
from course.cases import CORE_SHARE, CaseSet, assess
from course.outcome import LocalSubject, NotAnswered, observe

ANSWERS = Path(__file__).parent / "answers"
SECRETS = [bytes([number]) * 32 for number in range(20)]
IN_CODE = ("torch", "clamp", "argsort", "[:", "`")


def topic_of(assignment):
    return topics()[assignment]


def exercise_of(assignment, name):
    return next(e for e in topic_of(assignment).exercises if e.name == name)


@cache
def hidden(assignment, name):
    """Return one variant from each of 20 secrets."""
    exercise = exercise_of(assignment, name)
    return [hidden_cases(exercise, secret, number=0) for secret in SECRETS]


@cache
def public(assignment, name):
    return public_cases(exercise_of(assignment, name))


@cache
def answers(assignment, stem):
    return runpy.run_path(str(ANSWERS / assignment / f"{stem}.py"))


def styles(assignment):
    return sorted(path.stem for path in (ANSWERS / assignment).glob("right_*.py"))


def right_answers(assignment):
    """Return (exercise, style) for every right answer that there is."""
    names = [exercise.name for exercise in topic_of(assignment).exercises]
    return [(n, s) for n in names for s in styles(assignment) if n in answers(assignment, s)]


def natural_mistakes(assignment):
    """Return the wrong answers by name, from all files `natural_mistakes*.py`."""
    stems = [path.stem for path in (ANSWERS / assignment).glob("natural_mistakes*.py")]
    found = {name: item for stem in stems for name, item in answers(assignment, stem).items()}
    return {name: found[name] for name in sorted(found) if "__" in name.strip("_")}


def judged(function, case_set):
    """Judge by all cases but those in which something is trained: see test_training and bench."""
    subject, case_set = LocalSubject(function), case_set.quick()
    return assess(case_set, [observe(subject, case) for case in case_set.cases])


def assessed(case_set: CaseSet, mistake: str):
    known = next(known for known in case_set.mistakes if known.name == mistake)
    return assess(case_set, known.outcomes)


class ExerciseRules:
    """`core` lists (exercise, mistake) that score nothing; `edge` (exercise, mistake, groups) that
    fail these groups and no other. `tests/autograder/conftest.py` gives each test its arguments."""

    assignment: ClassVar[str]
    core: ClassVar[list[tuple[str, str]]] = []
    edge: ClassVar[list[tuple[str, str, set[str]]]] = []

    def sets(self, name):
        return [public(self.assignment, name), *hidden(self.assignment, name)]

    @pytest.mark.filterwarnings("ignore:this .* is slow")
    def test_a_right_answer_of_any_style_gets_full_marks(self, name, style):
        for case_set in self.sets(name):
            found = judged(answers(self.assignment, style)[name], case_set)
            assert found.first_failure is None
            assert found.score == 1

    def test_right_answers_are_written_in_three_styles_or_more(self, exercise_name):
        found = [style for name, style in right_answers(self.assignment) if name == exercise_name]
        assert len(found) >= 3

    def test_every_misconception_loses_points_and_is_the_one_named(self, name, mistake):
        for case_set in self.sets(name):
            found = assessed(case_set, mistake)
            assert found.score < 1
            assert found.mistake.name == mistake

    def test_a_mistake_is_named_although_the_answer_has_a_second_fault_at_an_edge(self, natural):
        name, mistake = natural.split("__")[:2]
        for case_set in hidden(self.assignment, name):
            found = judged(natural_mistakes(self.assignment)[natural], case_set)
            assert found.mistake is not None
            assert found.mistake.name == mistake

    def test_a_mistake_at_an_edge_loses_that_edge_and_nothing_else(self, edge_mistake):
        name, mistake, groups = edge_mistake
        for case_set in hidden(self.assignment, name):
            found = assessed(case_set, mistake)
            assert {r.group.name for r in found.groups if not r.passed} == groups
            assert CORE_SHARE <= found.score < 1

    def test_a_mistake_at_the_core_scores_nothing(self, core_mistake):
        name, mistake = core_mistake
        for case_set in hidden(self.assignment, name):
            assert assessed(case_set, mistake).score == 0

    def test_a_stub_is_not_answered_and_scores_nothing(self, exercise_name):
        def stub(*arguments):
            raise NotAnswered(exercise_name)

        found = judged(stub, hidden(self.assignment, exercise_name)[0])
        assert not found.answered
        assert found.score == 0
        assert found.mistake is None

    def test_an_answer_that_does_no_work_scores_nothing(self, exercise_name, idle):
        for case_set in hidden(self.assignment, exercise_name):
            assert judged(IDLE[idle], case_set).score == 0

    def test_equal_secrets_give_equal_cases_and_other_secrets_others(self, exercise_name):
        exercise = exercise_of(self.assignment, exercise_name)
        first, second = hidden(self.assignment, exercise_name)[:2]
        assert hidden_cases(exercise, SECRETS[0], number=0).to_bytes() == first.to_bytes()
        assert first.to_bytes() != second.to_bytes()

    def test_sentences_say_the_rule_and_no_code(self, exercise_name):
        exercise = exercise_of(self.assignment, exercise_name)
        told = [*exercise.groups, *exercise.misconceptions]
        for item in told:
            assert item.sentence.endswith(".")
            assert not any(word in item.sentence for word in IN_CODE), item.sentence
        assert len({item.sentence for item in told}) == len(told)
        assert len(exercise.misconceptions) >= 4

    def test_misconceptions_are_five_on_average_or_more(self):
        counts = [len(exercise.misconceptions) for exercise in topic_of(self.assignment).exercises]
        assert sum(counts) >= 5 * len(counts)

    def test_a_questions_example_and_wrong_answers_have_its_form_and_are_wrong(self, question):
        from course.check import has_form

        for value in (question.example, *map(ast.literal_eval, question.wrong)):
            assert value != question.answer
            assert has_form(value, question.answer)
        names = [name for name, _ in question.wrong.values()]
        assert names
        assert len(set(names)) == len(names)

    def test_the_marking_guide_shares_out_all_points(self, written, points):
        lines = written.guide.splitlines()
        shares = [float(line.split()[1]) for line in lines if line.startswith("- ")]
        assert sum(shares) == points


IDLE = {
    "nothing": lambda *arguments: None,
    "its first argument": lambda *arguments: arguments[0],
    "its last argument": lambda *arguments: arguments[-1],
    "every index": lambda *arguments: torch.arange(_length(arguments)),
    "zeros": lambda *arguments: torch.zeros(_length(arguments)),
    "a number": lambda *arguments: 1.0,
}


def _length(arguments):
    sized = [a for a in arguments if isinstance(a, torch.Tensor) and a.ndim]
    return len(sized[0]) if sized else 0
