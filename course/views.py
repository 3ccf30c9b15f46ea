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


VIEWS: dict[str, View] = {
    "shapes": shapes,
    "gradient_of_the_first": gradient_of_the_first,
    "bins_that_count": bins_that_count,
}
