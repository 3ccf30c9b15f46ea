"""What a widget displays is what the functions do: the reference's display is whole, and no known
mistake gives the same display on all examples."""

import json

import numpy as np
import pytest

from autograder.exercises import topics
from autograder.reference import reference_of
from course import widgets
from course.cases import CaseSet
from course.draw import png
from course.outcome import NotAnswered
from course.widgets.base import HERE, differs
from tests.autograder.exercise_rules import public

EXERCISES = {e.name: (a, e) for a, topic in topics().items() for e in topic.exercises}
MISTAKES = [
    pytest.param(widget, name, known, id=f"{widget.__name__}-{name}-{known.name}")
    for widget in widgets.ALL
    for name in widget.exercises
    for known in EXERCISES[name][1].misconceptions
]
each_widget = pytest.mark.parametrize("widget", widgets.ALL, ids=lambda w: w.__name__)


def references(widget):
    return {name: reference_of(name) for name in widget.functions}


def displays(widget, functions):
    return [widget.displayed(functions, widget.checked(s)) for s in widget.examples.values()]


@each_widget
def test_the_reference_is_shown_on_every_example_in_numbers_words_and_a_picture(widget):
    for state in map(widget.checked, widget.examples.values()):
        found = widget.displayed(references(widget), state)
        assert found.keys() == {"shown"}, found
        json.dumps(found, allow_nan=False)
        assert widget.says(state, found["shown"]).endswith(".")
        assert len(png(widget.picture(state, found["shown"]))) < 120_000


@pytest.mark.parametrize(("widget", "name", "known"), MISTAKES)
def test_every_mistake_is_displayed_otherwise_than_the_reference(widget, name, known):
    right = references(widget)
    wrong = displays(widget, {**right, name: known.function})
    assert any(map(differs, wrong, displays(widget, right)))


@each_widget
def test_random_inputs_are_states_on_which_the_reference_agrees_with_itself(widget):
    rng = np.random.default_rng(1)
    for size in (1, 1, 2, 3, 4, 5, 6, 6):
        state = widget.checked(widget.random_state(rng, size))
        found = widget.displayed(references(widget), state)
        assert "shown" in found, found
        assert not differs(found, widget.displayed(references(widget), state))


@each_widget
def test_some_public_case_can_be_shown(widget):
    shown = 0
    for name in widget.exercises[:1]:
        case_set: CaseSet = public(EXERCISES[name][0], name)
        for case in case_set.cases:
            state = widget.state_of(case)
            if state is not None:
                assert "shown" in widget.displayed(references(widget), widget.checked(state))
                shown += 1
    assert shown or not widget.exercises


@each_widget
def test_a_stub_is_waited_for(widget):
    def stub(*arguments, **named):
        raise NotAnswered("it")

    for name in widget.functions[:1]:
        state = widget.checked(next(iter(widget.examples.values())))
        found = widget.displayed({**references(widget), name: stub}, state)
        assert found["trouble"]["kind"] == "waiting"
        assert "`it`" in found["trouble"]["text"]


@each_widget
def test_its_own_script_is_plain_and_small(widget):
    own = HERE / f"{widget._script}.js"
    assert len(own.read_bytes()) <= 20_000
    assert "import " not in own.read_text("utf-8")
    assert "http" not in own.read_text("utf-8")


def test_a_state_that_does_not_fit_is_refused_with_the_value():
    for state, said in (
        ({"a": [1.0]}, "a must be"),
        ({"c": 1}, "keys of a, b, got 'c'"),
        ({"a": "x"}, "must be like"),
        ([], "must be a dict"),
    ):
        with pytest.raises(ValueError, match=said):
            widgets.IoU.checked(state)
