"""Pictures in matplotlib: what the lessons and `check` show.

A box is (x1, y1, x2, y2); y points down, as in an image; pixel (0, 0) covers the square from (0, 0)
to (1, 1). The colours are Okabe and Ito's, which people with any colour vision tell apart; names,
numbers and line styles say the same as the colours.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.draw.axes import COLORS, DPI, TEXT, around, chart, legend, panels, png, wide
    from course.draw.images import heat, masks, numbers, photo, segments
    from course.draw.marks import (
        PLACES,
        arrow,
        boxes,
        cross,
        flow,
        keypoints,
        overlap,
        points,
        selected,
    )

__all__ = [
    "COLORS",
    "DPI",
    "PLACES",
    "TEXT",
    "around",
    "arrow",
    "boxes",
    "chart",
    "cross",
    "flow",
    "heat",
    "keypoints",
    "legend",
    "masks",
    "numbers",
    "overlap",
    "panels",
    "photo",
    "png",
    "points",
    "segments",
    "selected",
    "wide",
]


def __getattr__(name: str) -> Any:
    """Import matplotlib when something is drawn first: until then nobody waits for it."""
    for part in ("axes", "images", "marks") if name in __all__ else ():
        module = import_module(f"course.draw.{part}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
