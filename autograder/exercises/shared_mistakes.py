"""Misconceptions that several exercises share, each written once.

Most wrap the right function: they change what goes in, or what comes out.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Misconception

Function = Callable[..., Any]


def before(function: Function, change: Callable[..., tuple[Any, ...]]) -> Function:
    """Return `function` of arguments that `change`, given all of them, returns instead."""
    return lambda *arguments: function(*change(*arguments))


def after(function: Function, change: Callable[[Any], Any]) -> Function:
    """Return `function` whose result goes through `change`."""
    return lambda *arguments: change(function(*arguments))


def with_argument(function: Function, at: int, change: Callable[[Any], Any]) -> Function:
    """Return `function` whose argument number `at`, where it is given, goes through `change`."""

    def changed(*arguments: Any) -> Any:
        given = list(arguments)
        if at < len(given):
            given[at] = change(given[at])
        return function(*given)

    return changed


def crashes_on_no_boxes(function: Function) -> Misconception:
    """An answer that indexes, stacks or takes a maximum before it looks whether there is a box."""

    def crashes(*arguments: Any) -> Any:
        if any(isinstance(item, Tensor) and item.numel() == 0 for item in arguments):
            raise IndexError("no boxes")
        return function(*arguments)

    sentence = (
        "It fails when there are no boxes, as in an image where nothing was found: think about "
        "the empty input first, and return the empty result."
    )
    return Misconception("crashes_on_no_boxes", sentence, crashes)


def float_indices_of_no_boxes(function: Function) -> Misconception:
    """An answer that makes a tensor of an empty list, which is float32."""

    def floats(*arguments: Any) -> Any:
        result = function(*arguments)
        if isinstance(result, tuple):
            return (torch.tensor([]), *result[1:]) if len(result[0]) == 0 else result
        return torch.tensor([]) if len(result) == 0 else result

    sentence = (
        "When nothing is kept it returns an empty tensor of floats, which cannot index anything: "
        "a tensor made of an empty list is float unless its dtype is given. Indices are int64."
    )
    return Misconception("float_indices_of_no_boxes", sentence, floats)


def changes_its_input(function: Function, change: Function, how: str) -> Misconception:
    """An answer whose result is right and that leaves its input changed."""

    def changes(*arguments: Any) -> Any:
        result = function(*arguments)
        change(*arguments)
        return result

    sentence = (
        f"The result is right, but the input is another afterwards: {how}. Whoever calls the "
        "function still needs those tensors, so work on a copy or on new tensors."
    )
    return Misconception("changes_its_input", sentence, changes)


def returns_float32(function: Function) -> Misconception:
    """An answer whose floats are float32 whatever it is given."""
    sentence = (
        "It returns float32 also where float64 was given: the result has the dtype of the input, "
        "so make new tensors with the dtype of the old ones."
    )
    return Misconception("returns_float32", sentence, _cast(function, torch.float32))


def returns_float64(function: Function) -> Misconception:
    """An answer whose floats are float64 whatever it is given."""
    sentence = (
        "It returns float64 also where float32 was given: you may compute in float64, but the "
        "result has the dtype of the input."
    )
    return Misconception("returns_float64", sentence, _cast(function, torch.float64))


def _cast(function: Function, dtype: torch.dtype) -> Function:
    def cast(result: Any) -> Any:
        match result:
            case tuple():
                return tuple(map(cast, result))
            case dict():
                return {key: cast(part) for key, part in result.items()}
        return result.to(dtype) if result.is_floating_point() else result

    return after(function, cast)


def height_and_width_swapped(function: Function, at: int) -> Misconception:
    """An answer that reads the size at argument number `at` as (width, height)."""
    sentence = (
        "It takes sizes for (width, height): they are (height, width), rows before columns, as in "
        "the shape of an image."
    )
    swapped = with_argument(function, at, lambda size: tuple(reversed(size)))
    return Misconception("height_and_width_swapped", sentence, swapped)


def takes_probabilities(function: Function, at: int, softmax: Function) -> Misconception:
    """A loss that applies `softmax` to its logits, at argument number `at`, before it uses them."""
    sentence = (
        "It applies softmax twice: cross-entropy takes logits and applies its own softmax, so "
        "hand it the logits as they come."
    )
    return Misconception("softmax_twice", sentence, with_argument(function, at, softmax))


def sigmoid_for_softmax(wrong: Function) -> Misconception:
    """An answer that gives each class a probability of its own."""
    sentence = (
        "It applies a sigmoid to each class by itself: the classes exclude each other, so their "
        "probabilities come from softmax and add up to 1."
    )
    return Misconception("sigmoid_for_softmax", sentence, wrong)


def takes_xxyy(wrong: Function) -> Misconception:
    """An answer that reads both x of a box first."""
    sentence = (
        "It takes the numbers of a box in the order x1, x2, y1, y2: the order is "
        "(x1, y1, x2, y2), one corner after the other."
    )
    return Misconception("takes_xxyy", sentence, wrong)


def neutral_as_background(function: Function, at: int) -> Misconception:
    """A loss that counts the neutral labels, at argument number `at`, as background."""
    sentence = (
        "It teaches neutral examples to be background: label -1 enters no loss, neither its sum "
        "nor the number that it is divided by."
    )
    counted = with_argument(function, at, lambda labels: labels.clamp(min=0))
    return Misconception("neutral_as_background", sentence, counted)


def nan_of_nothing(function: Function, counts: Callable[..., bool]) -> Misconception:
    """A loss that divides by the number of its examples also where `counts` says there are none."""

    def divides(*arguments: Any) -> Any:
        result = function(*arguments)
        if counts(*arguments):
            return result
        if isinstance(result, tuple):
            return tuple(part * float("nan") for part in result)
        return result * float("nan")

    sentence = (
        "Where nothing counts it divides 0 by 0 and gives NaN, which would ruin every weight in "
        "the next step: a loss over nothing is 0."
    )
    return Misconception("nan_of_nothing", sentence, divides)


def no_graph_of_nothing(function: Function, counts: Callable[..., bool]) -> Misconception:
    """A loss that returns a constant where `counts` says that there are no examples.

    It needs a case with gradients in which nothing counts.
    """

    def constant(*arguments: Any) -> Any:
        result = function(*arguments)
        if counts(*arguments):
            return result
        if isinstance(result, tuple):
            return tuple(torch.zeros_like(part).detach() for part in result)
        return torch.zeros_like(result).detach()

    sentence = (
        "Where nothing counts it returns a constant 0, on which backward cannot be called: let "
        "the 0 come out of the inputs, as an empty sum of them does."
    )
    return Misconception("no_graph_of_nothing", sentence, constant)


def detached(function: Function) -> Misconception:
    """An answer with the right numbers that carries no gradients."""

    def cut(result: Any) -> Any:
        if isinstance(result, tuple):
            return tuple(cut(part) for part in result)
        return result.detach() if isinstance(result, Tensor) else result

    sentence = (
        "The numbers are right, but no gradient flows back to the inputs: something on the way "
        "leaves the graph, such as item, detach, numpy or a new tensor made of numbers."
    )
    return Misconception("detached", sentence, after(function, cut))
