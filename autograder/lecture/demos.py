"""The demos, in the order of the lecture: what a slide says, and the widget that it shows."""

from dataclasses import dataclass

from course import widgets
from course.widgets.base import Widget


@dataclass(frozen=True)
class Demo:
    """A slide: its address, its title, what to look at, the widget. `show` names the functions
    to give it; by default all that the widget takes."""

    name: str
    title: str
    text: str
    widget: type[Widget]


DEMOS = (
    Demo(
        "sliding-window",
        "How many windows are there?",
        "Move the window. Then halve the stride: how many positions, and how much work is repeated?",
        widgets.SlidingWindow,
    ),
    Demo(
        "box-transform",
        "From a proposal to the object",
        "Drag the proposal onto the target: when are all four numbers 0?",
        widgets.BoxTransform,
    ),
    Demo(
        "labels",
        "Which proposals are examples of what?",
        "Raise the threshold for positives. Who turns neutral, who negative?",
        widgets.LabelAssignment,
    ),
    Demo(
        "iou",
        "How much do two boxes overlap?",
        "Move box B until the two just count as a match. Where is the IoU 0, and why not below?",
        widgets.IoU,
    ),
    Demo(
        "nms",
        "Many detections, few objects",
        "Step through the ranking: which box is taken, which go? Then raise the threshold.",
        widgets.NMS,
    ),
    Demo(
        "precision-recall",
        "How good is a detector?",
        "Walk down the ranking: when does the curve go right, when down?",
        widgets.PrecisionRecall,
    ),
)
