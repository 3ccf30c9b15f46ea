"""Small pictures with complete annotations: drawn from a seed, photographed, or your own.

`scene(seed)` draws one and `dataset(split, n)` many. Each item is a `Scene`.
"""

from course.scenes.generator import DIFFICULTIES, dataset, scene
from course.scenes.record import CATEGORIES, CLASSES, STUFF, Scene

__all__ = ["CATEGORIES", "CLASSES", "DIFFICULTIES", "STUFF", "Scene", "dataset", "scene"]
