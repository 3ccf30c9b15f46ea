"""The picture of a check that fails: what was expected and what came."""

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from course.outcome import VALUE, Case, Outcome

MAX_BOXES = 60
MAX_CELLS = 8  # of a matrix's side, with its numbers
MAX_SIDE = 1024  # of a map
# Exercises whose result is boxes. (Their numbers do not tell: centres and sizes look alike.)
GIVE_BOXES = (
    "cxcywh_to_xyxy", "decode_boxes", "group_regions", "anchor_grid", "propose", "instances_of",
)  # fmt: skip
TAKE_NO_BOXES = ("cxcywh_to_xyxy",)  # though its first argument looks like it
MEASURE_PAIRS = ("box_iou",)  # [N, M] of N and M boxes; [4, 4] could be four rows of anything


def picture(exercise: str, case: Case, expected: Outcome, got: Outcome) -> bytes | None:
    """Return a PNG of the first part of the result that is wrong, or None where there is none.

    Pictured are selections of boxes (indices into the first argument), boxes, areas and overlaps of
    boxes, and maps. Whatever a student's result is, nothing is raised.
    """
    if got.kind != VALUE or case.view or case.seeds or case.training:
        return None
    open_before = _open_figures()
    try:
        with warnings.catch_warnings(action="ignore"):  # of matplotlib, about odd numbers
            for place, right, wrong in _parts(expected.value, got.value):
                if not _agree(right, wrong):
                    return _picture_of(exercise, case, place, right, wrong)
    except Exception:  # a picture is an extra: none is better than a traceback of ours
        for number in _open_figures() - open_before:
            sys.modules["matplotlib.pyplot"].close(number)
    return None


def _open_figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


def _parts(right: Any, wrong: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (place, expected, got) for each part of a result."""
    match right, wrong:
        case dict(), dict():
            for key in right:
                yield from _parts(right[key], wrong.get(key), (*place, key))
        case (list() | tuple(), list() | tuple()):
            for i, item in enumerate(right):
                yield from _parts(item, wrong[i] if i < len(wrong) else None, (*place, i))
        case _:
            yield place, right, wrong


def _agree(right: Any, wrong: Any) -> bool:
    if not isinstance(right, Tensor) or not isinstance(wrong, Tensor):
        return not isinstance(right, Tensor) and bool(right == wrong)
    return right.shape == wrong.shape and not _differs(right, wrong).any()


def _differs(right: Tensor, wrong: Tensor) -> Tensor:
    """Return which elements of two tensors of one shape differ, rounding apart."""
    return ~torch.isclose(wrong.double(), right.double(), 1e-4, 1e-5, equal_nan=True)


def _picture_of(
    exercise: str, case: Case, place: tuple[Any, ...], right: Any, wrong: Any
) -> bytes | None:
    """Return the picture of one part of the result, which differs."""
    if not isinstance(right, Tensor) or not isinstance(wrong, Tensor) or "gradients" in place:
        return None
    right, wrong = right.detach().cpu(), wrong.detach().cpu()
    given = _given_boxes(exercise, case)
    part = "" if place in ((), ("value",)) else f" ({_name(place)})"
    if given and right.dtype == torch.int64 and right.ndim == 1 == wrong.ndim:
        return _selection(given[0], right, wrong) if not part or place[-1] == 0 else None
    if _gives_boxes(exercise, place) and _are_boxes(right) and _shaped_as_boxes(wrong):
        return _boxes(right, wrong, part)
    measured = given[:2] if exercise in MEASURE_PAIRS else given[:1]
    if right.shape == wrong.shape == tuple(map(len, measured)) and right.is_floating_point():
        return _measure(measured, right, wrong)
    return _maps(right, wrong, part)


def _given_boxes(exercise: str, case: Case) -> list[Tensor]:
    """Return the leading arguments that are boxes."""
    given: list[Tensor] = []
    for argument in case.arguments[:2]:
        if exercise in TAKE_NO_BOXES or not _are_boxes(argument):
            break
        given.append(argument)
    return given


def _shaped_as_boxes(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 2 and value.shape[1] == 4


def _are_boxes(value: Any) -> bool:
    """Return whether these can be boxes in pixels: (x1, y1, x2, y2), not all below 1.

    Overlaps, probabilities and normalised sizes are below 1, logits and transforms in no order.
    """
    return (
        _shaped_as_boxes(value)
        and 0 < len(value) <= MAX_BOXES
        and bool(value.isfinite().all())
        and bool((value[:, :2] <= value[:, 2:]).all())
        and float(value.max()) > 1
    )


def _gives_boxes(exercise: str, place: tuple[Any, ...]) -> bool:
    return "boxes" in place or (exercise in GIVE_BOXES and place in ((), (0,)))


def _name(place: tuple[Any, ...]) -> str:
    names = [f"part {step + 1}" if isinstance(step, int) else str(step) for step in place]
    return ", ".join(names)


def _selection(candidates: Tensor, right: Tensor, wrong: Tensor) -> bytes | None:
    from course import draw  # matplotlib takes a while to import, and most checks need none

    indices = wrong.tolist()
    if not all(isinstance(i, int) and 0 <= i < len(candidates) for i in indices):
        return None
    left, other = draw.panels("expected (in this order)", "got", **draw.around(candidates))
    draw.selected(left, candidates, right.tolist())
    draw.selected(other, candidates, indices)
    return draw.png(left)


def _boxes(right: Tensor, wrong: Tensor, part: str) -> bytes | None:
    """Draw expected boxes solid and those that came dashed, over each other."""
    from course import draw  # as above

    shown = wrong[:MAX_BOXES].double()
    shown = shown[shown.isfinite().all(dim=1)]
    view = draw.around(right)
    (height, width), (left, top) = view["size"], view["origin"]
    reach = 2 * torch.tensor([width, height, width, height]).double()  # a box far away is left out
    first = torch.tensor([left, top, left, top]).double() - reach
    shown = shown[((shown >= first) & (shown <= first + 5 * reach / 2)).all(dim=1)]
    missing = f", {len(wrong) - len(shown)} not in view" if len(shown) < len(wrong) else ""
    title = f"expected: blue, got: red and dashed{missing}{part}"
    ax = draw.panels(title, **draw.around(right, shown))
    few = len(right) <= 6
    differs = right.shape != wrong.shape or _differs(right, wrong).any(dim=1)
    rows = [str(i) for i in range(len(right))]
    draw.boxes(ax, right, rows if few else None, width=3)
    draw.boxes(ax, shown, colors="red", style="--", width=1.8)
    if few and isinstance(differs, Tensor):
        wrong_rows = ", ".join(map(str, differs.nonzero().flatten().tolist()))
        ax.set_title(f"{title}\nwrong in row {wrong_rows}", fontsize=draw.TEXT)
    return draw.png(ax)


def _measure(given: list[Tensor], right: Tensor, wrong: Tensor) -> bytes | None:
    """Draw the box, or the two boxes, of the first element that differs."""
    from course import draw  # as above

    at = tuple(int(i) for i in _differs(right, wrong).nonzero()[0])
    chosen = torch.stack([boxes[i] for boxes, i in zip(given, at, strict=True)])
    place = ", ".join(map(str, at))
    title = f"element [{place}]: expected {right[at]:.4g}, got {wrong[at]:.4g}"
    ax = draw.panels(title, **draw.around(chosen))
    names = [f"{'ab'[axis]}[{i}]" if len(at) > 1 else f"boxes[{i}]" for axis, i in enumerate(at)]
    draw.boxes(ax, chosen, names, colors=("blue", "red")[: len(at)])
    return draw.png(ax)


def _maps(right: Tensor, wrong: Tensor, part: str) -> bytes | None:
    """Draw the first channel that differs, expected beside got: numbers where it is small."""
    from course import draw  # as above

    if not 2 <= right.ndim <= 4 or right.ndim != wrong.ndim:
        return None
    channel: tuple[int, ...] = (0,) * (right.ndim - 2)
    if right.shape == wrong.shape:
        channel = tuple(int(i) for i in _differs(right, wrong).nonzero()[0][:-2])
    if any(size <= i for i, size in zip(channel, wrong.shape, strict=False)):
        return None
    pair = right[channel], wrong[channel]
    sides = [side for item in pair for side in item.shape]
    if not 0 < min(sides) <= max(sides) <= MAX_SIDE:
        return None
    where = f"[{', '.join(map(str, channel))}]" if channel else ""
    titles = [f"{name}{where}{part}" for name in ("expected", "got")]
    size = tuple(max(item.shape[axis] for item in pair) for axis in (0, 1))
    left, other = draw.panels(*titles, size=(size[0], size[1]))
    if max(sides) <= MAX_CELLS:
        marks = _differs(*pair) if pair[0].shape == pair[1].shape else None
        for ax, item in zip((left, other), pair, strict=True):
            draw.numbers(ax, item, marks)
    else:
        both = torch.cat([item.double().flatten() for item in pair])
        both = both[both.isfinite()]
        limits = (min(0.0, float(both.min())), float(both.max())) if len(both) else (0.0, 1.0)
        for ax, item in zip((left, other), pair, strict=True):
            draw.heat(ax, item, limits=limits)
    return draw.png(left)
