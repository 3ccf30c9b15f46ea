"""Widgets: figures that a reader moves, which show what the student's own functions do.

    from course import widgets
    widgets.IoU(box_iou)

Each takes the functions that it shows. A function is looked up again by its name, so that a cell
that is run again is shown at once. A page without a kernel has a picture and a sentence instead.
"""

from course.widgets.iou import IoU
from course.widgets.nms import NMS
from course.widgets.receptive_field import ReceptiveField
from course.widgets.transposed_conv import TransposedConv
from course.widgets.upsampling import Upsampling

ALL = (IoU, NMS, ReceptiveField, TransposedConv, Upsampling)

__all__ = ["ALL", "NMS", "IoU", "ReceptiveField", "TransposedConv", "Upsampling"]
