"""What a file in COCO's format must be: each function returns a part of it, checked.

An error names the value and the cure: such files come from many tools.
"""

import json
import math
from pathlib import Path
from typing import Any, TypeGuard

from course.scenes.outlines import uncompressed

FILE = "annotations.json"
IMAGES = "images"
SLACK = 1.0  # pixels that a box may reach over the edge: tools round
SHOWN = 10  # ids


class CocoError(ValueError):
    """A data set that is not as COCO's format says."""


def content(file: Path) -> dict[str, Any]:
    """Return what the JSON file holds."""
    if not file.is_file():
        raise CocoError(
            f"{file} must be a JSON file in COCO's format, got no such file; give its path, or a "
            f"folder that has one with the name {FILE}"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CocoError(f"{file} must be JSON, got {error}; export it again") from None
    if not isinstance(content, dict):
        raise CocoError(f"{file} must hold an object, got {_short(content)}; export it as COCO")
    return content


def by_id(content: dict[str, Any], key: str, file: Path) -> dict[int, dict[str, Any]]:
    """Return the entries of one of the file's lists by their ids, in the order of these."""
    entries = content.get(key)
    if not isinstance(entries, list):
        raise CocoError(
            f"{file} must have a list {key!r}, got {_short(entries)}; export it in COCO's format "
            "for object detection"
        )
    found: dict[int, dict[str, Any]] = {}
    for at, entry in enumerate(entries):
        number = entry.get("id") if isinstance(entry, dict) else None
        if not _is_whole(number):
            raise CocoError(
                f"{key}[{at}] of {file} must have a whole number as its id, got {_short(entry)}; "
                "number it"
            )
        if number in found:
            raise CocoError(
                f"ids of {key} in {file} must differ, got {number} twice; renumber them"
            )
        found[number] = entry
    return dict(sorted(found.items()))


def one_of(known: dict[int, Any], entry: dict[str, Any], key: str, name: str, cure: str) -> Any:
    """Return what an annotation refers to."""
    number = entry.get(key)
    if not _is_whole(number) or number not in known:
        ids = ", ".join(map(str, list(known)[:SHOWN])) + (", ..." if len(known) > SHOWN else "")
        raise CocoError(
            f"{key} of {name} must be one of {ids or 'none'}, got {_short(number)}; correct it, "
            f"or {cure}"
        )
    return known[number]


def folders(file: Path, images: str | Path | None) -> list[Path]:
    """Return where pictures may lie."""
    if images is None:
        return [file.parent / IMAGES, file.parent]
    if not Path(images).is_dir():
        raise CocoError(f"images must be a folder, got {images}; give the one with the pictures")
    return [Path(images)]


def image_file(entry: dict[str, Any], name: str, folders: list[Path]) -> Path:
    """Return the path of an image, which exists."""
    file_name = text(entry, "file_name", name)
    for folder in folders:
        if (folder / file_name).is_file():
            return folder / file_name
    raise CocoError(
        f"file_name of {name} must be a file in {' or '.join(map(str, folders))}, got "
        f"{file_name!r}; put it there, or say where it is with images=..."
    )


def sides(entry: dict[str, Any], name: str) -> tuple[int, int]:
    """Return an image's height and width."""
    height, width = entry.get("height"), entry.get("width")
    if not (_is_whole(height) and _is_whole(width) and height > 0 and width > 0):
        raise CocoError(
            f"height and width of {name} must be whole numbers above 0, got {_short(height)} and "
            f"{_short(width)}; write the image's size there"
        )
    return height, width


def keypoints(entry: dict[str, Any], name: str, slots: int) -> list[tuple[float, float, float]]:
    """Return (x, y, v) for each of an object's keypoints; where v is 0, so are x and y."""
    given = _numbers(entry.get("keypoints") or [], f"keypoints of {name}")
    if len(given) % 3 or len(given) > 3 * slots:
        raise CocoError(
            f"keypoints of {name} must be three numbers (x, y, v) for each of the categories' "
            f"{slots} keypoints, got {len(given)} numbers; name all keypoints in the category"
        )
    if not set(given[2::3]) <= {0, 1, 2}:
        raise CocoError(
            f"v of the keypoints of {name} must be 0 (none), 1 (hidden) or 2 (visible), got "
            f"{_short(given[2::3])}; correct it"
        )
    points = zip(given[::3], given[1::3], given[2::3], strict=True)
    return [(x, y, v) if v else (0.0, 0.0, 0.0) for x, y, v in points]


def box(
    entry: dict[str, Any], name: str, height: int, width: int
) -> tuple[float, float, float, float]:
    """Return an object's (x1, y1, x2, y2), which lies in its image."""
    given = _numbers(entry.get("bbox"), f"bbox of {name}")
    if len(given) != 4 or given[2] <= 0 or given[3] <= 0:
        raise CocoError(
            f"bbox of {name} must be [x, y, width, height] with sides above 0, got "
            f"{_short(given)}; correct it, or take the annotation out"
        )
    x1, y1, x2, y2 = given[0], given[1], given[0] + given[2], given[1] + given[3]
    if min(x1, y1) < -SLACK or x2 > width + SLACK or y2 > height + SLACK:
        raise CocoError(
            f"bbox of {name} must lie in its image of {height} x {width} pixels (height x width), "
            f"got {_short(given)}, which goes from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}); it is "
            "[x, y, width, height], not two corners"
        )
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))


def runs(outline: dict[str, Any], name: str, height: int, width: int) -> list[int]:
    """Return the run lengths of a mask, which cover the image."""
    counts, size = outline.get("counts"), outline.get("size")
    if size != [height, width]:
        raise CocoError(
            f"size of the segmentation of {name} must be that of its image, [{height}, {width}] "
            f"(height, width), got {_short(size)}; export the masks again"
        )
    try:
        lengths = uncompressed(counts) if isinstance(counts, str) else counts
    except ValueError as error:
        raise CocoError(
            f"counts of the segmentation of {name} must be run lengths, got {_short(counts)}: "
            f"{error}; export the masks again"
        ) from None
    if (
        not isinstance(lengths, list)
        or not all(_is_whole(length) and length >= 0 for length in lengths)
        or sum(lengths) != height * width
    ):
        raise CocoError(
            f"counts of the segmentation of {name} must be run lengths that add up to the image's "
            f"{height * width} pixels, got {_short(counts)}; export the masks again"
        )
    return lengths


def polygons(outline: Any, name: str) -> list[list[tuple[float, float]]]:
    """Return the polygons of a mask as lists of corners, checked."""
    if not isinstance(outline, list) or not outline:
        raise CocoError(
            f"segmentation of {name} must be a list of polygons or run lengths, got "
            f"{_short(outline)}; draw the object's outline (its box will do for a rectangle)"
        )
    polygons = []
    for polygon in outline:
        numbers = _numbers(polygon, f"each polygon of {name}")
        if len(numbers) < 6 or len(numbers) % 2:
            raise CocoError(
                f"each polygon of {name} must be [x, y, x, y, ...] with three corners at least, "
                f"got {len(numbers)} numbers; draw it again"
            )
        polygons.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return polygons


def _numbers(value: Any, name: str) -> list[float]:
    if not isinstance(value, list) or not all(
        isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)
        for item in value
    ):
        raise CocoError(f"{name} must be a list of numbers, got {_short(value)}; write it")
    return [float(item) for item in value]


def text(entry: dict[str, Any], key: str, name: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise CocoError(f"{key} of {name} must be a text, got {_short(value)}; write it")
    return value


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
