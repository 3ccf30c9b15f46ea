"""Values as plain data: how public cases are stored, and all that crosses the grader's pipe.

A value is None, a bool, int, float or str, a list, tuple or dict of values, a tensor, a module
made of a fixed catalogue of layers, a random generator (its seed), or a function of this package
(its name). `dump` writes a value as JSON beside a safetensors block; `load` reads it back and
trusts nothing: no code is ever run and nothing is unpickled.
"""

import importlib
import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

MAX_DEPTH = 24
MAX_NODES = 200_000
MAX_DIGITS = 1_000
MAX_TEXT = 1_000_000
TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)  # texts in JSON

# Layers that may cross, with the constructor arguments that describe them.
CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation")
POOLING = ("kernel_size", "stride", "padding")
LAYERS: dict[str, tuple[str, ...]] = {
    "Sequential": (),
    "Linear": ("in_features", "out_features"),
    "Conv2d": (*CONVOLUTION, "groups"),
    "ConvTranspose2d": (*CONVOLUTION, "groups", "output_padding"),
    "BatchNorm2d": ("num_features",),
    "MaxPool2d": POOLING,
    "AvgPool2d": POOLING,
    "Flatten": ("start_dim", "end_dim"),
    "ReLU": (),
    "LeakyReLU": ("negative_slope",),
    "Sigmoid": (),
    "Tanh": (),
    "Identity": (),
}
WITHOUT_MEMORY = torch.device("meta")
HAS_BIAS = {"Linear", "Conv2d", "ConvTranspose2d"}


class ValueFormatError(ValueError):
    """The bytes are not a value, or are more than the reader takes."""


@dataclass(frozen=True)
class Handle:
    """A module that a call returned and that stays in the process that made it."""

    number: int


@dataclass(frozen=True)
class Unsupported:
    """Something that is not a value, named by its type."""

    type_name: str


def dump(value: Any) -> bytes:
    """Return `value` as bytes; a part that is not a value is written as its type's name."""
    tensors: dict[str, Tensor] = {}
    tree = _encode(value, tensors, 0)
    text = json.dumps(tree, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    block = safetensors.torch.save(tensors) if tensors else b""
    return struct.pack(">I", len(text)) + text + block


def load(data: bytes) -> Any:
    """Return the value that `dump` wrote, or raise ValueFormatError."""
    try:
        (length,) = struct.unpack_from(">I", data)
        text, block = data[4 : 4 + length], data[4 + length :]
        if len(text) != length:
            raise ValueFormatError(f"the text must have {length} bytes, got {len(text)}")
        if count_parts(text) > 2 * MAX_NODES:
            raise ValueFormatError(f"the value must have at most {MAX_NODES} parts")
        tree = json.loads(text, parse_int=_read_int, parse_constant=_refuse_constant)
        tensors = safetensors.torch.load(block) if block else {}
        return _Decoder(tensors).decode(tree, 0)
    except ValueFormatError:
        raise
    except Exception as error:  # whatever a hostile writer provokes in a parser
        raise ValueFormatError(f"unreadable value: {type(error).__name__}") from error


def count_parts(text: bytes) -> int:
    """Return about how many parts a text in JSON has; when read, each can take 70 bytes."""
    plain = TEXTS.sub(b"", text)
    return plain.count(b",") + plain.count(b"[") + plain.count(b"{") + plain.count(b":")


def _read_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueFormatError(f"an integer must have at most {MAX_DIGITS} digits")
    return int(digits)


def _refuse_constant(name: str) -> float:
    raise ValueFormatError(f"a bare {name} is not a value")


def _encode(value: Any, tensors: dict[str, Tensor], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return {"unsupported": f"nesting deeper than {MAX_DEPTH}"}

    def inner(item: Any) -> Any:
        return _encode(item, tensors, depth + 1)

    match value:
        case None | bool():
            return value
        case np.generic() if value.ndim == 0 and value.dtype.kind in "biuf":
            return inner(value.item())
        case int():
            return _encode_int(int(value))
        case float():
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        case str():
            return value[:MAX_TEXT].encode("utf-8", "replace").decode()
        case list():
            return [inner(item) for item in value]
        case tuple():
            return {"tuple": [inner(item) for item in value]}
        case dict() if all(isinstance(key, str) for key in value):
            return {"dict": {key: inner(item) for key, item in value.items()}}
        case Tensor() if value.layout == torch.strided and value.device.type != "meta":
            return {"tensor": _store(value, tensors)}
        case np.ndarray() if value.dtype.kind in "biuf":
            return {"array": _store(torch.from_numpy(np.array(value)), tensors)}
        case torch.Generator():
            return {"generator": value.initial_seed()}
        case nn.Module() if _is_known(value):
            return {"module": _encode_module(value, tensors)}
        case Handle():
            return {"handle": value.number}
        case Unsupported():
            return {"unsupported": value.type_name}
    module, name = getattr(value, "__module__", ""), getattr(value, "__qualname__", "")
    if callable(value) and str(module).startswith("course.") and "." not in name:
        return {"function": f"{module}.{name}"}
    return {"unsupported": type(value).__qualname__[:200]}


def _encode_int(value: int) -> Any:
    if value.bit_length() > 3 * MAX_DIGITS:
        return {"unsupported": f"an int of {value.bit_length()} bits"}
    return value


def _store(tensor: Tensor, tensors: dict[str, Tensor]) -> str:
    key = str(len(tensors))
    tensors[key] = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().clone()
    return key


def _is_known(module: nn.Module) -> bool:
    name = type(module).__name__
    known = name in LAYERS and type(module) is getattr(nn, name)
    return known and all(map(_is_known, module.children()))


def _encode_module(module: nn.Module, tensors: dict[str, Tensor]) -> Any:
    name = type(module).__name__
    options = {key: getattr(module, key) for key in LAYERS[name]}
    if name in HAS_BIAS:
        options["bias"] = module.bias is not None
    children = [] if name != "Sequential" else list(module.children())
    state = {} if children else module.state_dict()
    return {
        "layer": name,
        "options": {key: _encode(item, tensors, 0) for key, item in options.items()},
        "state": {key: _store(item, tensors) for key, item in state.items()},
        "children": [_encode_module(child, tensors) for child in children],
        "training": module.training,
    }


class _Decoder:
    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors
        self.nodes = 0

    def decode(self, tree: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > 2 * MAX_DEPTH or self.nodes > MAX_NODES:
            raise ValueFormatError("the value is nested too deeply or has too many parts")
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        if isinstance(tree, list):
            return [self.decode(item, depth + 1) for item in tree]
        if len(tree) != 1:
            raise ValueFormatError("a tagged value must have one tag")
        ((tag, body),) = tree.items()
        match tag, body:
            case "tuple", list():
                return tuple(self.decode(item, depth + 1) for item in body)
            case "dict", dict():
                return {key: self.decode(item, depth + 1) for key, item in body.items()}
            case "float", "nan" | "inf" | "-inf":
                return float(body)
            case "tensor", str():
                return self.tensors[body]
            case "array", str():
                return self.tensors[body].numpy()
            case "generator", int():
                return torch.Generator().manual_seed(body)
            case "handle", int():
                return Handle(body)
            case "unsupported", str():
                return Unsupported(body[:200])
            case "function", str():
                return _public_function(body)
            case "module", dict():
                return self.module(body, depth + 1)
        raise ValueFormatError(f"unknown kind of value: {str(tag)[:40]!r}")

    def module(self, body: dict[str, Any], depth: int) -> nn.Module:
        name = body["layer"]
        if name not in LAYERS or depth > MAX_DEPTH:
            raise ValueFormatError(f"unknown layer: {str(name)[:40]!r}")
        if name == "Sequential":
            module: nn.Module = nn.Sequential(
                *[self.module(child, depth + 1) for child in body["children"]]
            )
        else:
            options = {key: self.decode(item, depth + 1) for key, item in body["options"].items()}
            if set(options) - {*LAYERS[name], "bias"}:
                raise ValueFormatError(f"unknown options of {name}")
            state = {key: self.tensors[at] for key, at in body["state"].items()}
            floats = [tensor.dtype for tensor in state.values() if tensor.is_floating_point()]
            with WITHOUT_MEMORY:  # what is only claimed takes none
                module = getattr(nn, name)(**options).to(*floats[:1])
            module.load_state_dict(state, assign=True)
        return module.train(bool(body["training"]))


def _public_function(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    if not module.startswith("course.") or attribute.startswith("_"):
        raise ValueFormatError(f"not a function of the course: {name[:80]!r}")
    found = getattr(importlib.import_module(module), attribute)
    if not callable(found) or getattr(found, "__module__", "") != module:
        raise ValueFormatError(f"not a function of the course: {name[:80]!r}")
    return found
