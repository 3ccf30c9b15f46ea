"""A data set in COCO's format as scenes: an instructor's own pictures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from course.scenes import coco_checks as checks
from course.scenes.coco_checks import FILE, CocoError
from course.scenes.outlines import Mask, mask_of_run_lengths, polygon_mask
from course.scenes.record import Scene, annotated

EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def from_coco(path: str | Path, images: str | Path | None = None) -> "CocoDataset":
    """Return the pictures of a data set in COCO's format, each a `Scene`.

    `path` is a JSON file, or a folder with `annotations.json`. The pictures lie in the folder
    `images`; if none is given, in `images/` beside the JSON file, or right beside it. Categories
    become labels 1, 2, ... in the order of their ids. Boxes and masks are as the file says them:
    they may overlap, and then the later object has the pixels of the semantic and the instance
    map. Masks are polygons or run lengths, compressed or not. Crowds are left out.

    All that the file says is checked here, before a class sits in front of it. Raises CocoError,
    which names what is wrong and how to mend it.
    """
    file = Path(path)
    if file.is_dir():
        file = file / FILE
    content, folders = checks.content(file), checks.folders(file, images)
    categories = checks.by_id(content, "categories", file)
    labels = {number: label for label, number in enumerate(categories, start=1)}
    slots = max((len(entry.get("keypoints") or ()) for entry in categories.values()), default=0)
    pictures: dict[int, Picture] = {}
    for number, entry in checks.by_id(content, "images", file).items():
        name = f"image {number}"
        pictures[number] = Picture(
            checks.image_file(entry, name, folders), *checks.sides(entry, name)
        )
    for number, entry in checks.by_id(content, "annotations", file).items():
        name = f"annotation {number}"
        picture = checks.one_of(pictures, entry, "image_id", name, "add that image to the list")
        label = checks.one_of(labels, entry, "category_id", name, "add that category to the list")
        if not entry.get("iscrowd"):
            picture.objects.append(_annotation(entry, name, label, picture, slots))
    names = [
        checks.text(entry, "name", f"category {number}") for number, entry in categories.items()
    ]
    return CocoDataset(tuple(pictures.values()), tuple(names), slots)


@dataclass(frozen=True)
class Annotation:
    """An object as the file says it; its mask is run lengths or polygons."""

    label: int
    box: tuple[float, float, float, float]  # (x1, y1, x2, y2)
    runs: list[int] | None
    polygons: list[list[tuple[float, float]]]
    keypoints: list[tuple[float, float, float]]

    def mask(self, height: int, width: int) -> Mask:
        """Return the mask [H, W]."""
        if self.runs is not None:
            return mask_of_run_lengths(self.runs, height, width)
        mask = np.zeros((height, width), dtype=np.bool_)
        for corners in self.polygons:
            mask |= polygon_mask(corners, height, width)
        return mask


@dataclass(frozen=True)
class Picture:
    """An image file, its size as the JSON file says it, and its objects."""

    file: Path
    height: int
    width: int
    objects: list[Annotation] = field(default_factory=list)


class CocoDataset(Dataset[Scene]):
    """The pictures of a data set; an item is read from its file when asked for."""

    def __init__(self, pictures: tuple[Picture, ...], names: tuple[str, ...], slots: int) -> None:
        self.pictures, self.names, self.slots = pictures, names, slots

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Scene:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be from 0 to {len(self) - 1}, got {index}")
        picture = self.pictures[index]
        count, height, width = len(picture.objects), picture.height, picture.width
        masks = np.zeros((count, height, width), dtype=np.bool_)
        keypoints = np.zeros((count, self.slots, 3), dtype=np.float32)
        semantic = np.zeros((height, width), dtype=np.int64)
        for n, thing in enumerate(picture.objects):
            masks[n] = thing.mask(height, width)
            semantic[masks[n]] = thing.label
            for slot, point in enumerate(thing.keypoints):
                keypoints[n, slot] = point
        return annotated(
            _pixels(picture),
            [thing.label for thing in picture.objects],
            masks,
            keypoints,
            semantic,
            boxes=[thing.box for thing in picture.objects],
            names=self.names,
            categories=("void", *self.names),
        )

    def __repr__(self) -> str:
        return f"{len(self)} pictures with {', '.join(self.names)}"


def _annotation(
    entry: dict[str, Any], name: str, label: int, picture: Picture, slots: int
) -> Annotation:
    size, outline = (picture.height, picture.width), entry.get("segmentation")
    runs = checks.runs(outline, name, *size) if isinstance(outline, dict) else None
    polygons = checks.polygons(outline, name) if runs is None else []
    box, keypoints = checks.box(entry, name, *size), checks.keypoints(entry, name, slots)
    return Annotation(label, box, runs, polygons, keypoints)


def _pixels(picture: Picture) -> NDArray[np.uint8]:
    """Return a picture's colours [H, W, 3] in 0 .. 255."""
    try:
        with Image.open(picture.file) as opened:
            mode, (width, height) = opened.mode, opened.size
            pixels = np.array(opened.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise CocoError(
            f"{picture.file} must be a JPEG or PNG file, got one that cannot be read "
            f"({type(error).__name__}); save it again with an image program"
        ) from None
    if mode not in EIGHT_BITS:
        raise CocoError(
            f"{picture.file} must be an image of 8 bits, grey or in colour, got the mode {mode}; "
            "convert it to RGB"
        )
    if (height, width) != (picture.height, picture.width):
        raise CocoError(
            f"{picture.file} must be {picture.height} x {picture.width} pixels (height x width) as "
            f"the JSON file says, got {height} x {width}; correct the JSON file, or put the image "
            "there that was annotated"
        )
    return pixels
