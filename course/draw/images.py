"""What is drawn as an image: photographs, maps, masks, segments, matrices of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import Tensor

from course.draw.axes import COLORS, TEXT

CYCLE = ("blue", "orange", "purple", "green", "red", "yellow", "sky")  # of masks
# By number in a semantic map; from the tenth on they come again, told apart by their numbers.
SEGMENTS = (
    "#EEEEEE", "#0072B2", "#E69F00", "#009E73", "#D55E00",
    "#CC79A7", "#F0E442", "#A6D8F5", "#999999", "#444444",
)  # fmt: skip
HIGHLIGHT = "#F7E9A0"


def photo(ax: Axes, image: Tensor) -> None:
    """Draw an image in [0, 1], grey [H, W] or [1, H, W] or in colour [3, H, W]."""
    if image.ndim == 3:
        image = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    height, width = image.shape[:2]
    shown = image.detach().cpu().clamp(0, 1).numpy()
    ax.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))


def heat(
    ax: Axes,
    values: Tensor,
    extent: tuple[float, float, float, float] | None = None,
    *,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a map [H, W] with a scale beside it; `extent` is (left, right, bottom, top).

    Without `extent` it covers its own pixels, from (0, 0) to (W, H). The scale goes over `limits`,
    or from 0 (or the lowest value, if that is negative) to the highest; what is not finite stays
    white.
    """
    height, width = values.shape
    view = ax.get_xlim(), ax.get_ylim()
    array = values.detach().cpu().double().numpy()
    array = np.where(np.isfinite(array), array, np.nan)
    finite = array[np.isfinite(array)]
    low, high = limits or (min(0.0, float(finite.min(initial=0))), None)
    place = extent or (0, width, height, 0)
    shown = ax.imshow(array, cmap="viridis", extent=place, vmin=low, vmax=high)
    ax.set(xlim=view[0], ylim=view[1])
    scale = ax.inset_axes((1.03, 0, 0.04, 1))
    ax.figure.colorbar(shown, cax=scale)
    scale.tick_params(labelsize=TEXT - 2)


def masks(
    ax: Axes,
    masks: Tensor,
    labels: Sequence[str] | None = None,
    *,
    colors: str | Sequence[str] | None = None,
    alpha: float = 0.5,
) -> None:
    """Lay masks [N, H, W] over what is drawn: shaded, with a rim, each with its label.

    `colors` is one for all or one for each; without it they take turns.
    """
    count, height, width = masks.shape
    if colors is None:
        colors = [CYCLE[n % len(CYCLE)] for n in range(count)]
    names = [colors] * count if isinstance(colors, str) else colors
    layer = np.zeros((height, width, 4))
    for name, mask in zip(names, masks.detach().cpu().numpy() > 0, strict=True):
        layer[mask] = (*to_rgb(COLORS[name]), alpha)
        layer[mask & ~_without_rim(mask)] = (*to_rgb(COLORS[name]), 1.0)
    ax.imshow(layer, extent=(0, width, height, 0), zorder=1.2)
    for n in range(count if labels is not None else 0):
        if masks[n].any():
            assert labels is not None
            _write(ax, masks[n].detach().cpu().numpy() > 0, labels[n])


def segments(ax: Axes, category_map: Tensor, names: Sequence[str]) -> None:
    """Draw a semantic map [H, W] with a legend; `names[number]` is a category's name.

    Each category's number stands in its largest part and in the legend, so that nobody depends on
    the colours. Numbers without a name, like -1, are drawn as those that do not count.
    """
    numbers = category_map.detach().cpu().numpy()
    height, width = numbers.shape
    picture = np.ones((height, width, 3))
    handles = []
    for number in np.unique(numbers).tolist():
        named = 0 <= number < len(names)
        color = SEGMENTS[number % len(SEGMENTS)] if named else "white"
        text = f"{number} {names[number]}" if named else f"{number} does not count"
        picture[numbers == number] = to_rgb(color)
        handles.append(Patch(facecolor=color, edgecolor="#777777", label=text))
        _write(ax, numbers == number, str(number))
    ax.imshow(picture, extent=(0, width, height, 0))
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "borderaxespad": 0}
    ax.legend(handles=handles, fontsize=TEXT - 2, frameon=False, **place)


def numbers(ax: Axes, matrix: Tensor, highlight: Tensor | None = None) -> None:
    """Draw a matrix [H, W] as cells with their numbers; `highlight` [H, W] marks some of them.

    The panel shows the matrix from edge to edge, whatever it showed before.
    """
    height, width = matrix.shape
    marked = torch.zeros(height, width) if highlight is None else highlight
    texts, size = _texts(ax, matrix)
    chosen = (marked != 0).tolist()
    faces = ListedColormap(["white", HIGHLIGHT])
    edges: dict[str, Any] = {"edgecolors": "#777777", "linewidth": 0.6, "antialiased": True}
    if matrix.numel():
        ax.pcolormesh(
            range(width + 1), range(height + 1), chosen, cmap=faces, vmin=0, vmax=1, **edges
        )
    middle: dict[str, Any] = {"fontsize": size, "ha": "center", "va": "center"}
    for row in range(height):
        for column in range(width):
            weight = "bold" if chosen[row][column] else "normal"
            place = (column + 0.5, row + 0.5)
            text = ax.text(*place, texts[row][column], fontweight=weight, **middle)
            text.set_in_layout(False)  # inside of the panel: it need not be measured
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])


def _texts(ax: Axes, matrix: Tensor) -> tuple[list[list[str]], float]:
    """Return each cell's text and the font size at which all of them fit into their cells."""
    figure: Any = ax.figure
    cell = ax.get_position().width * figure.get_figwidth() * 72 / max(matrix.shape[1], 1)
    for digits in (3, 2):
        texts = [[_written(value, digits) for value in row] for row in matrix.tolist()]
        longest = max((len(text) for row in texts for text in row), default=1)
        size = min(TEXT + 2.0, cell / (0.72 * longest))  # a bold digit is .7 of its size wide
        if size >= 7:
            break
    return texts, size


def _written(value: float, digits: int) -> str:
    """Return a number with some significant digits; 110, not 1.1e+02."""
    if isinstance(value, int):
        return f"{value:d}"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text and 1 <= abs(value) < 1e5 else text


def _write(ax: Axes, mask: NDArray[np.bool_], text: str) -> None:
    """Write a text on a mask, where it is widest."""
    y, x = _deepest(mask)
    rim = [withStroke(linewidth=2.5, foreground="white")]
    shown = ax.text(x + 0.5, y + 0.5, text, fontsize=TEXT - 1, path_effects=rim, clip_on=True)
    shown.set(ha="center", va="center", zorder=3)


def _deepest(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return (row, column) of a pixel that is farthest from the mask's rim."""
    inner = mask
    while inner.any():
        mask, inner = inner, _without_rim(inner)
    places = mask.nonzero()
    return int(places[0][len(places[0]) // 2]), int(places[1][len(places[1]) // 2])


def _without_rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask whose four neighbours belong to it too."""
    padded = np.pad(mask, 1)
    return mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
