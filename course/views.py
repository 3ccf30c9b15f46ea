"""What of a result counts where many results are right: random samples, untrained networks.

A view takes the arguments of a case and the value of the call (the list of values, where a case is
called with several seeds; {"outputs": ..., "parameters": ...} of a module) and returns what is
compared. What it cannot read it returns as it is, or raises, which is the same: the comparison then
says why that is not right.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

View = Callable[[Sequence[Any], Any], Any]


def find(name: str) -> View:
    """Return the view of that name, or raise ValueError."""
    view = VIEWS.get(name)
    if view is None:
        raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {name!r}")
    return view


def shapes(arguments: Sequence[Any], value: Any) -> Any:
    """Return the value with the shape of each tensor in its place."""
    match value:
        case Tensor():
            return list(value.shape)
        case list() | tuple():
            return [shapes(arguments, item) for item in value]
        case dict():
            return {key: shapes(arguments, item) for key, item in value.items()}
    return value


def gradient_of_the_first(arguments: Sequence[Any], value: Any) -> Any:
    """Return the value with the gradient of the first argument only: targets need none."""
    return {**value, "gradients": value["gradients"][:1]}


def bins_that_count(arguments: Sequence[Any], value: Any) -> Any:
    """Return (bins, valid) with 0 in the place of bins that are not valid."""
    bins, valid = value
    return bins.where(valid, bins.new_zeros(())), valid


def how_far_it_sees(arguments: Sequence[Any], value: Any) -> Any:
    """Return how far a change of the 4x4 pixels in the corner of an image shows in the output.

    `value` has the outputs [B, K, H, W] of the two images, which differ in this corner only.
    """
    if not isinstance(value, dict):
        return value
    before, after = value["outputs"]
    rows, columns = (before != after).any(dim=1)[0].nonzero().T
    reach = max(int(rows.max()), int(columns.max())) - 3 if len(rows) else 0
    return {"sees its neighbours": reach >= 1, "sees further than 6 pixels": reach > 6}


def sums_to_one(arguments: Sequence[Any], value: Any) -> Any:
    """Return whether the outputs [B, K, ...] of a module sum to one over K, as probabilities do."""
    if not isinstance(value, dict):
        return value
    sums = [output.sum(dim=1) for output in value["outputs"]]
    return {"softmax at the end": all(bool(((s - 1).abs() < 1e-4).all()) for s in sums)}


VIEWS: dict[str, View] = {
    "shapes": shapes,
    "gradient_of_the_first": gradient_of_the_first,
    "bins_that_count": bins_that_count,
    "how_far_it_sees": how_far_it_sees,
    "sums_to_one": sums_to_one,
}
