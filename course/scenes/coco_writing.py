"""Scenes as a data set in COCO's format."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from course.scenes.coco_checks import FILE, IMAGES, CocoError
from course.scenes.outlines import run_lengths
from course.scenes.record import Scene


def to_coco(scenes: Iterable[Scene], folder: str | Path) -> Path:
    """Write scenes as `folder/images/*.png` and `folder/annotations.json`; return the path of that.

    Boxes are (x, y, width, height), masks uncompressed run lengths. The scenes have equal `names`.
    Stuff has no place in this format: read back, the semantic map is void where no object is.
    """
    folder = Path(folder)
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names: tuple[str, ...] = ()
    slots = 0
    for number, scene in enumerate(scenes, start=1):
        if number > 1 and scene.names != names:
            raise CocoError(f"scenes must have equal names, got {names} and {scene.names}")
        names, slots = scene.names, max(slots, scene.keypoints.shape[1])
        height, width = scene.image.shape[1:]
        file = f"{number:06}.png"
        pixels = (scene.image.permute(1, 2, 0) * 255).round().byte().numpy()
        Image.fromarray(pixels).save(folder / IMAGES / file)
        images.append({"id": number, "file_name": file, "height": height, "width": width})
        for n in range(len(scene.labels)):
            annotations.append({"id": len(annotations) + 1, **_annotation(scene, n, number)})
    points = {"keypoints": [f"point {slot + 1}" for slot in range(slots)], "skeleton": []}
    categories = [
        {"id": label, "name": name, "supercategory": "thing", **(points if slots else {})}
        for label, name in enumerate(names, start=1)
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / FILE).write_text(json.dumps(content), encoding="utf-8")
    return folder / FILE


def _annotation(scene: Scene, n: int, image: int) -> dict[str, Any]:
    """Return what COCO says of object n."""
    x1, y1, x2, y2 = scene.boxes[n].tolist()
    mask, points = scene.masks[n].numpy(), scene.keypoints[n]
    entry = {
        "image_id": image,
        "category_id": int(scene.labels[n]),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": int(mask.sum()),
        "iscrowd": 0,
        "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
    }
    if len(points):
        entry["keypoints"] = points.flatten().tolist()
        entry["num_keypoints"] = int(points[:, 2].gt(0).sum())
    return entry
