"""What the records of a class say together: the numbers of the report and of the terminal."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.record import COULD_NOT_RUN, PASSED, ExerciseVerdict, SubmissionRecord

PARTLY = "partly"  # failed, with some points
BIN_WIDTHS = (0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100)
MOST_BINS = 14


def mark_of(verdict: ExerciseVerdict) -> str:
    """Return "passed", "partly", "failed" or "could_not_run"."""
    if verdict.score is None:
        return COULD_NOT_RUN
    partly = verdict.verdict != PASSED and verdict.score > 0
    return PARTLY if partly else verdict.verdict


@dataclass(frozen=True)
class ExerciseSummary:
    """How a class did in one exercise: students by mark, and the mean share of the points."""

    name: str
    points: float
    passed: int
    partly: int
    failed: int
    unjudged: int
    mean: float | None

    @property
    def judged(self) -> int:
        """The students of whom something could be judged."""
        return self.passed + self.partly + self.failed

    @property
    def pass_rate(self) -> float | None:
        """The share of the judged that passed; None where nobody was judged."""
        return self.passed / self.judged if self.judged else None


@dataclass(frozen=True)
class MisconceptionCount:
    """A named misconception, what its students read, and who they are."""

    exercise: str
    name: str
    sentence: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Bin:
    """A bar of the histogram: scores in [low, high), the last one with its end."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class AssignmentSummary:
    """One assignment of a class. `scores` are points; who could not be judged has none."""

    assignment: str
    records: tuple[SubmissionRecord, ...]
    max_score: float
    scores: tuple[float, ...]
    exercises: tuple[ExerciseSummary, ...]
    misconceptions: tuple[MisconceptionCount, ...]
    bins: tuple[Bin, ...]

    @property
    def unjudged(self) -> tuple[SubmissionRecord, ...]:
        """The records that a person must look at."""
        return tuple(record for record in self.records if record.score is None)

    @property
    def mean(self) -> float | None:
        """The mean score in points."""
        return statistics.fmean(self.scores) if self.scores else None

    @property
    def median(self) -> float | None:
        """The median score in points."""
        return statistics.median(self.scores) if self.scores else None


def summarise(records: Sequence[SubmissionRecord]) -> list[AssignmentSummary]:
    """Return a summary of each assignment, by name, its records by student."""
    names = sorted({record.assignment for record in records})
    return [_summary(name, [r for r in records if r.assignment == name]) for name in names]


def _summary(assignment: str, records: list[SubmissionRecord]) -> AssignmentSummary:
    ordered = tuple(sorted(records, key=lambda record: record.student))
    scores = tuple(record.score for record in ordered if record.score is not None)
    max_score = max(record.max_score for record in ordered)
    return AssignmentSummary(
        assignment=assignment,
        records=ordered,
        max_score=max_score,
        scores=scores,
        exercises=_exercises(ordered),
        misconceptions=_misconceptions(ordered),
        bins=_bins(scores, max_score),
    )


def _exercises(records: Sequence[SubmissionRecord]) -> tuple[ExerciseSummary, ...]:
    found: dict[str, list[ExerciseVerdict]] = {}
    for record in sorted(records, key=lambda record: -len(record.exercises)):
        for verdict in record.exercises:
            found.setdefault(verdict.exercise, []).append(verdict)
    summaries = []
    for name, verdicts in found.items():
        marks = [mark_of(verdict) for verdict in verdicts]
        shares = [verdict.score for verdict in verdicts if verdict.score is not None]
        unjudged = marks.count(COULD_NOT_RUN) + len(records) - len(verdicts)
        passed, partly = marks.count(PASSED), marks.count(PARTLY)
        summaries.append(
            ExerciseSummary(
                name=name,
                points=max(verdict.points for verdict in verdicts),
                passed=passed,
                partly=partly,
                failed=len(records) - unjudged - passed - partly,
                unjudged=unjudged,
                mean=statistics.fmean(shares) if shares else None,
            )
        )
    return tuple(summaries)


def _misconceptions(records: Sequence[SubmissionRecord]) -> tuple[MisconceptionCount, ...]:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for record in records:
        for verdict in record.exercises:
            if verdict.misconception:
                key = (verdict.exercise, verdict.misconception)
                found.setdefault(key, []).append((record.student, verdict.message))
    # The shortest message: one of a second judging puts words of its own before the sentence.
    counts = [
        MisconceptionCount(
            exercise=exercise,
            name=name,
            sentence=min((message for _, message in seen), key=len),
            students=tuple(student for student, _ in seen),
        )
        for (exercise, name), seen in found.items()
    ]
    return tuple(sorted(counts, key=lambda c: (-len(c.students), c.exercise, c.name)))


def _bins(scores: Sequence[float], max_score: float) -> tuple[Bin, ...]:
    """Return the bars of a histogram from 0 to `max_score`, in steps that people count in."""
    if max_score <= 0:
        return ()
    width = next((w for w in BIN_WIDTHS if max_score / w <= MOST_BINS), max_score / MOST_BINS)
    lows = [i * width for i in range(MOST_BINS) if i * width < max_score - 1e-9]
    counts = [0] * len(lows)
    for score in scores:
        counts[min(int(score / width + 1e-9), len(lows) - 1)] += 1
    return tuple(map(Bin, lows, [*lows[1:], max_score], counts))
