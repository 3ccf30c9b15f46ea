"""What a scene is: a picture and everything that is known about it."""

from dataclasses import dataclass

from torch import Tensor

# The things, in the order of their labels 1, 2, ...; label 0 is background.
CLASSES = ("circle", "ring", "triangle", "rectangle", "star", "cross")
STUFF = ("sky", "ground", "road")
# The names of the numbers in a semantic map. Void is what nobody labelled.
CATEGORIES = ("void", *CLASSES, *STUFF)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with its annotations. Object n is row n everywhere; labels are 1..K.

    `masks` and `boxes` show what is visible of an object: a box is tight around the mask. A
    keypoint is (x, y, v), where v is 0 if there is none in this slot, 1 if another object hides
    it, 2 if it is visible. `names[label - 1]` is a class's name, `categories[number]` that of a
    number in the semantic map.
    """

    image: Tensor  # [3, H, W] float32 in [0, 1]
    boxes: Tensor  # [N, 4] float32, (x1, y1, x2, y2)
    labels: Tensor  # [N] int64
    masks: Tensor  # [N, H, W] bool, no two of which share a pixel
    keypoints: Tensor  # [N, P, 3] float32
    semantic: Tensor  # [H, W] int64
    instance: Tensor  # [H, W] int64: n + 1 on the pixels of object n, else 0
    names: tuple[str, ...] = CLASSES
    categories: tuple[str, ...] = CATEGORIES

    def __repr__(self) -> str:
        height, width = self.image.shape[1:]
        things = ", ".join(self.names[label - 1] for label in self.labels.tolist())
        return f"Scene({height} x {width}: {things or 'no objects'})"
