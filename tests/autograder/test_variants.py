"""Variants: repeatable, valid, and refused with the reason when they are not."""

import hashlib
import hmac
from dataclasses import replace

import numpy as np
import pytest
import torch

from autograder.errors import BuildError
from autograder.exercise import Exercise, Misconception
from autograder.exercises import find
from autograder.exercises.drawing import redraw
from autograder.variants import MAX_BYTES, _valid, draw, hidden_cases, public_cases, validate
from course.cases import CaseSet, Group, assess
from course.outcome import Case, LocalSubject, observe

SECRET = bytes(range(32))
BOX_IOU, NMS = find("box_iou")[1], find("nms")[1]


def draw_numbers(rng):
    return [
        Case("numbers", (torch.from_numpy(rng.uniform(1, 2, size=3)),)),
        Case("numbers", (torch.from_numpy(rng.uniform(1, 2, size=3)),)),
        Case("no numbers", (torch.zeros(0),)),
    ]


# Twice a tensor: the smallest exercise that has all parts.
TWICE = Exercise(
    name="twice",
    reference=lambda x: 2 * x,
    groups=(
        Group("numbers", "Each number is doubled."),
        Group("no numbers", "No numbers stay none.", edge=True),
    ),
    draw=draw_numbers,
    misconceptions=(Misconception("squares", "It squares.", lambda x: x**2),),
)


def valid(exercise):
    validate(exercise, draw(exercise, np.random.default_rng(0)))


def test_one_secret_and_number_give_equal_bytes():
    assert hidden_cases(NMS, SECRET, 3).to_bytes() == hidden_cases(NMS, SECRET, 3).to_bytes()


def test_other_numbers_secrets_and_the_public_set_have_other_inputs():
    sets = [
        hidden_cases(NMS, SECRET, 0),
        hidden_cases(NMS, SECRET, 1),
        hidden_cases(NMS, bytes(32), 0),
        public_cases(NMS),
    ]
    boxes = [case_set.cases[0].arguments[0] for case_set in sets]
    assert not any(torch.equal(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_public_set_is_always_the_same():
    assert public_cases(BOX_IOU).to_bytes() == public_cases(BOX_IOU).to_bytes()


def test_a_variant_that_was_stored_judges_as_the_one_that_was_drawn():
    drawn = hidden_cases(NMS, SECRET, 0)
    stored = CaseSet.from_bytes(drawn.to_bytes())
    for mistake, same in zip(drawn.mistakes, stored.mistakes, strict=True):
        assert assess(stored, mistake.outcomes).mistake.name == mistake.name
        assert assess(drawn, same.outcomes).mistake.name == mistake.name
    assert assess(stored, drawn.expected).passed


def test_an_outcome_that_a_mistake_shares_with_the_right_answer_is_written_once():
    drawn = hidden_cases(NMS, SECRET, 0)
    stored = CaseSet.from_bytes(drawn.to_bytes())
    shared = [
        [outcome is right for outcome, right in zip(mistake.outcomes, held.expected, strict=True)]
        for held in (drawn, stored)
        for mistake in held.mistakes
    ]
    half = len(shared) // 2
    assert shared[:half] == shared[half:]
    assert any(any(row) for row in shared)
    assert not any(all(row) for row in shared)
    assert stored.to_bytes() == drawn.to_bytes()
    copies = tuple(
        replace(mistake, outcomes=tuple(replace(outcome) for outcome in mistake.outcomes))
        for mistake in drawn.mistakes
    )
    assert len(replace(drawn, mistakes=copies).to_bytes()) > len(drawn.to_bytes())


@pytest.mark.parametrize("name", ["box_area", "box_iou", "nms", "nms_per_class", "soft_nms"])
def test_a_variant_is_small(name):
    assert len(hidden_cases(find(name)[1], SECRET, 0).to_bytes()) < MAX_BYTES


def test_the_small_exercise_is_valid():
    valid(TWICE)


def test_a_group_without_a_case_is_refused():
    extra = Group("large numbers", "Large numbers are doubled too.")
    with pytest.raises(BuildError, match="each group of twice must have a case"):
        valid(replace(TWICE, groups=(*TWICE.groups, extra)))


def test_a_reference_that_raises_is_refused():
    def empty_raises(x):
        return 2 * x if len(x) else x[0]

    with pytest.raises(BuildError, match="must answer every case, got raised IndexError in 'no n"):
        valid(replace(TWICE, reference=empty_raises))


def test_a_reference_that_changes_its_input_is_refused():
    with pytest.raises(BuildError, match="must answer every case, got a changed input in 'numbers"):
        valid(replace(TWICE, reference=lambda x: x.mul_(2)))


def test_a_misconception_that_passes_is_refused():
    right = Misconception("adds_to_itself", "It adds.", lambda x: x + x)
    with pytest.raises(BuildError, match="adds_to_itself must fail in twice, got full marks"):
        valid(replace(TWICE, misconceptions=(right,)))


def test_two_misconceptions_that_no_case_tells_apart_are_refused():
    again = Misconception("multiplies_by_itself", "It multiplies.", lambda x: x * x)
    with pytest.raises(BuildError, match=r"multiplies_by_itself must be the one named.*, got squ"):
        valid(replace(TWICE, misconceptions=(*TWICE.misconceptions, again)))


def test_a_misconception_that_gives_nan_is_named():
    nan = Misconception("divides_by_zero", "It divides.", lambda x: x / 0 * 0)
    valid(replace(TWICE, misconceptions=(*TWICE.misconceptions, nan)))


@pytest.mark.parametrize(
    ("reference", "does"),
    [
        (lambda x: x.clone(), "returns argument 0"),
        (lambda x: torch.ones(1), "always returns the result of case 0"),
        (lambda x: torch.zeros(len(x)), "returns zeros"),
        (lambda x: torch.arange(len(x)), "returns every index"),
        (lambda x: x.argsort(descending=True), "returns every index, best first"),
    ],
)
def test_cases_that_an_idle_answer_passes_are_refused(reference, does):
    groups = tuple(replace(group, edge=False) for group in TWICE.groups)
    idle = replace(TWICE, reference=reference, groups=groups)
    with pytest.raises(BuildError, match=f"an answer that {does} must score 0 in twice"):
        valid(idle)


def test_cases_that_take_too_many_bytes_are_refused():
    def draw_many(rng):
        return [*draw_numbers(rng), Case("numbers", (torch.rand(30_000),))]

    with pytest.raises(BuildError, match="twice must have at most 200000 bytes, got about"):
        valid(replace(TWICE, draw=draw_many))


def test_an_invalid_draw_is_drawn_again():
    def draw_in_vain_half_the_time(rng):
        """Return numbers of which twice 2 is also 2 squared."""
        number = 2.0 if rng.random() < 0.5 else 3.0
        return [
            Case("numbers", (torch.tensor([number]),)),
            Case("numbers", (torch.tensor([number, number]),)),
            Case("no numbers", (torch.zeros(0),)),
        ]

    fickle = replace(TWICE, draw=draw_in_vain_half_the_time)
    for number in range(10):
        assert hidden_cases(fickle, SECRET, number).cases[0].arguments[0] == 3


def test_an_exercise_without_a_valid_draw_is_refused_with_the_reason():
    def draw_twos(rng):
        return [Case("numbers", (torch.tensor([2.0]),)), Case("no numbers", (torch.zeros(0),))]

    with pytest.raises(BuildError, match="squares must fail in twice"):
        public_cases(replace(TWICE, draw=draw_twos))


def test_a_draw_that_never_fits_is_refused():
    with pytest.raises(BuildError, match="a case must fit within 1000 draws"):
        redraw(lambda: 1, lambda drawn: drawn > 1)


CORE_AND_EDGE = replace(
    TWICE,
    misconceptions=(
        Misconception("squares", "It squares.", lambda x: x**2),
        Misconception(
            "none_gives_one", "It gives 1.", lambda x: 2 * x if len(x) else x.new_ones(1)
        ),
    ),
)


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (lambda x: x * x, "squares"),
        (lambda x: x * x if len(x) else x[0], "squares"),  # with a second fault at the edge
        (lambda x: x**3, None),
        (lambda x: 2 * x if len(x) else x.new_ones(1), "none_gives_one"),
        (lambda x: 2 * x if len(x) else x.new_ones(2), None),  # another fault at the same edge
    ],
)
def test_a_mistake_is_known_by_the_core_cases_that_it_fails_or_else_by_the_edges(answer, named):
    case_set = draw(CORE_AND_EDGE, np.random.default_rng(0))
    subject = LocalSubject(answer)
    found = assess(case_set, [observe(subject, case) for case in case_set.cases]).mistake
    assert (found and found.name) == named


@pytest.mark.parametrize(("index", "named"), [(9, "looks_too_far"), ("nine", None)])
def test_an_answer_that_always_raises_is_known_by_the_type_of_its_exceptions(index, named):
    """A slip of the pen raises everywhere too."""
    looks = Misconception("looks_too_far", "It looks too far.", lambda x: x[9])
    case_set = draw(replace(TWICE, misconceptions=(looks,)), np.random.default_rng(0))
    subject = LocalSubject(lambda x: {}[index] if index == "nine" else x[index])
    found = assess(case_set, [observe(subject, case) for case in case_set.cases]).mistake
    assert (found and found.name) == named


def test_a_hidden_set_that_comes_out_equal_to_the_public_one_is_drawn_anew():
    """Of `perfect_ap` there are nine sets: one of nine hidden ones would be the public one."""
    exercise = find("perfect_ap")[1]
    public = public_cases(exercise).to_bytes()
    seeds = range(30)
    assert all(hidden_cases(exercise, SECRET, n).to_bytes() != public for n in seeds)
    drawn_first = [_valid(exercise, seed_of(exercise, n)).to_bytes() for n in seeds]
    assert public in drawn_first
    others = [n for n in seeds if drawn_first[n] != public]
    assert all(hidden_cases(exercise, SECRET, n).to_bytes() == drawn_first[n] for n in others)


def seed_of(exercise, number):
    message = f"hidden cases\0{exercise.name}\0{number}".encode()
    return hmac.digest(SECRET, message, hashlib.sha256)


def test_an_exercise_with_one_set_only_keeps_it():
    numbers = [(torch.tensor([3.0]),), (torch.tensor([3.0, 3.0]),)]
    cases = [*(Case("numbers", one) for one in numbers), Case("no numbers", (torch.zeros(0),))]
    only = replace(TWICE, draw=lambda rng: cases)
    assert hidden_cases(only, SECRET, 0).to_bytes() == public_cases(only).to_bytes()
