"""Variants of an exercise's cases: drawn from a seed, answered by the reference, and validated.

A set is used only when it tells every misconception from the right answer and from each other, and
gives nothing to an answer that does no work.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.errors import BuildError
from autograder.exercise import Exercise
from course.cases import CaseSet, KnownMistake, assess
from course.compare import Comparison, difference
from course.outcome import (
    NOT_TRIED,
    RAISED,
    VALUE,
    Case,
    LocalSubject,
    Outcome,
    flatten,
    observe,
    same,
    seen_by,
)

TRIES = 20
MAX_BYTES = 200_000
ROUNDING = Comparison(rtol=1e-6, atol=1e-6, strict=True)
DRAWN_ANEW = 8  # times, where a hidden set is the public one
MANY_NUMBERS = 8  # floats of one tensor
BYTES_A_TENSOR, BYTES_A_LEAF = 80, 60  # what their description takes

_public: dict[int, tuple[Exercise, bytes]] = {}  # the public sets of exercises that have few inputs


def draw(exercise: Exercise, rng: np.random.Generator) -> CaseSet:
    """Return cases with the reference's outcomes and those of each misconception."""
    cases = tuple(exercise.draw(rng))
    goals = {group.name: group.goal for group in exercise.groups if group.goal is not None}
    expected = _outcomes(exercise.reference, cases)
    expected = tuple(
        Outcome(VALUE, goals[case.group]) if case.takes_long else outcome
        for case, outcome in zip(cases, expected, strict=True)
    )
    mistakes = []
    for known in exercise.misconceptions:
        outcomes = zip(_outcomes(known.function, cases), expected, strict=True)
        shared = tuple(right if _equal(outcome, right) else outcome for outcome, right in outcomes)
        mistakes.append(KnownMistake(known.name, known.sentence, shared))
    return CaseSet(exercise.name, exercise.groups, cases, expected, tuple(mistakes))


def public_cases(exercise: Exercise) -> CaseSet:
    """Return the set that every student gets; it depends on nothing secret."""
    return _valid(exercise, _public_seed(exercise))


def _public_seed(exercise: Exercise) -> bytes:
    return hashlib.sha256(b"public cases\0" + exercise.name.encode()).digest()


def hidden_cases(exercise: Exercise, secret: bytes, number: int) -> CaseSet:
    """Return a variant by its number; equal secrets and numbers give equal sets.

    One that comes out equal to the public set, as may happen where inputs are few, is drawn anew,
    unless the exercise has no other.
    """
    message = f"hidden cases\0{exercise.name}\0{number}"
    for again in ("", *(f"\0{i}" for i in range(1, DRAWN_ANEW))):
        seed = hmac.digest(secret, f"{message}{again}".encode(), hashlib.sha256)
        drawn = _valid(exercise, seed)
        if not _may_be_public(exercise, drawn) or drawn.to_bytes() != _public_bytes(exercise):
            break
    return drawn


def validate(exercise: Exercise, case_set: CaseSet) -> None:
    """Raise BuildError unless the set is fair: see the head of this module."""
    _validate_groups(exercise, case_set)
    for case, outcome in zip(case_set.cases, case_set.expected, strict=True):
        if outcome.kind != VALUE or outcome.changed:
            did = "a changed input" if outcome.changed else f"{outcome.kind} {outcome.error}"
            raise BuildError(
                f"the reference of {exercise.name} must answer every case, got {did.strip()} in "
                f"{case.group!r}: mend the reference, or draw other cases"
            )
    for mistake in case_set.mistakes:
        _validate_mistake(case_set, mistake)
    for name, outcomes in _impostors(exercise, case_set):
        if not _fails_a_core_case(case_set, outcomes):
            raise BuildError(
                f"an answer that {name} must score 0 in {exercise.name}, got all core cases "
                "right: add one that it fails"
            )
    if (size := _rough_size(case_set)) > MAX_BYTES:
        raise BuildError(
            f"the cases of {exercise.name} must have at most {MAX_BYTES} bytes, got about {size}: "
            "draw fewer or smaller ones"
        )


def _may_be_public(exercise: Exercise, case_set: CaseSet) -> bool:
    """Return whether the inputs are some that the public set may have; no answer is computed."""
    if _has_random_numbers(case_set):
        return False
    inputs = [case.arguments for case in case_set.cases]
    rng = _generator(_public_seed(exercise))
    return any(same([c.arguments for c in exercise.draw(rng)], inputs) for _ in range(TRIES))


def _has_random_numbers(case_set: CaseSet) -> bool:
    """Return whether inputs hold so many numbers that they are hardly drawn twice."""
    leaves = flatten([[case.arguments, case.apply] for case in case_set.cases])
    return any(
        isinstance(leaf, Tensor) and leaf.is_floating_point() and leaf.numel() >= MANY_NUMBERS
        for leaf in leaves
    )


def _public_bytes(exercise: Exercise) -> bytes:
    """Return the public set as bytes, drawn once for each exercise; it is kept, as is its id."""
    if id(exercise) not in _public:
        _public[id(exercise)] = exercise, public_cases(exercise).to_bytes()
    return _public[id(exercise)][1]


def _valid(exercise: Exercise, seed: bytes) -> CaseSet:
    rng = _generator(seed)
    with _one_thread():
        for _ in range(TRIES - 1):
            case_set = draw(exercise, rng)
            try:
                validate(exercise, case_set)
            except BuildError:
                continue
            return case_set
        case_set = draw(exercise, rng)
        validate(exercise, case_set)
        return case_set


def _generator(seed: bytes) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(seed, "big"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: sums have one order then, on any number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _outcomes(function: Callable[..., Any], cases: Sequence[Case]) -> tuple[Outcome, ...]:
    """Return the outcome of every case; nothing is trained, which would take hours."""
    subject = LocalSubject(function)
    return tuple(
        Outcome(NOT_TRIED) if case.takes_long else observe(subject, case) for case in cases
    )


def _equal(outcome: Outcome, right: Outcome) -> bool:
    """Return whether two outcomes differ by rounding at most, so that one serves for both."""
    return outcome.kind == right.kind and difference(outcome, right, ROUNDING) is None


def _validate_groups(exercise: Exercise, case_set: CaseSet) -> None:
    names = [group.name for group in case_set.groups]
    drawn = {case.group for case in case_set.cases}
    if len(set(names)) != len(names) or set(names) != drawn:
        raise BuildError(
            f"each group of {exercise.name} must have a case and each case a group, got groups "
            f"{', '.join(names)} and cases of {', '.join(sorted(drawn))}"
        )


def _validate_mistake(case_set: CaseSet, mistake: KnownMistake) -> None:
    found = assess(case_set, mistake.outcomes)
    if found.passed:
        raise BuildError(
            f"the misconception {mistake.name} must fail in {case_set.exercise}, got full marks: "
            "add a case that it fails"
        )
    named = found.mistake.name if found.mistake else "none"
    if named != mistake.name:
        raise BuildError(
            f"the misconception {mistake.name} must be the one named in {case_set.exercise}, got "
            f"{named}: add a case that tells them apart"
        )


def _fails_a_core_case(case_set: CaseSet, outcomes: Sequence[Outcome]) -> bool:
    """Return whether the score is 0; quicker than to assess all cases."""
    core = {group.name for group in case_set.groups if not group.edge}
    return any(
        difference(outcome, expected, case_set.comparison(case)) is not None
        for case, outcome, expected in zip(case_set.cases, outcomes, case_set.expected, strict=True)
        if case.group in core
    )


def _rough_size(case_set: CaseSet) -> int:
    """Return about how many bytes the set takes as data; writing it would take longer."""
    told = [case.arguments for case in case_set.cases]
    seen = [case_set.expected, *(mistake.outcomes for mistake in case_set.mistakes)]
    written_once = {id(outcome): outcome.value for outcomes in seen for outcome in outcomes}
    leaves = flatten([told, list(written_once.values())])
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    return sum(BYTES_A_TENSOR + tensor.nbytes for tensor in tensors) + BYTES_A_LEAF * len(leaves)


def _impostors(exercise: Exercise, case_set: CaseSet) -> Iterator[tuple[str, Sequence[Outcome]]]:
    """Yield answers that do no work, each with what it does."""
    cases = case_set.cases
    yield "raises", [Outcome(RAISED, error="RuntimeError") for _ in cases]
    for i, value in enumerate(_raw_results(exercise, case_set)):
        yield f"always returns the result of case {i}", [_idle(case, value) for case in cases]
    for name, answer in _IDLE.items():
        yield name, [_idle(case, answer(*case.arguments)) for case in cases]
    for i in range(max(len(case.arguments) for case in cases)):
        echoes = [_idle(case, _argument(case.arguments, i)) for case in cases]
        yield f"returns argument {i}", echoes


def _raw_results(exercise: Exercise, case_set: CaseSet) -> list[Any]:
    """Return what the reference returns in each case, before any view or seed."""
    subject = LocalSubject(exercise.reference)
    return [
        subject.call(case.arguments).value if case.view or case.seeds else expected.value
        for case, expected in zip(case_set.cases, case_set.expected, strict=True)
    ]


def _idle(case: Case, value: Any) -> Outcome:
    """Return the outcome of an answer that returns `value` however it is called."""
    if case.takes_long:
        return Outcome(NOT_TRIED)
    return seen_by(case, Outcome(VALUE, [value] * len(case.seeds) if case.seeds else value))


def _argument(arguments: Sequence[Any], index: int) -> Any:
    return arguments[index] if index < len(arguments) else None


def _lengths(arguments: Sequence[Any]) -> list[int]:
    return [len(item) for item in arguments if isinstance(item, Tensor) and item.ndim > 0] or [0]


def _zeros_like(value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.zeros_like(value)
    return 0 if isinstance(value, int | float) else None


def _every(*arguments: Any) -> Tensor:
    return torch.arange(_lengths(arguments)[0])


def _best_first(*arguments: Any) -> Tensor:
    """Return the order of the first argument that has one axis, as scores have."""
    for item in arguments:
        if isinstance(item, Tensor) and item.ndim == 1:
            return item.argsort(descending=True, stable=True)
    return _every(*arguments)


_IDLE: dict[str, Callable[..., Any]] = {
    "returns None": lambda *a: None,
    "returns 0": lambda *a: 0.0,
    "returns an empty tensor": lambda *a: torch.zeros(0),
    "returns an empty tensor of integers": lambda *a: torch.zeros(0, dtype=torch.int64),
    "returns zeros": lambda *a: torch.zeros(_lengths(a)[0]),
    "returns ones": lambda *a: torch.ones(_lengths(a)[0]),
    "returns a table of zeros": lambda *a: torch.zeros(_lengths(a)[:2]),
    "returns zeros like its first argument": lambda *a: _zeros_like(a[0]),
    "returns every index": _every,
    "returns every index, best first": _best_first,
    "returns every index and its second argument": lambda *a: (_every(*a), _argument(a, 1)),
    "returns every index, best first, and its second argument": lambda *a: (
        _best_first(*a),
        _argument(a, 1),
    ),
}
