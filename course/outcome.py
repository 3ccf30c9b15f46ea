"""What a call did, and whether two outcomes agree.

The same few functions serve `check(...)` in a student's notebook and the grader: a case is called,
its outcome observed, and compared with the expected one.
"""

import linecache
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from course.values import Handle, Unsupported

# The kinds of outcome.
VALUE, RAISED, NOT_ANSWERED, NOT_FINISHED, DIED = (
    "value", "raised", "not answered", "not finished", "died",
)  # fmt: skip

# Code that is not a student's: this package, Python itself, and whatever is installed.
OUR_FILES = (str(Path(__file__).resolve().parent), sysconfig.get_path("stdlib"), "<frozen ")
INSTALLED = ("site-packages", "dist-packages")


class NotAnswered(NotImplementedError):
    """Raised by an exercise that has not been written yet."""

    def __init__(self, exercise: str) -> None:
        super().__init__(exercise)
        self.exercise = exercise

    def __str__(self) -> str:
        return f"waiting for your answer to the exercise `{self.exercise}`"

    def _render_traceback_(self) -> list[str]:
        """IPython shows this line instead of a traceback."""
        return [f"This cell is {self}."]


@dataclass(frozen=True)
class Case:
    """One call: the group that it belongs to and the arguments by position.

    `gradients`: also observe the gradients of the float arguments. `apply`: inputs for the module
    that the call returns, whose outputs are observed in its place, with the shapes of its
    parameters where `parameters` is set.
    """

    group: str
    arguments: tuple[Any, ...]
    gradients: bool = False
    apply: tuple[Any, ...] = ()
    parameters: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a call did: its kind, its value, the exception that it raised, inputs that it changed.

    `line` is the line of the student's code that raised; `detail` the exception's own text.
    """

    kind: str
    value: Any = None
    error: str = ""
    detail: str = ""
    line: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Comparison:
    """How a value is compared: floats within a tolerance, all else exactly.

    `strict` asks for the very dtype; otherwise any float type serves for a float and any integer
    type for an integer. A list serves for a tuple, a number for a tensor without axes.
    """

    rtol: float = 1e-4
    atol: float = 1e-5
    strict: bool = False


CLOSE = Comparison()


@dataclass(frozen=True)
class Difference:
    """Why two outcomes disagree: `kind` in a word, `text` for a student, `detail` with values."""

    kind: str
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.detail}" if self.detail else self.text


class Subject(Protocol):
    """What is examined: a function here or in another process."""

    def call(self, arguments: Sequence[Any], gradients: bool = False) -> Outcome:
        """Call the function; with `gradients` the value is {"value": ..., "gradients": [...]}."""

    def apply(self, handle: Handle, argument: Any) -> Outcome:
        """Call a module that `call` returned."""

    def parameters(self, handle: Handle) -> Outcome:
        """Return the parameters of a module that `call` returned, a dict by name."""


def observe(subject: Subject, case: Case) -> Outcome:
    """Return the outcome of one case."""
    outcome = subject.call(case.arguments, case.gradients)
    if outcome.kind != VALUE or not (case.apply or case.parameters):
        return outcome
    handle = outcome.value
    if not isinstance(handle, Handle):
        return outcome
    seen: dict[str, Any] = {"outputs": []}
    for argument in case.apply:
        applied = subject.apply(handle, argument)
        if applied.kind != VALUE:
            return applied
        seen["outputs"].append(applied.value)
    if case.parameters:
        held = subject.parameters(handle)
        if held.kind != VALUE:
            return held
        shapes = [list(item.shape) for item in held.value.values() if isinstance(item, Tensor)]
        seen["parameters"] = sorted(shapes)
    return replace(outcome, value=seen)


@dataclass
class LocalSubject:
    """A function of this process."""

    function: Any
    modules: list[nn.Module] = field(default_factory=list)

    def call(self, arguments: Sequence[Any], gradients: bool = False) -> Outcome:
        given = [copy_of(argument) for argument in arguments]
        outcome = self.invoke(self.function, given, gradients)
        return replace(outcome, changed=not same(list(arguments), given))

    def apply(self, handle: Handle, argument: Any) -> Outcome:
        return self.invoke(self.modules[handle.number], [copy_of(argument)])

    def parameters(self, handle: Handle) -> Outcome:
        return Outcome(VALUE, dict(self.modules[handle.number].named_parameters()))

    def invoke(self, function: Any, given: list[Any], gradients: bool = False) -> Outcome:
        """Call `function` with these very arguments; a module that it returns is kept here."""
        try:
            if gradients:
                for argument in given:
                    if isinstance(argument, Tensor) and argument.is_floating_point():
                        argument.requires_grad_()
            value = function(*given)
            if gradients:
                value = {"value": value, "gradients": gradients_of(value, given)}
        except NotAnswered as error:
            return Outcome(NOT_ANSWERED, error=error.exercise)
        except RecursionError:
            return Outcome(RAISED, error="RecursionError", detail="calls itself without end")
        except Exception as error:
            return raised(error)
        if isinstance(value, nn.Module):
            self.modules.append(value)
            value = Handle(len(self.modules) - 1)
        return Outcome(VALUE, value)


def raised(error: BaseException) -> Outcome:
    """Return the outcome of a call that raised, with the last line of code outside libraries."""
    line = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        file = code.co_filename
        if not file.startswith(OUR_FILES) and not any(part in file for part in INSTALLED):
            text = linecache.getline(file, number, frame.f_globals).strip()
            line = f"line {number} of {code.co_name}" + (f": {text[:120]}" if text else "")
    return Outcome(RAISED, error=type(error).__name__[:80], detail=str(error)[:500], line=line)


def gradients_of(value: Any, arguments: Sequence[Any]) -> list[Tensor | None]:
    """Return the gradient of a fixed weighted sum of all float results, for each argument."""
    results = [t for t in flatten(value) if isinstance(t, Tensor) and t.is_floating_point()]
    total = sum((t * torch.linspace(1, 2, t.numel()).view_as(t).to(t)).sum() for t in results)
    if not isinstance(total, Tensor) or not total.requires_grad:
        raise RuntimeError("the result does not depend on the inputs through differentiable steps")
    total.backward()  # type: ignore[no-untyped-call]
    return [a.grad if isinstance(a, Tensor) else None for a in arguments]


def flatten(value: Any) -> list[Any]:
    """Return the leaves of nested lists, tuples and dicts."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flatten(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flatten(item)]
    return [value]


def copy_of(value: Any) -> Any:
    """Return a copy that shares nothing with `value`."""
    match value:
        case Tensor():
            return value.detach().clone()
        case list():
            return [copy_of(item) for item in value]
        case tuple():
            return tuple(copy_of(item) for item in value)
        case dict():
            return {key: copy_of(item) for key, item in value.items()}
        case torch.Generator():
            return torch.Generator().manual_seed(value.initial_seed())
        case nn.Sequential():
            copy = nn.Sequential(*[copy_of(child) for child in value]).train(value.training)
            return copy
        case nn.Module():
            from course.values import dump, load

            return load(dump(value))
    return value


def same(a: Any, b: Any) -> bool:
    """Return whether two inputs are equal to the bit, generators (which advance) apart."""
    match a, b:
        case Tensor(), Tensor():
            return a.dtype == b.dtype and a.shape == b.shape and bool(torch.equal(a, b))
        case (list() | tuple(), list() | tuple()):
            return len(a) == len(b) and all(map(same, a, b))
        case dict(), dict():
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        case nn.Module(), nn.Module():
            return str(a) == str(b) and same(dict(a.state_dict()), dict(b.state_dict()))
        case torch.Generator(), torch.Generator():
            return True
    return type(a) is type(b) and bool(a == b)


def difference(got: Outcome, expected: Outcome, comparison: Comparison) -> Difference | None:
    """Return why `got` is not the expected outcome, or None where they agree.

    Two exceptions agree whatever their types: the exact type of a crash says little.
    """
    if got is expected:
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
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def _numbers(got: Any, expected: float, comparison: Comparison, what: str) -> Difference | None:
    number = _number(got)
    wanted = "a whole number" if isinstance(expected, int) else "a number"
    if isinstance(number, bool) or not isinstance(number, int | float):
        return Difference("type", f"{what} must be {wanted}", _got(got))
    if isinstance(expected, int):
        right = isinstance(number, int) and number == expected
        if not isinstance(number, int) and number == expected:
            return Difference("type", f"{what} must be {wanted}", f"got {number!r}")
    elif number != number and expected == expected:
        return Difference("nan", f"{what} is NaN")
    else:
        right = _close(torch.tensor(float(number)), torch.tensor(expected), comparison)
    if right:
        return None
    return Difference("value", f"{what} is wrong", f"expected {expected:.6g}, got {number:.6g}")


def _tensors(got: Any, expected: Tensor, comparison: Comparison, what: str) -> Difference | None:
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
    if _close(got, expected, comparison):
        return None
    if got.ndim == 0:
        return Difference("value", f"{what} is wrong", f"expected {expected:.6g}, got {got:.6g}")
    wrong = ~torch.isclose(got.double(), expected.double(), comparison.rtol, comparison.atol)
    index = tuple(int(i) for i in wrong.nonzero()[0]) if wrong.any() else (0,) * got.ndim
    place = ", ".join(map(str, index))
    detail = f"element [{place}] expected {expected[index]:.6g}, got {got[index]:.6g}"
    return Difference("value", f"{what} has {int(wrong.sum())} wrong of {got.numel()}", detail)


def _close(got: Tensor, expected: Tensor, comparison: Comparison) -> bool:
    if not expected.is_floating_point():
        return bool((got.to(torch.int64) == expected.to(torch.int64)).all())
    a, b = got.double(), expected.double()  # NaN agrees with NaN, which a misconception may expect
    return bool(torch.isclose(a, b, comparison.rtol, comparison.atol, equal_nan=True).all())


def _family(dtype: torch.dtype) -> str:
    if dtype == torch.bool:
        return "bool"
    return "float" if dtype.is_floating_point else "complex" if dtype.is_complex else "int"


def _kind(value: Any) -> str:
    names = {tuple: "a tuple", list: "a list", str: "text", Handle: "a module"}
    return names.get(type(value), "None" if value is None else type(value).__name__)


def _got(value: Any) -> str:
    match value:
        case None:
            return "got None (is a `return` missing?)"
        case Unsupported():
            return f"got {value.type_name}"
        case Tensor():
            return f"got a tensor of shape {list(value.shape)}"
        case list() | tuple():
            return f"got {_kind(value)} of {len(value)}"
        case Handle():
            return "got a module"
    return f"got {value!r}"[:120]
