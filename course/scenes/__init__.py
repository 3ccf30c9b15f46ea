"""Small pictures with complete annotations: drawn from a seed, photographed, or your own.

`scene(seed)` draws one, `dataset(split, n)` many, `photograph(name)` is a real picture, and
`from_coco(folder)` reads a data set in COCO's format. Each item is a `Scene`.
"""

from course.scenes.coco_checks import CocoError
from course.scenes.coco_reading import from_coco
from course.scenes.coco_writing import to_coco
from course.scenes.generator import DIFFICULTIES, scene
from course.scenes.photographs import PHOTOGRAPHS, photograph
from course.scenes.record import CATEGORIES, CLASSES, STUFF, Scene
from course.scenes.splits import dataset

__all__ = [
    "CATEGORIES",
    "CLASSES",
    "DIFFICULTIES",
    "PHOTOGRAPHS",
    "STUFF",
    "CocoError",
    "Scene",
    "dataset",
    "from_coco",
    "photograph",
    "scene",
    "to_coco",
]
