"""What the grader says: a verdict for every exercise of every submission, and nothing else.

These records are all that the reports, the gradebook and `--json` know.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

PASSED, FAILED, COULD_NOT_RUN = "passed", "failed", "could_not_run"


@dataclass(frozen=True)
class CaseVerdict:
    """The verdict of one group of cases."""

    group: str
    verdict: str
    message: str = ""


@dataclass(frozen=True)
class ExerciseVerdict:
    """The verdict of one exercise or question; `score` in [0, 1], None where nothing was judged.

    `message` is the one sentence that a student reads first. `given_right` names exercises that
    were answered rightly in the student's place when this one was judged again.
    """

    exercise: str
    verdict: str
    score: float | None
    message: str = ""
    misconception: str | None = None
    cases: tuple[CaseVerdict, ...] = ()
    points: float = 1.0
    given_right: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the public record."""
        record = asdict(self)
        record["cases"] = list(record["cases"])
        record["given_right"] = list(record["given_right"])
        return record

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "ExerciseVerdict":
        """Return the verdict that `to_json` wrote."""
        cases = tuple(CaseVerdict(**case) for case in record["cases"])
        given = tuple(record["given_right"])
        return cls(**{**record, "cases": cases, "given_right": given})


@dataclass(frozen=True)
class CellRun:
    """What a cell of the student's notebook displayed: (MIME type, text or base64) in order."""

    index: int
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SubmissionRecord:
    """The verdicts of one submission.

    `reason` says why nothing could be judged. `key` names what was judged: the submission's
    bytes, the release, the variants and the environment; equal keys have equal records.
    """

    student: str
    assignment: str
    exercises: tuple[ExerciseVerdict, ...]
    key: str = ""
    release: str = ""
    manual_pending: int = 0
    reason: str = ""
    notes: tuple[str, ...] = ()
    sandbox: str = ""
    seconds: float = 0.0
    runs: tuple[CellRun, ...] = field(default=(), repr=False)

    @property
    def max_score(self) -> float:
        """The automatic points that can be had."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def score(self) -> float | None:
        """The automatic points that were earned; None where some exercise could not be judged."""
        scores = [exercise.score for exercise in self.exercises]
        if any(score is None for score in scores) or self.reason:
            return None
        return sum(e.points * (e.score or 0.0) for e in self.exercises)

    def to_json(self) -> dict[str, Any]:
        """Return the public record: the report's, `--json`'s, and the durable store's."""
        return {
            "student": self.student,
            "assignment": self.assignment,
            "score": self.score,
            "max_score": self.max_score,
            "manual_pending": self.manual_pending,
            "exercises": [exercise.to_json() for exercise in self.exercises],
            "reason": self.reason,
            "notes": list(self.notes),
            "release": self.release,
            "sandbox": self.sandbox,
            "seconds": round(self.seconds, 3),
            "key": self.key,
            "runs": [{"index": run.index, "outputs": list(run.outputs)} for run in self.runs],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "SubmissionRecord":
        """Return the record that `to_json` wrote."""
        exercises = tuple(map(ExerciseVerdict.from_json, record["exercises"]))
        runs = tuple(
            CellRun(run["index"], tuple((mime, text) for mime, text in run["outputs"]))
            for run in record["runs"]
        )
        left_out = ("score", "max_score")
        rest = {key: value for key, value in record.items() if key not in left_out}
        return cls(**{**rest, "exercises": exercises, "runs": runs, "notes": tuple(rest["notes"])})
