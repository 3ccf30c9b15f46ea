"""A set of cases for one exercise, and what an answer's outcomes on them say.

The public set lies beside the notebook as data; the hidden ones have the same form.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import overload

from course.compare import CLOSE, Comparison, Difference, difference
from course.outcome import NOT_ANSWERED, RAISED, Case, Outcome
from course.values import ValueFormatError, dump, load

CORE_SHARE = 0.6  # of an exercise's points; the edge groups share the rest evenly


@dataclass(frozen=True)
class Group:
    """Cases that test one thing.

    `sentence` is what a student reads when the group fails: the rule that was broken. A core
    group tests what the function is for; an edge group counts only when every core group passes.
    `goal` is the mean IoU that a trained network must reach in this group's cases.
    """

    name: str
    sentence: str
    edge: bool = False
    comparison: Comparison = CLOSE
    goal: float | None = None


# Every exercise has this group, over all its cases: a right result stays right beside it.
UNCHANGED = Group(
    "inputs stay as they are", "Work on a copy: the inputs belong to others.", edge=True
)


@dataclass(frozen=True)
class KnownMistake:
    """A misconception: its name, the sentence for the student, and its outcome on every case."""

    name: str
    sentence: str
    outcomes: tuple[Outcome, ...]


class ReadLater(Sequence[KnownMistake]):
    """Known mistakes that are read at the first look: a right answer needs none of them."""

    def __init__(self, read: Callable[[], tuple[KnownMistake, ...]]) -> None:
        self._read = read

    @cached_property
    def _mistakes(self) -> tuple[KnownMistake, ...]:
        return self._read()

    @overload
    def __getitem__(self, index: int) -> KnownMistake: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[KnownMistake, ...]: ...
    def __getitem__(self, index: int | slice) -> KnownMistake | tuple[KnownMistake, ...]:
        return self._mistakes[index]

    def __len__(self) -> int:
        return len(self._mistakes)


@dataclass(frozen=True)
class CaseSet:
    """Cases of one exercise with their expected outcomes and those of each known mistake."""

    exercise: str
    groups: tuple[Group, ...]
    cases: tuple[Case, ...]
    expected: tuple[Outcome, ...]
    mistakes: Sequence[KnownMistake]

    def to_bytes(self) -> bytes:
        """Return the set as data; equal sets give equal bytes.

        An outcome of a mistake that is the expected one is written as None: many are.
        """
        told = dump(
            {
                "exercise": self.exercise,
                "groups": [asdict(group) for group in self.groups],
                "cases": [vars(case) for case in self.cases],
                "expected": [vars(outcome) for outcome in self.expected],
            }
        )
        mistakes = [
            {
                **vars(mistake),
                "outcomes": [
                    None if outcome is right else vars(outcome)
                    for outcome, right in zip(mistake.outcomes, self.expected, strict=True)
                ],
            }
            for mistake in self.mistakes
        ]
        return struct.pack(">I", len(told)) + told + dump(mistakes)

    @classmethod
    def from_bytes(cls, data: bytes) -> "CaseSet":
        """Return the set that `to_bytes` wrote, or raise ValueFormatError."""
        try:
            (length,) = struct.unpack_from(">I", data)
            content = load(data[4 : 4 + length])
            expected = tuple(Outcome(**outcome) for outcome in content["expected"])
            groups = tuple(
                Group(**{**group, "comparison": Comparison(**group["comparison"])})
                for group in content["groups"]
            )
            cases = tuple(Case(**case) for case in content["cases"])
        except (ValueFormatError, struct.error, KeyError, TypeError) as error:
            raise ValueFormatError(
                "the cases must be of this version of the course, got others or damaged ones: "
                "build the course into a new folder, or get the assignment anew"
            ) from error

        def mistakes() -> tuple[KnownMistake, ...]:
            return tuple(
                KnownMistake(
                    mistake["name"],
                    mistake["sentence"],
                    tuple(
                        right if outcome is None else Outcome(**outcome)
                        for outcome, right in zip(mistake["outcomes"], expected, strict=True)
                    ),
                )
                for mistake in load(data[4 + length :])
            )

        return cls(content["exercise"], groups, cases, expected, ReadLater(mistakes))

    def quick(self) -> "CaseSet":
        """Return the set without the cases in which something is trained."""
        kept = [i for i, case in enumerate(self.cases) if not case.takes_long]
        if len(kept) == len(self.cases):
            return self
        cases = tuple(self.cases[i] for i in kept)
        names = {case.group for case in cases}
        return replace(
            self,
            groups=tuple(group for group in self.groups if group.name in names),
            cases=cases,
            expected=tuple(self.expected[i] for i in kept),
            mistakes=tuple(
                replace(mistake, outcomes=tuple(mistake.outcomes[i] for i in kept))
                for mistake in self.mistakes
            ),
        )

    def comparison(self, case: Case) -> Comparison:
        """Return how the results of a case are compared."""
        return next(group.comparison for group in self.groups if group.name == case.group)


@dataclass(frozen=True)
class GroupResult:
    """One group's first difference (None: all its cases agree) and the index of that case."""

    group: Group
    difference: Difference | None
    case: int | None = None
    ran: bool = True

    @property
    def passed(self) -> bool:
        """Whether all its cases ran and agreed."""
        return self.ran and self.difference is None


@dataclass(frozen=True)
class Assessment:
    """What the outcomes of an answer say."""

    groups: tuple[GroupResult, ...]
    mistake: KnownMistake | None
    answered: bool

    @property
    def passed(self) -> bool:
        """Whether every group passed."""
        return all(group.passed for group in self.groups)

    @property
    def score(self) -> float:
        """The share of the points: 0 unless every core group passes."""
        if not all(result.passed for result in self.groups if not result.group.edge):
            return 0.0
        edge = [result.passed for result in self.groups if result.group.edge]
        return 1.0 if not edge else CORE_SHARE + (1 - CORE_SHARE) * sum(edge) / len(edge)

    @property
    def first_failure(self) -> GroupResult | None:
        """The group that a student should mend first."""
        return next((result for result in self.groups if not result.passed), None)


def assess(case_set: CaseSet, outcomes: Sequence[Outcome]) -> Assessment:
    """Return what `outcomes`, one for each case in order, say about the answer.

    Outcomes may end early (an answer that does not finish is not asked again): a group whose
    cases did not all run has not passed. A known mistake is named when its outcomes agree with
    the answer's on every core case and, unless it is known by a core case that it fails, on every
    case that it fails; of several the one that leaves the fewest faults unexplained.
    """
    results = [_group_result(case_set, outcomes, group) for group in case_set.groups]
    changed = [i for i, outcome in enumerate(outcomes) if outcome.changed]
    found = Difference("changed", "It changed its input; work on a copy instead")
    ran = bool(changed) or len(outcomes) == len(case_set.cases)
    at = changed[0] if changed else None
    results.append(GroupResult(UNCHANGED, found if changed else None, at, ran))
    answered = not any(outcome.kind == NOT_ANSWERED for outcome in outcomes)
    mistake = None
    if answered and not all(result.passed for result in results):
        mistake = _named(case_set, outcomes)
    return Assessment(tuple(results), mistake, answered)


def _group_result(case_set: CaseSet, outcomes: Sequence[Outcome], group: Group) -> GroupResult:
    """Return the first difference in a group; changed inputs are a group of their own."""
    members = [i for i, case in enumerate(case_set.cases) if case.group == group.name]
    for i in (i for i in members if i < len(outcomes)):
        outcome = replace(outcomes[i], changed=case_set.expected[i].changed)
        found = difference(outcome, case_set.expected[i], group.comparison)
        if found:
            return GroupResult(group, found, i)
    return GroupResult(group, None, None, all(i < len(outcomes) for i in members))


def _named(case_set: CaseSet, outcomes: Sequence[Outcome]) -> KnownMistake | None:
    if len(outcomes) != len(case_set.cases):
        return None
    found, fewest = None, len(outcomes)
    for mistake in case_set.mistakes:
        further = _further_faults(case_set, outcomes, mistake)
        if further is not None and further < fewest:
            found, fewest = mistake, further
    return found


def _further_faults(
    case_set: CaseSet, outcomes: Sequence[Outcome], mistake: KnownMistake
) -> int | None:
    """Return in how many edge cases the answer does something else than the mistake.

    None where the answer does not make this mistake: they disagree on a core case, or the mistake
    fails no core case and they disagree where it fails. Who makes a mistake that shows at the core
    may well make others at the edges. Where the answer raises in every core case, they agree only
    if the exceptions are of one type.
    """
    core = {group.name for group in case_set.groups if not group.edge}
    at_core = [outcomes[i] for i, case in enumerate(case_set.cases) if case.group in core]
    says_little = all(outcome.kind == RAISED for outcome in at_core)  # a slip of the pen will do
    count, shows_at_the_core, missed = 0, False, False
    for i, case in enumerate(case_set.cases):
        comparison, known = case_set.comparison(case), mistake.outcomes[i]
        agrees = difference(outcomes[i], known, comparison) is None
        if says_little and case.group in core:
            agrees = agrees and outcomes[i].error == known.error
        if case.group in core and not agrees:
            return None
        if agrees and case.group not in core:
            continue
        fails = difference(known, case_set.expected[i], comparison) is not None
        if case.group in core:
            shows_at_the_core = shows_at_the_core or fails
        else:
            count, missed = count + 1, missed or fails
    return None if missed and not shows_at_the_core else count
