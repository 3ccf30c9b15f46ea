"""Whether two outcomes agree, and if not, why: in words for a student, with values for a reader."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.outcome import NOT_TRIED, VALUE, Outcome, same
from course.values import Handle, Unsupported


@dataclass(frozen=True)
class Comparison:
    """How a value is compared: floats within a tolerance, all else exactly.

    `strict` asks for the very dtype; otherwise any float type serves for a float and any integer
    type for an integer. A list serves for a tuple, a number for a tensor without axes. `at_least`:
    a number that is greater than the expected one is as good.
    """

    rtol: float = 1e-4
    atol: float = 1e-5
    strict: bool = False
    at_least: bool = False


CLOSE = Comparison()
LARGEST = 10**300  # of whole numbers that are written as floats


@dataclass(frozen=True)
class Difference:
    """Why two outcomes disagree: `kind` in a word, `text` for a student, `detail` with values."""

    kind: str
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.detail}" if self.detail else self.text


def difference(got: Outcome, expected: Outcome, comparison: Comparison) -> Difference | None:
    """Return why `got` is not the expected outcome, or None where they agree.

    Two exceptions agree whatever their types: the exact type of a crash says little.
    """
    if got is expected or NOT_TRIED in (got.kind, expected.kind):
        return None
    if got.kind != expected.kind:
        return _of_another_kind(got)
    if got.changed != expected.changed:
        return Difference("changed", "It changed its input; work on a copy instead")
    if got.kind != VALUE:
        return None
    return _values(got.value, expected.value, comparison, "the result")


def _of_another_kind(got: Outcome) -> Difference:
    match got.kind:
        case "raised":
            where = f" ({got.line})" if got.line else ""
            return Difference("raised", f"It raised {got.error}{where}", got.detail)
        case "not answered":
            return Difference("not answered", f"Not answered: `{got.error}` is still to be written")
        case "not finished":
            return Difference("not finished", "It did not finish: is there an endless loop?")
        case "died":
            return Difference("died", "The process ended while it ran: too much memory, or an exit")
    return Difference("returned", "It returned a result where none was expected")


def _values(got: Any, expected: Any, comparison: Comparison, what: str) -> Difference | None:
    match expected:
        case Tensor():
            return _tensors(got, expected, comparison, what)
        case tuple() | list():
            if not isinstance(got, list | tuple) or len(got) != len(expected):
                size = f"{len(expected)} parts" if expected else "an empty list"
                return Difference("type", f"{what} must be {_kind(expected)} of {size}", _got(got))
            parts = (
                _values(a, b, comparison, f"part {i + 1} of {what}")
                for i, (a, b) in enumerate(zip(got, expected, strict=True))
            )
            return next((part for part in parts if part), None)
        case dict():
            if not isinstance(got, dict) or got.keys() != expected.keys():
                keys = ", ".join(expected)
                return Difference("type", f"{what} must be a dict with the keys {keys}", _got(got))
            entries = (
                _values(got[k], expected[k], comparison, f"{k!r} of {what}") for k in expected
            )
            return next((entry for entry in entries if entry), None)
        case bool():
            number = _number(got)
            if not isinstance(number, bool):
                return Difference("type", f"{what} must be True or False", _got(got))
            if number != expected:
                return Difference("value", f"{what} is wrong", f"expected {expected}, got {number}")
            return None
        case int() | float():
            return _numbers(got, expected, comparison, what)
        case np.ndarray():
            return _tensors(got, torch.from_numpy(expected), comparison, what)
    if type(got) is not type(expected):
        return Difference("type", f"{what} must be {_kind(expected)}", _got(got))
    if got != expected:
        return Difference("value", f"{what} is wrong", f"expected {expected!r}, got {got!r}"[:300])
    return None


def _number(value: Any) -> Any:
    if isinstance(value, Tensor) and value.ndim == 0:
        return value.item()
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        return value.item()
    return value


def _numbers(got: Any, expected: float, comparison: Comparison, what: str) -> Difference | None:
    number = _number(got)
    wanted = "a whole number" if isinstance(expected, int) else "a number"
    if isinstance(number, bool) or not isinstance(number, int | float):
        return Difference("type", f"{what} must be {wanted}", _got(got))
    if isinstance(number, int) and abs(number) > LARGEST:
        return Difference("value", f"{what} is wrong", "it is larger than any float")
    if isinstance(expected, int):
        right = isinstance(number, int) and number == expected
        if not isinstance(number, int) and number == expected:
            return Difference("type", f"{what} must be {wanted}", f"got {number!r}")
    elif number != number and expected == expected:
        return Difference("nan", f"{what} is NaN")
    elif comparison.at_least and expected == expected:
        if number >= expected:
            return None
        wanted = f"expected at least {expected:.3g}, got {number:.3g}"
        return Difference("value", f"{what} is too low", wanted)
    else:
        right = not _wrong(torch.tensor(float(number)), torch.tensor(expected), comparison)
    if right:
        return None
    return Difference("value", f"{what} is wrong", f"expected {expected:.6g}, got {number:.6g}")


def _tensors(got: Any, expected: Tensor, comparison: Comparison, what: str) -> Difference | None:
    if isinstance(got, np.generic):
        got = got.item()
    if expected.ndim == 0 and isinstance(got, bool | int | float):
        return _numbers(got, expected.item(), comparison, what)
    if isinstance(got, Tensor) and same(got, expected):  # most are: the rest takes longer
        return None
    if isinstance(got, np.ndarray):
        return Difference("type", f"{what} must be a tensor, got a numpy array (torch.from_numpy)")
    if not isinstance(got, Tensor):
        return Difference("type", f"{what} must be a tensor", _got(got))
    if got.shape != expected.shape:
        return Difference(
            "shape",
            f"{what} has the wrong shape",
            f"expected {list(expected.shape)}, got {list(got.shape)}",
        )
    family = (_family(got.dtype), _family(expected.dtype))
    if family[0] != family[1] or (comparison.strict and got.dtype != expected.dtype):
        name = str(expected.dtype).removeprefix("torch.")
        return Difference("dtype", f"{what} must be {name}, got {str(got.dtype)[6:]}")
    if got.isnan().any() and not expected.isnan().any():
        return Difference("nan", f"{what} has NaN where a number must be")
    wrong = _wrong(got, expected, comparison)
    if not wrong.any():
        return None
    if got.ndim == 0:
        return Difference("value", f"{what} is wrong", f"expected {expected:.6g}, got {got:.6g}")
    index = tuple(wrong.nonzero()[0].tolist())
    place = ", ".join(map(str, index))
    detail = f"element [{place}] expected {expected[index]:.6g}, got {got[index]:.6g}"
    return Difference("value", f"{what} has {int(wrong.sum())} wrong of {got.numel()}", detail)


def _wrong(got: Tensor, expected: Tensor, comparison: Comparison) -> Tensor:
    """Return where two tensors of one shape disagree."""
    if not expected.is_floating_point():
        return got.to(torch.int64) != expected.to(torch.int64)
    a, b = got.double(), expected.double()  # NaN agrees with NaN, which a misconception may expect
    return ~torch.isclose(a, b, comparison.rtol, comparison.atol, equal_nan=True)


def _family(dtype: torch.dtype) -> str:
    if dtype == torch.bool:
        return "bool"
    return "float" if dtype.is_floating_point else "complex" if dtype.is_complex else "int"


def _kind(value: Any) -> str:
    names = {tuple: "a tuple", list: "a list", dict: "a dict", str: "text", Handle: "a module"}
    return names.get(type(value), "None" if value is None else type(value).__name__)


def _got(value: Any) -> str:
    match value:
        case None:
            return "got None (is a `return` missing?)"
        case Unsupported():
            return f"got {value.type_name}"
        case Tensor():
            return f"got a tensor of shape {list(value.shape)}"
        case list() | tuple() | dict():
            return f"got {_kind(value)} of {len(value)}"
        case Handle():
            return "got a module"
    return f"got {value!r}"[:120]
