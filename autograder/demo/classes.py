"""The demo class as a whole: who hands in what, by assignment."""

from autograder.demo import (
    mask_rcnn_heads,
    mean_ap,
    nms,
    rcnn_transforms,
    rpn,
    sliding_windows,
    transposed_conv,
)
from autograder.demo.student import Student

CLASSES: dict[str, tuple[Student, ...]] = {
    "01_sliding_windows": sliding_windows.STUDENTS,
    "02_rcnn_transforms": rcnn_transforms.STUDENTS,
    "03_nms": nms.STUDENTS,
    "04_map": mean_ap.STUDENTS,
    "05_rpn": rpn.STUDENTS,
    "06_transposed_conv": transposed_conv.STUDENTS,
    "07_mask_rcnn_heads": mask_rcnn_heads.STUDENTS,
}
NAMES = {student.id: student.name for students in CLASSES.values() for student in students}
