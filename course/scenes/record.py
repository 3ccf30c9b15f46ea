"""What a scene is: a picture and everything that is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The things, in the order of their labels 1, 2, ...; label 0 is background.
CLASSES = ("circle", "ring", "triangle", "rectangle", "star", "cross")
STUFF = ("sky", "ground", "road")
# The names of the numbers in a semantic map. Void is what nobody labelled.
CATEGORIES = ("void", *CLASSES, *STUFF)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with its annotations. Object n is row n everywhere; labels are 1..K.

    `masks` and `boxes` show what is visible of an object: a box is tight around the mask. (In a
    data set from elsewhere they are what its file says.) A keypoint is (x, y, v), where v is 0 if
    there is none in this slot, 1 if another object hides it, 2 if it is visible.
    `names[label - 1]` is a class's name, `categories[number]` that of a number in the semantic map.
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


def annotated(
    image: NDArray[np.uint8],
    labels: Sequence[int],
    masks: NDArray[np.bool_],
    keypoints: NDArray[np.float32],
    semantic: NDArray[np.int64],
    *,
    boxes: Sequence[tuple[float, float, float, float]] | None = None,
    names: tuple[str, ...] = CLASSES,
    categories: tuple[str, ...] = CATEGORIES,
) -> Scene:
    """Return the scene of a picture [H, W, 3] in 0 .. 255 and what is known about it.

    Boxes, if none are given, and the instance map follow from the masks.
    """
    if boxes is None:
        boxes = [_tight(mask) for mask in masks]
    instance = np.zeros(semantic.shape, dtype=np.int64)
    for n, mask in enumerate(masks):
        instance[mask] = n + 1
    colors = image.astype(np.float32) / np.float32(255)  # the same on every machine
    return Scene(
        image=torch.from_numpy(np.ascontiguousarray(colors.transpose(2, 0, 1))),
        boxes=torch.tensor(boxes, dtype=torch.float32).reshape(len(masks), 4),
        labels=torch.tensor(labels, dtype=torch.int64),
        masks=torch.from_numpy(masks),
        keypoints=torch.from_numpy(keypoints),
        semantic=torch.from_numpy(semantic.astype(np.int64)),
        instance=torch.from_numpy(instance),
        names=names,
        categories=categories,
    )


def _tight(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return the smallest box around the pixels of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
