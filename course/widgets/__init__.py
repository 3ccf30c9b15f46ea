"""Widgets: figures that a reader moves, which show what the student's own functions do.

    from course import widgets
    widgets.IoU(box_iou)

Each takes the functions that it shows. A function is looked up again by its name, so that a cell
that is run again is shown at once. A page without a kernel has a picture and a sentence instead.
"""

from course.widgets.anchors import Anchors
from course.widgets.box_transform import BoxTransform
from course.widgets.iou import IoU
from course.widgets.label_assignment import LabelAssignment
from course.widgets.nms import NMS
from course.widgets.proposals import Proposals

ALL = (Anchors, BoxTransform, IoU, LabelAssignment, NMS, Proposals)

__all__ = ["ALL", "NMS", "Anchors", "BoxTransform", "IoU", "LabelAssignment", "Proposals"]
