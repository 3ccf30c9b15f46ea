"""Axes for pictures and curves, the colours, and the picture as a file."""

import sys
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
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
MARGIN = 0.1  # around a picture, inches
SHEET = 2.5  # of white around the panels, inches: labels and legends stand there
TICKS = 6  # steps between ticks, at most


def panels(*titles: str, size: tuple[float, float], origin: tuple[float, float] = (0, 0)) -> Any:
    """Return axes in a row, one for each title, that show `size` = (height, width) pixels.

    `origin` = (x, y) is the top left corner. One title gives one Axes, more give a list.
    """
    (height, width), (left, top) = size, origin
    inches = min(PANEL_WIDTH, WIDEST / len(titles))
    axes = _row(len(titles), inches, inches * min(height / width, 1.3))
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(left, left + width), ylim=(top + height, top), aspect="equal")
        ax.set_title(title, fontsize=TEXT + 1, y=1)  # a place, else it is searched for
        ax.tick_params(labelsize=TEXT - 2, colors=COLORS["grey"])
        ax.locator_params(nbins=TICKS)
        for spine in ax.spines.values():
            spine.set_color("#BBBBBB")
    return axes[0] if len(axes) == 1 else axes


def wide(size: tuple[float, float]) -> Axes:
    """Return axes without ticks or frame, as wide as the page, for `size` = (height, width)."""
    height, width = size
    (ax,) = _row(1, WIDEST, WIDEST * height / width)
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.axis("off")
    return ax


def around(*groups: Tensor) -> dict[str, Any]:
    """Return the `size` and `origin` of panels that show all the boxes with a margin."""
    corners = [corner for group in groups for box in group.tolist() for corner in _points(box)]
    xs, ys = zip(*corners, strict=True)
    margin = 0.12 * max(max(xs) - min(xs), max(ys) - min(ys), 1e-6)
    return {
        "size": (max(ys) - min(ys) + 2 * margin, max(xs) - min(xs) + 2 * margin),
        "origin": (min(xs) - margin, min(ys) - margin),
    }


def chart(x_label: str, y_label: str, *titles: str) -> Any:
    """Return axes for curves, with a grid and labels; several titles give a list of them."""
    axes = _row(max(len(titles), 1), PANEL_WIDTH if len(titles) > 1 else 6.0, 3.2)
    for ax, title in zip(axes, titles or ("",), strict=True):
        ax.set_title(title, fontsize=TEXT + 1, y=1)
        ax.set_xlabel(x_label, fontsize=TEXT)
        ax.set_ylabel(y_label, fontsize=TEXT)
        ax.tick_params(labelsize=TEXT - 1)
        ax.set_prop_cycle(color=[COLORS[name] for name in ("blue", "red", "green", "purple")])
        ax.grid(color="#DDDDDD")
        ax.set_axisbelow(True)  # bars cover the grid
        ax.spines[["top", "right"]].set_visible(False)
    return axes[0] if len(axes) == 1 else axes


def legend(ax: Axes) -> None:
    """Name the curves of a chart."""
    ax.legend(fontsize=TEXT - 1)


def png(ax: Axes) -> bytes:
    """Return the picture that `ax` is part of as a PNG, and close it."""
    figure: Any = ax.figure
    plt.close(figure)
    return figure.png()  # type: ignore[no-any-return]


class Picture(Figure):
    """A figure whose file is cut to what is drawn, at half of what matplotlib takes to do so.

    For `bbox_inches="tight"` it measures every text, and draws twice. Here everything is drawn
    once, on a sheet that is larger than the panels, of which the white is cut off.
    """

    def png(self) -> bytes:
        """Return the file."""
        canvas = FigureCanvasAgg(self)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # [H, W, 3]
        drawn: NDArray[np.bool_] = np.asarray(pixels.min(axis=2) < 255)
        if not drawn.any():  # white on white: all of it
            drawn[:] = True
        rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
        edge = round(MARGIN * self.dpi)
        top, left = max(rows[0] - edge, 0), max(columns[0] - edge, 0)
        cut = pixels[top : rows[-1] + edge + 1, left : columns[-1] + edge + 1]
        file = BytesIO()
        Image.fromarray(np.ascontiguousarray(cut)).save(file, "PNG", dpi=(self.dpi, self.dpi))
        return file.getvalue()


def _row(count: int, width: float, height: float) -> list[Axes]:
    """Return axes side by side, each about `width` x `height` inches without its labels.

    No layout engine: notebooks fit a picture to what it shows, and an engine doubles its cost.
    """
    wide, high = width * count + 2 * SHEET, height + 2 * SHEET
    figure = plt.figure(figsize=(wide, high), dpi=DPI, FigureClass=Picture)
    _show_as_files()
    x, y = SHEET / wide, SHEET / high
    filled = {"left": x, "right": 1 - x, "bottom": y, "top": 1 - y, "wspace": GAP}
    return list(figure.subplots(1, count, squeeze=False, gridspec_kw=filled)[0])


def _points(box: Sequence[float]) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y2)]


def _show_as_files() -> None:
    """Have a notebook show pictures as they are written to files."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.display_formatter.formatters["image/png"].for_type(Picture, Picture.png)
