"""A set of cases for one exercise, and what an answer's outcomes on them say.

The public set lies beside the notebook as data; the hidden ones have the same form.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from course.outcome import CLOSE, NOT_ANSWERED, Case, Comparison, Difference, Outcome, difference
from course.values import dump, load

CORE_SHARE = 0.6  # of an exercise's points; the edge groups share the rest evenly


@dataclass(frozen=True)
class Group:
    """Cases that test one thing.

    `sentence` is what a student reads when the group fails: the rule that was broken. A core
    group tests what the function is for; an edge group counts only when every core group passes.
    """

    name: str
    sentence: str
    edge: bool = False
    comparison: Comparison = CLOSE


@dataclass(frozen=True)
class KnownMistake:
    """A misconception: its name, the sentence for the student, and its outcome on every case."""

    name: str
    sentence: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class CaseSet:
    """Cases of one exercise with their expected outcomes and those of each known mistake."""

    exercise: str
    groups: tuple[Group, ...]
    cases: tuple[Case, ...]
    expected: tuple[Outcome, ...]
    mistakes: tuple[KnownMistake, ...]

    def to_bytes(self) -> bytes:
        """Return the set as data; equal sets give equal bytes."""
        return dump(
            {
                "exercise": self.exercise,
                "groups": [asdict(group) for group in self.groups],
                "cases": [vars(case) for case in self.cases],
                "expected": [vars(outcome) for outcome in self.expected],
                "mistakes": [
                    {**vars(mistake), "outcomes": [vars(outcome) for outcome in mistake.outcomes]}
                    for mistake in self.mistakes
                ],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "CaseSet":
        """Return the set that `to_bytes` wrote, or raise ValueFormatError."""
        content = load(data)
        return cls(
            exercise=content["exercise"],
            groups=tuple(
                Group(**{**group, "comparison": Comparison(**group["comparison"])})
                for group in content["groups"]
            ),
            cases=tuple(Case(**case) for case in content["cases"]),
            expected=tuple(Outcome(**outcome) for outcome in content["expected"]),
            mistakes=tuple(
                KnownMistake(
                    mistake["name"],
                    mistake["sentence"],
                    tuple(Outcome(**outcome) for outcome in mistake["outcomes"]),
                )
                for mistake in content["mistakes"]
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
    the answer's on every case, those that pass included.
    """
    results = []
    for group in case_set.groups:
        members = [i for i, case in enumerate(case_set.cases) if case.group == group.name]
        found: Difference | None = None
        at = None
        for i in (i for i in members if i < len(outcomes)):
            found = difference(outcomes[i], case_set.expected[i], group.comparison)
            if found:
                at = i
                break
        ran = found is not None or all(i < len(outcomes) for i in members)
        results.append(GroupResult(group, found, at, ran))
    answered = not any(outcome.kind == NOT_ANSWERED for outcome in outcomes)
    mistake = None
    if answered and not all(result.passed for result in results):
        mistake = next((m for m in case_set.mistakes if _agrees(case_set, outcomes, m)), None)
    return Assessment(tuple(results), mistake, answered)


def _agrees(case_set: CaseSet, outcomes: Sequence[Outcome], mistake: KnownMistake) -> bool:
    if len(outcomes) != len(case_set.cases):
        return False
    return all(
        difference(outcome, known, case_set.comparison(case)) is None
        for outcome, known, case in zip(outcomes, mistake.outcomes, case_set.cases, strict=True)
    )
