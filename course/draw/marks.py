"""What is drawn over a picture: boxes, overlaps, points, measures, keypoints."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import Normal, withStroke
from torch import Tensor

from course.draw.axes import COLORS, TEXT

# Where a label stands: the corner of the box, and whether the text is above or below the edge.
PLACES: dict[str, tuple[int, int, str, str]] = {
    "top left": (0, 1, "left", "bottom"),
    "bottom right": (2, 3, "right", "top"),
    "top right": (2, 1, "right", "bottom"),
    "bottom left": (0, 3, "left", "top"),
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


def keypoints(
    ax: Axes, keypoints: Tensor, *, colors: str | Sequence[str] = "yellow", size: float = 7
) -> None:
    """Draw keypoints [N, P, 3]: visible ones (v = 2) filled, hidden ones (v = 1) hollow.

    Those with v = 0 are left out. `colors` is one for all or one for each object.
    """
    names = [colors] * len(keypoints) if isinstance(colors, str) else colors
    for name, places in zip(names, keypoints.tolist(), strict=True):
        for x, y, v in places:
            if v <= 0:
                continue
            (mark,) = ax.plot(x, y, "o", markersize=size, color=COLORS[name], zorder=3)
            if v > 1:
                mark.set(markeredgecolor="black", markeredgewidth=1.2)
            else:  # a ring needs a dark rim on a bright ground
                mark.set(markerfacecolor="none", markeredgewidth=2.0)
                mark.set_path_effects([withStroke(linewidth=3.4, foreground="black"), Normal()])


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


def flow(
    ax: Axes,
    blocks: dict[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]],
    *,
    size: tuple[float, float] = (28, 10),
    colors: dict[str, str] | None = None,
) -> None:
    """Draw named blocks of `size` = (width, height) around their centres (x, y), and arrows.

    An arrow goes from the right side of a block to the left side of another. Blocks are blue unless
    `colors` says otherwise.
    """
    width, height = size
    for name, (x, y) in blocks.items():
        color = COLORS[(colors or {}).get(name, "blue")]
        corner = (x - width / 2, y - height / 2)
        ax.add_patch(Rectangle(corner, width, height, fc="white", ec=color, lw=2, zorder=2))
        ax.text(x, y, name, fontsize=TEXT, ha="center", va="center", zorder=3)
    for start, end in arrows:
        (x1, y1), (x2, y2) = blocks[start], blocks[end]
        ends = (x2 - width / 2, y2), (x1 + width / 2, y1)
        ax.annotate("", *ends, arrowprops={"arrowstyle": "->", "color": "black", "lw": 1.5})
