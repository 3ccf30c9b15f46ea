"""Records of an invented class, for tests of what is made of records."""

from autograder.record import (
    COULD_NOT_RUN,
    FAILED,
    PASSED,
    CaseVerdict,
    ExerciseVerdict,
    SubmissionRecord,
)

POINTS = {"box_iou": 3.0, "nms": 4.0}
SENTENCE = "Your widths count one pixel too many."


def passed(exercise: str) -> ExerciseVerdict:
    cases = (CaseVerdict("overlapping boxes", PASSED), CaseVerdict("no boxes", PASSED))
    return ExerciseVerdict(exercise, PASSED, 1.0, points=POINTS[exercise], cases=cases)


def failed(
    exercise: str,
    message: str = SENTENCE,
    misconception: str | None = "plus_one_pixel",
    score: float = 0.0,
) -> ExerciseVerdict:
    cases = (
        CaseVerdict("overlapping boxes", FAILED, "element [0, 0] expected 0.5, got 0.6"),
        CaseVerdict("no boxes", PASSED),
    )
    points = POINTS[exercise]
    return ExerciseVerdict(exercise, FAILED, score, message, misconception, cases, points)


def submission(student: str, *exercises: ExerciseVerdict, **more: object) -> SubmissionRecord:
    return SubmissionRecord(student, "03_nms", exercises, manual_pending=1, **more)  # type: ignore[arg-type]


def unreadable(student: str, reason: str = "the notebook is not JSON") -> SubmissionRecord:
    exercises = [ExerciseVerdict(name, COULD_NOT_RUN, None, points=POINTS[name]) for name in POINTS]
    return submission(student, *exercises, reason=reason)


def small_class() -> list[SubmissionRecord]:
    return [
        submission("ada", passed("box_iou"), passed("nms")),
        submission("ben", failed("box_iou"), passed("nms")),
        submission("cleo", failed("box_iou"), failed("nms", "It is not sorted.", None, 0.6)),
        unreadable("dan"),
    ]


def large_class(count: int) -> list[SubmissionRecord]:
    kinds = small_class()
    return [
        submission(f"student_{i:04d}", *kinds[i % 4].exercises, reason=kinds[i % 4].reason)
        for i in range(count)
    ]
