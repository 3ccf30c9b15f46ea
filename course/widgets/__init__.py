"""Widgets: figures that a reader moves, which show what the student's own functions do.

    from course import widgets
    widgets.IoU(box_iou)

Each takes the functions that it shows. A function is looked up again by its name, so that a cell
that is run again is shown at once. A page without a kernel has a picture and a sentence instead.
"""

from course.widgets.anchors import Anchors
from course.widgets.box_transform import BoxTransform
from course.widgets.fc_to_conv import FCToConv
from course.widgets.iou import IoU
from course.widgets.keypoints import Keypoints
from course.widgets.label_assignment import LabelAssignment
from course.widgets.mask import Mask
from course.widgets.nms import NMS
from course.widgets.precision_recall import PrecisionRecall
from course.widgets.proposals import Proposals
from course.widgets.receptive_field import ReceptiveField
from course.widgets.roi_align import RoIAlign
from course.widgets.sliding_window import SlidingWindow
from course.widgets.tasks import Tasks
from course.widgets.transposed_conv import TransposedConv
from course.widgets.upsampling import Upsampling

ALL = (
    Anchors,
    BoxTransform,
    FCToConv,
    IoU,
    Keypoints,
    LabelAssignment,
    Mask,
    NMS,
    PrecisionRecall,
    Proposals,
    ReceptiveField,
    RoIAlign,
    SlidingWindow,
    Tasks,
    TransposedConv,
    Upsampling,
)

__all__ = [
    "ALL",
    "NMS",
    "Anchors",
    "BoxTransform",
    "FCToConv",
    "IoU",
    "Keypoints",
    "LabelAssignment",
    "Mask",
    "PrecisionRecall",
    "Proposals",
    "ReceptiveField",
    "RoIAlign",
    "SlidingWindow",
    "Tasks",
    "TransposedConv",
    "Upsampling",
]
