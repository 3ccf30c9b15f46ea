"""What of a result counts where many results are right: random samples, untrained networks.

A view takes the arguments of a case and the value of the call (the list of values, where a case is
called with several seeds; {"outputs": ..., "parameters": ...} of a module) and returns what is
compared. What it cannot read it returns as it is, or raises, which is the same: the comparison then
says why that is not right.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
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


def bins_that_count(arguments: Sequence[Any], value: Any) -> Any:
    """Return (bins, valid) with 0 in the place of bins that are not valid."""
    bins, valid = value
    return bins.where(valid, bins.new_zeros(())), valid


def has_a_graph(arguments: Sequence[Any], value: Any) -> Any:
    """Return the value, and whether any gradient flows: a loss over nothing has to have a graph,
    whichever of its inputs hangs on it."""
    return {**value, "gradients": any(gradient is not None for gradient in value["gradients"])}


# Samples of labels 1, 0 and -1, one for each seed, in which labels that were not drawn are -1.
KINDS = {"positives": 1, "negatives": 0}


def numbers_sampled(arguments: Sequence[Any], value: Any) -> Any:
    """Return how many of each kind every sample holds, and of labels that were another before."""
    labels, samples = arguments[0], _samples(arguments[0], value)
    counts = {
        name: {int((sample[labels == label] == label).sum()) for sample in samples}
        for name, label in KINDS.items()
    }
    others = {int(((sample != labels) & (sample != -1)).sum()) for sample in samples}
    counts["labels that were another"] = others
    return {
        name: numbers.pop() if len(numbers) == 1 else "not the same number each time"
        for name, numbers in counts.items()
    }


def spread_of_samples(arguments: Sequence[Any], value: Any) -> Any:
    """Return whether each candidate is in some sample, and none in all of them."""
    samples = _samples(arguments[0], value)
    seen = {}
    for name, label in KINDS.items():
        drawn = (samples == label)[:, arguments[0] == label]  # [samples, candidates]
        seen[f"all {name} are drawn at times"] = bool(drawn.any(dim=0).all())
        seen[f"no {name} are drawn each time"] = not bool(drawn.all(dim=0).any())
    return seen


def equal_samples(arguments: Sequence[Any], value: Any) -> Any:
    """Return whether all samples are equal."""
    samples = _samples(arguments[0], value)
    return {"equal seeds give equal samples": bool((samples == samples[0]).all())}


def _samples(labels: Tensor, value: Any) -> Tensor:
    """Return the samples as one tensor [samples, labels], or raise ValueError."""
    for sample in value:
        whole = isinstance(sample, Tensor) and not sample.is_floating_point()
        if not whole or sample.shape != labels.shape:
            raise ValueError("a sample of labels is one whole number for each")
    return torch.stack(value)


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
    "bins_that_count": bins_that_count,
    "numbers_sampled": numbers_sampled,
    "spread_of_samples": spread_of_samples,
    "equal_samples": equal_samples,
    "how_far_it_sees": how_far_it_sees,
    "sums_to_one": sums_to_one,
    "has_a_graph": has_a_graph,
}
