"""Wrong functions of every kind, made of a right one: what a widget must show and recover from."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def _raises(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: 1 / 0


def _returns_none(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: None


def _not_a_number(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: _map(right(*arguments, **named), _nan)


def _wrong_shape(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: torch.zeros(3, 1, 4, 1, 5)


def _wrong_dtype(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: _map(right(*arguments, **named), _other_type)


def _a_text(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: "done"


def _changes_its_input(right: Callable[..., Any]) -> Callable[..., Any]:
    def changing(*arguments: Any, **named: Any) -> Any:
        value = right(*arguments, **named)
        if not _spoil(arguments):
            raise TypeError("whole numbers and tuples of them cannot be changed")
        return value

    return changing


def _endless(right: Callable[..., Any]) -> Callable[..., Any]:
    def endless(*arguments: Any, **named: Any) -> Any:
        while True:
            try:
                while True:
                    time.sleep(0.001)
            except Exception:
                pass

    return endless


def _without_end(right: Callable[..., Any]) -> Callable[..., Any]:
    def again(*arguments: Any, **named: Any) -> Any:
        return again(*arguments, **named)

    return again


def _leaves(right: Callable[..., Any]) -> Callable[..., Any]:
    def leaves(*arguments: Any, **named: Any) -> Any:
        raise SystemExit(3)

    return leaves


def _other_arguments(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda: 0


ZOO = {
    "raises": _raises,
    "returns None": _returns_none,
    "not a number": _not_a_number,
    "wrong shape": _wrong_shape,
    "wrong dtype": _wrong_dtype,
    "a text": _a_text,
    "changes its input": _changes_its_input,
    "endless": _endless,
    "calls itself": _without_end,
    "leaves Python": _leaves,
    "other arguments": _other_arguments,
}


def spoiled(right: Callable[..., Any], how: str) -> Callable[..., Any]:
    """Return the right function made wrong."""
    return ZOO[how](right)


def _map(value: Any, change: Callable[[Any], Any]) -> Any:
    match value:
        case dict():
            return {key: _map(item, change) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_map(item, change) for item in value)
    return change(value)


def _nan(value: Any) -> Any:
    if isinstance(value, nn.Module):
        with torch.no_grad():
            for parameter in value.parameters():
                parameter.fill_(float("nan"))
        return value
    if isinstance(value, Tensor):
        return torch.full(value.shape, float("nan"))
    return float("nan")


def _other_type(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to(torch.complex64)
    return complex(1)


def _spoil(value: Any) -> bool:
    """Change the first thing that can be changed in place."""
    match value:
        case Tensor() if value.numel():
            with torch.no_grad():
                value.bitwise_not_() if not value.is_floating_point() else value.add_(1)
            return True
        case nn.Module():
            return any(_spoil(parameter.data) for parameter in value.parameters())
        case list() if value and not isinstance(value[0], Tensor | list | tuple):
            value.append(value[0])
            return True
        case dict():
            return any(map(_spoil, list(value.values())))
        case list() | tuple():
            if any(map(_spoil, value)):
                return True
            if isinstance(value, list) and value:
                value.append(value[0])
                return True
    return False
