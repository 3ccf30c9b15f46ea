"""What is graded: one package an assignment defines its TOPIC."""

from autograder.errors import UsageError
from autograder.exercise import Exercise, Question, Topic, WrittenAnswer
from autograder.exercises import (
    mask_rcnn_heads,
    mean_ap,
    nms,
    rcnn_transforms,
    rpn,
    sliding_windows,
    transposed_conv,
)

TOPICS = (
    sliding_windows.TOPIC,
    rcnn_transforms.TOPIC,
    nms.TOPIC,
    mean_ap.TOPIC,
    rpn.TOPIC,
    transposed_conv.TOPIC,
    mask_rcnn_heads.TOPIC,
)
Item = Exercise | Question | WrittenAnswer


def topics() -> dict[str, Topic]:
    """Return all topics by assignment, in the order of the course."""
    return {topic.assignment: topic for topic in TOPICS}


def find(exercise_name: str) -> tuple[Topic, Item]:
    """Return the exercise, question or written answer of that name and its topic."""
    names: list[str] = []
    for topic in TOPICS:
        items: list[Item] = [*topic.exercises, *topic.questions, *topic.written]
        for item in items:
            if item.name == exercise_name:
                return topic, item
        names += [item.name for item in items]
    raise UsageError(f"exercise must be one of {', '.join(names)}, got {exercise_name!r}")
