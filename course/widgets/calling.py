"""Calls of a student's functions for a widget: copied inputs, a budget of time, plain words.

Whatever goes wrong becomes a `Trouble`, which the widget shows in place of a result.
"""

import contextlib
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.outcome import NotAnswered, copy_of, raised, same
from course.widgets import budget
from course.widgets.budget import OutOfTime

SECONDS = 2.0  # that all calls for one picture may take
PRINTED = 400  # characters of what a function prints


class Trouble(Exception):
    """Why there is nothing to show: `kind` for programs, the text for the student, where it was."""

    def __init__(self, kind: str, text: str, line: str = "") -> None:
        super().__init__(text)
        self.kind, self.text, self.line = kind, text, line

    def told(self) -> dict[str, str]:
        return {"kind": self.kind, "text": self.text, "line": self.line}


@dataclass
class Calls:
    """Functions by name, as one picture's computation calls them: `calls.nms(boxes, ...)`."""

    functions: dict[str, Callable[..., Any] | None]
    seconds: float = field(default_factory=lambda: SECONDS)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.seconds
        self._printed = io.StringIO()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self.functions:
            raise AttributeError(name)
        return lambda *arguments, **named: self._call(name, arguments, named)

    @property
    def printed(self) -> str:
        return self._printed.getvalue()[-PRINTED:]

    def _call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        function = self.functions[name]
        if function is None:
            raise Trouble("waiting", f"Waiting for `{name}`: pass it to the widget.")
        given = [_copy(argument) for argument in arguments]
        try:
            with _quiet(self._printed), budget.until(self.end):
                value = function(*given, **named)
        except NotAnswered as error:
            why = f"Waiting for your answer to the exercise `{error.exercise}`."
            raise Trouble("waiting", why) from None
        except OutOfTime as error:
            text = f"`{name}` did not finish within {self.seconds:g} seconds and was stopped."
            raise Trouble("endless", text, raised(error).line) from None
        except KeyboardInterrupt as error:
            raise Trouble("stopped", f"`{name}` was interrupted.", raised(error).line) from None
        except RecursionError:
            raise Trouble("raised", f"`{name}` calls itself without end.") from None
        except (Exception, SystemExit, GeneratorExit) as error:
            seen = raised(error)
            text = f"`{name}` raised {seen.error}" + (f": {seen.detail}" if seen.detail else "")
            raise Trouble("raised", text, seen.line) from None
        if value is None:
            raise Trouble("none", f"`{name}` returned None: is its `return` missing?")
        if not same(list(arguments), given):
            which = next(
                i for i, given_one in enumerate(given) if not same(arguments[i], given_one)
            )
            text = f"`{name}` changed its input (argument {which + 1}): work on a copy."
            raise Trouble("changed", text)
        return value


def _copy(argument: Any) -> Any:
    """Return a copy that requires a gradient where the argument itself does."""
    copied = copy_of(argument)
    if isinstance(argument, Tensor) and argument.requires_grad:
        copied.requires_grad_()
    return copied


@contextlib.contextmanager
def _quiet(printed: io.StringIO) -> Iterator[None]:
    """Keep what is printed and no warnings: both are the process's, so in its main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def tried(call: Callable[[], Any]) -> str:
    """Return what goes wrong in a call that is made beside the figure's own, "" if nothing does."""
    try:
        call()
    except Trouble as trouble:
        if trouble.kind in ("waiting", "endless", "stopped"):
            raise
        return trouble.text
    return ""


def tensor(
    name: str, value: Any, shape: tuple[int | str, ...], dtype: Tensor | torch.dtype
) -> Tensor:
    """Return the value as a tensor, or say in which way it is not the one that `name` must return.

    A text in `shape` stands for any length. The dtype is that of a tensor where one is given.
    """
    wanted = "[" + ", ".join(map(str, shape)) + "]"
    if not isinstance(value, Tensor):
        got = type(value).__name__
        raise Trouble("type", f"`{name}` must return a tensor {wanted}, got {got}.")
    found: Tensor = value.detach()
    fits = value.ndim == len(shape) and all(
        isinstance(size, str) or size == there
        for size, there in zip(shape, value.shape, strict=False)
    )
    if not fits:
        raise Trouble("shape", f"`{name}` must return the shape {wanted}, got {[*value.shape]}.")
    wanted_dtype = dtype.dtype if isinstance(dtype, Tensor) else dtype
    if value.dtype != wanted_dtype:
        must, got = (str(d).removeprefix("torch.") for d in (wanted_dtype, value.dtype))
        like = ", as its input is" if isinstance(dtype, Tensor) else ""
        raise Trouble("dtype", f"`{name}` must return {must}{like}, got {got}.")
    if value.is_floating_point() and bool(value.isnan().any()):
        raise Trouble("nan", f"`{name}` returned NaN (not a number).")
    return found


def number(name: str, value: Any) -> float:
    """Return a Python number or a tensor of one number as a float, or say what is wrong with it."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Trouble("type", f"`{name}` must return a number, got {type(value).__name__}.")
    if value != value:
        raise Trouble("nan", f"`{name}` returned NaN (not a number).")
    return float(value)


def plain(value: Any, digits: int = 6) -> Any:
    """Return tensors, arrays and numbers as nested lists that JSON takes; infinities as text."""
    match value:
        case Tensor():
            return plain(value.detach().cpu().tolist(), digits)
        case np.ndarray() | np.generic():
            return plain(value.tolist(), digits)
        case list() | tuple():
            return [plain(item, digits) for item in value]
        case dict() | SimpleNamespace():
            items = vars(value) if isinstance(value, SimpleNamespace) else value
            return {str(key): plain(item, digits) for key, item in items.items()}
        case float():
            return str(value) if value in (float("inf"), float("-inf")) else round(value, digits)
    return value
