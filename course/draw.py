"""Pictures of boxes, in matplotlib: what the lessons and `check` show.

A box is (x1, y1, x2, y2); y points down, as in an image. The colours are Okabe and Ito's, which
people with any colour vision tell apart; names and line styles say the same as the colours.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import Normal, withStroke
from torch import Tensor

COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "green": "#009E73",
    "red": "#D55E00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#777777",
}
DPI = 100
PANEL_WIDTH, WIDEST = 4.6, 9.2  # inches
GAP = 0.2  # between panels, in their widths
TEXT = 11  # points

# Where a label stands: the corner of the box, and whether the text is above or below the edge.
PLACES: dict[str, tuple[int, int, str, str]] = {
    "top left": (0, 1, "left", "bottom"),
    "bottom right": (2, 3, "right", "top"),
    "top right": (2, 1, "right", "bottom"),
    "bottom left": (0, 3, "left", "top"),
}


def panels(*titles: str, size: tuple[float, float], origin: tuple[float, float] = (0, 0)) -> Any:
    """Return axes in a row, one for each title, that show `size` = (height, width) pixels.

    `origin` = (x, y) is the top left corner. One title gives one Axes, more give a list.
    """
    (height, width), (left, top) = size, origin
    inches = min(PANEL_WIDTH, WIDEST / len(titles))
    axes = _row(len(titles), inches, inches * min(height / width, 1.3))
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(left, left + width), ylim=(top + height, top), aspect="equal")
        ax.set_title(title, fontsize=TEXT + 1)
        ax.tick_params(labelsize=TEXT - 2, colors=COLORS["grey"])
        for spine in ax.spines.values():
            spine.set_color("#BBBBBB")
    return axes[0] if len(axes) == 1 else axes


def around(*groups: Tensor) -> dict[str, Any]:
    """Return the `size` and `origin` of panels that show all the boxes with a margin."""
    corners = [corner for group in groups for box in group.tolist() for corner in _points(box)]
    xs, ys = zip(*corners, strict=True)
    margin = 0.12 * max(max(xs) - min(xs), max(ys) - min(ys), 1e-6)
    return {
        "size": (max(ys) - min(ys) + 2 * margin, max(xs) - min(xs) + 2 * margin),
        "origin": (min(xs) - margin, min(ys) - margin),
    }


def boxes(
    ax: Axes,
    boxes: Tensor,
    labels: Sequence[str] | None = None,
    *,
    colors: str | Sequence[str] = "blue",
    places: str | Sequence[str] = "top left",
    style: str = "-",
    width: float = 2.5,
    alpha: float = 1.0,
) -> None:
    """Draw boxes [N, 4], each with its label; `colors` and `places` are one for all or a list."""
    count = len(boxes)
    names = [colors] * count if isinstance(colors, str) else colors
    corners = [places] * count if isinstance(places, str) else places
    for i, box in enumerate(boxes.tolist()):
        color = COLORS[names[i]]
        x1, y1, x2, y2 = box
        edge = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=color, lw=width, ls=style)
        edge.set(alpha=alpha, zorder=1.5 if names[i] == "grey" else 2)
        if names[i] == "yellow":  # too bright for a white ground without a dark rim
            edge.set_path_effects([withStroke(linewidth=width + 1.2, foreground="black"), Normal()])
        ax.add_patch(edge)
        if labels is not None:
            _label(ax, labels[i], box, corners[i], color)


def selected(ax: Axes, candidates: Tensor, kept: Sequence[int]) -> None:
    """Draw candidate boxes [N, 4]: the `kept` ones solid and numbered from 1, the rest dotted."""
    chosen = set(kept)
    rest = [i for i in range(len(candidates)) if i not in chosen]
    boxes(ax, candidates[rest], colors="grey", style=":", width=1.5, alpha=0.8)
    ranks = [str(rank + 1) for rank in range(len(kept))]
    corners = [list(PLACES)[rank % len(PLACES)] for rank in range(len(kept))]
    boxes(ax, candidates[list(kept)], ranks if len(kept) <= 12 else None, places=corners)


def overlap(ax: Axes, a: Tensor, b: Tensor, labels: Sequence[str] = ("A", "B")) -> None:
    """Draw two boxes [4] each, what both cover hatched and what either covers shaded."""
    shapes = [_rectangle(box.tolist()) for box in (a, b)]
    for shape in shapes:
        ax.add_patch(PathPatch(shape, fc="#DDDDDD", ec="none", transform=ax.transData))
    common = PathPatch(
        shapes[0], fc=COLORS["green"], ec="white", hatch="//", alpha=0.75, lw=0, zorder=2
    )
    ax.add_patch(common)
    common.set_clip_path(shapes[1], ax.transData)
    boxes(ax, a[None], [labels[0]], colors="blue")
    boxes(ax, b[None], [labels[1]], colors="red", places="bottom right", style="--")


def points(ax: Axes, marks: Sequence[tuple[float, float, str]]) -> None:
    """Mark points (x, y) with a text beside each."""
    for x, y, text in marks:
        ax.plot(x, y, "o", color="black", markersize=6)
        ax.annotate(text, (x, y), xytext=(7, -14), textcoords="offset points", fontsize=TEXT)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """Draw a measure from `start` to `end`, both (x, y), with its text beside the middle."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "<->", "color": "black"})
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    level = start[1] == end[1]
    ax.annotate(
        text,
        middle,
        xytext=(0, -4) if level else (5, 0),
        textcoords="offset points",
        ha="center" if level else "left",
        va="top" if level else "center",
        fontsize=TEXT,
    )


def cross(ax: Axes, box: Tensor) -> None:
    """Cross out a box [4]."""
    x1, y1, x2, y2 = box.tolist()
    ax.plot([x1, x2], [y1, y2], color=COLORS["red"], lw=2)
    ax.plot([x1, x2], [y2, y1], color=COLORS["red"], lw=2)


def heat(ax: Axes, values: Tensor, extent: tuple[float, float, float, float]) -> None:
    """Draw a map [H, W] with a scale beside it; `extent` is (left, right, bottom, top)."""
    limits = ax.get_xlim(), ax.get_ylim()
    shown = ax.imshow(values.numpy(), cmap="viridis", extent=extent, vmin=0)
    ax.set(xlim=limits[0], ylim=limits[1])
    scale = ax.inset_axes((1.03, 0, 0.04, 1))
    ax.figure.colorbar(shown, cax=scale)
    scale.tick_params(labelsize=TEXT - 2)


def photo(ax: Axes, image: Tensor) -> None:
    """Draw a grey image [H, W] in [0, 1]; pixel (0, 0) covers the square from (0, 0) to (1, 1)."""
    height, width = image.shape
    ax.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))


def chart(x_label: str, y_label: str, *titles: str) -> Any:
    """Return axes for curves, with a grid and labels; several titles give a list of them."""
    axes = _row(max(len(titles), 1), PANEL_WIDTH if len(titles) > 1 else 6.0, 3.2)
    for ax, title in zip(axes, titles or ("",), strict=True):
        ax.set_title(title, fontsize=TEXT + 1)
        ax.set_xlabel(x_label, fontsize=TEXT)
        ax.set_ylabel(y_label, fontsize=TEXT)
        ax.tick_params(labelsize=TEXT - 1)
        ax.set_prop_cycle(color=[COLORS[name] for name in ("blue", "red", "green", "purple")])
        ax.grid(color="#DDDDDD")
        ax.spines[["top", "right"]].set_visible(False)
    return axes[0] if len(axes) == 1 else axes


def legend(ax: Axes) -> None:
    """Name the curves of a chart."""
    ax.legend(fontsize=TEXT - 1)


def png(ax: Axes) -> bytes:
    """Return the picture that `ax` is part of as a PNG, and close it."""
    file = BytesIO()
    figure: Any = ax.figure
    figure.savefig(file, format="png", bbox_inches="tight")
    plt.close(figure)
    return file.getvalue()


def _row(count: int, width: float, height: float) -> list[Axes]:
    """Return axes side by side, each about `width` x `height` inches without its labels.

    No layout engine: notebooks fit a picture to what it shows, and an engine doubles its cost.
    """
    figure = plt.figure(figsize=(width * count, height), dpi=DPI)
    filled = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": GAP}
    return list(figure.subplots(1, count, squeeze=False, gridspec_kw=filled)[0])


def _points(box: Sequence[float]) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y2)]


def _rectangle(box: Sequence[float]) -> Path:
    x1, y1, x2, y2 = box
    return Path([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)], closed=True)


def _label(ax: Axes, text: str, box: Sequence[float], place: str, color: str) -> None:
    x, y, horizontal, vertical = PLACES[place]
    ax.text(
        box[x],
        box[y],
        text,
        fontsize=TEXT,
        fontweight="bold",
        ha=horizontal,
        va=vertical,
        color="black",
        bbox={"boxstyle": "square,pad=0.2", "fc": "white", "ec": color, "lw": 1.5, "alpha": 0.9},
        clip_on=False,
    )
