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
)
