"""What a call did: a case is called and its outcome observed.

The same few functions serve `check(...)` in a student's notebook and the grader.
"""

import linecache
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from course.values import Handle

# The kinds of outcome. NOT_TRIED: nobody has looked, so it agrees with anything.
VALUE, RAISED, NOT_ANSWERED, NOT_FINISHED, DIED, NOT_TRIED = (
    "value", "raised", "not answered", "not finished", "died", "not tried",
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
        """IPython shows this line instead of a traceback, and no picture that is only begun."""
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
        return [f"This cell is {self}."]


Gradients = bool | tuple[int, ...]  # of no argument, of all, of those at these positions


@dataclass(frozen=True)
class Case:
    """One call: the group that it belongs to and the arguments by position.

    `gradients`: also observe the gradients of the float arguments, or of those at the positions
    that it lists. `apply`: inputs for the module that the call returns, whose outputs are observed
    in its place, with the shapes of its parameters where `parameters` is set. `seeds`: call once
    for each, with every generator among the arguments seeded with it, and observe the list of
    results. `training`: the module that the call returns is trained so (see course.training) before
    it is applied, and is scored on the `scenes` of these seeds. `filled`: the module's parameters
    are first set to values that hang on their shapes alone (see course.filling), so that one right
    network gives one right output. `view`: a function of course.views that says what of the value
    counts.
    """

    group: str
    arguments: tuple[Any, ...]
    gradients: Gradients = False
    apply: tuple[Any, ...] = ()
    parameters: bool = False
    seeds: tuple[int, ...] = ()
    training: dict[str, Any] | None = None
    scenes: tuple[int, ...] = ()
    filled: bool = False
    view: str = ""

    @property
    def takes_long(self) -> bool:
        """Whether something is trained."""
        return bool(self.training and self.training["steps"])


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


class Subject(Protocol):
    """What is examined: a function here or in another process."""

    def call(self, arguments: Sequence[Any], gradients: Gradients = False) -> Outcome:
        """Call the function; with `gradients` the value is {"value": ..., "gradients": [...]}."""

    def train(self, arguments: Sequence[Any], training: dict[str, Any]) -> Outcome:
        """Call the function and train the module that it returns; equal calls train once."""

    def fill(self, handle: Handle) -> Outcome:
        """Set the parameters of a module that `call` returned (see course.filling)."""

    def apply(self, handle: Handle, argument: Any) -> Outcome:
        """Call a module that `call` returned."""

    def parameters(self, handle: Handle) -> Outcome:
        """Return the parameters of a module that `call` returned, a dict by name."""


def observe(subject: Subject, case: Case) -> Outcome:
    """Return the outcome of one case."""
    outcome = _every_seed(subject, case) if case.seeds else _called(subject, case)
    if outcome.kind == VALUE and (case.apply or case.parameters or case.scenes):
        outcome = _of_module(subject, case, outcome)
    return seen_by(case, outcome)


def seen_by(case: Case, outcome: Outcome) -> Outcome:
    """Return the outcome with what the case's view makes of its value."""
    if not case.view or outcome.kind != VALUE:
        return outcome
    from course import views

    view = views.find(case.view)
    try:
        return replace(outcome, value=view(case.arguments, outcome.value))
    except Exception:  # whatever an odd value provokes: the comparison says what is odd about it
        return outcome


def _called(subject: Subject, case: Case) -> Outcome:
    if case.training is not None:
        return subject.train(case.arguments, case.training)
    return subject.call(case.arguments, case.gradients)


def _every_seed(subject: Subject, case: Case) -> Outcome:
    results, changed = [], False
    for seed in case.seeds:
        arguments = [
            torch.Generator().manual_seed(seed) if isinstance(item, torch.Generator) else item
            for item in case.arguments
        ]
        outcome = subject.call(arguments, case.gradients)
        changed = changed or outcome.changed
        if outcome.kind != VALUE:
            return replace(outcome, changed=changed)
        results.append(outcome.value)
    return Outcome(VALUE, results, changed=changed)


def _of_module(subject: Subject, case: Case, called: Outcome) -> Outcome:
    """Return what the module that a call returned does."""
    handle = called.value
    if not isinstance(handle, Handle):
        return called
    if case.scenes:
        return _of_scenes(subject, case, handle)
    if case.filled:
        filled = subject.fill(handle)
        if filled.kind != VALUE:
            return filled
    seen: dict[str, Any] = {"outputs": []}
    for argument in case.apply:
        applied = subject.apply(handle, argument)
        if applied.kind != VALUE:
            return applied
        seen["outputs"].append(applied.value)
    if case.parameters:
        held = subject.parameters(handle)
        if held.kind != VALUE or not isinstance(held.value, dict):
            return held
        shapes = [list(item.shape) for item in held.value.values() if isinstance(item, Tensor)]
        seen["parameters"] = sorted(shapes)
    return replace(called, value=seen)


def _of_scenes(subject: Subject, case: Case, handle: Handle) -> Outcome:
    """Return the mean IoU of a trained network on scenes whose labels only this side knows."""
    from course import training

    images, labels = training.scenes(case.scenes)
    applied = subject.apply(handle, images)
    if applied.kind != VALUE:
        return applied
    return replace(applied, value=training.mean_iou(applied.value, labels, case.arguments[1]))


@dataclass
class LocalSubject:
    """A function of this process."""

    function: Any
    modules: list[nn.Module] = field(default_factory=list)
    trained: dict[str, Outcome] = field(default_factory=dict)

    def call(self, arguments: Sequence[Any], gradients: Gradients = False) -> Outcome:
        given = [copy_of(argument) for argument in arguments]
        outcome = self.invoke(self.function, given, gradients)
        return replace(outcome, changed=not same(list(arguments), given))

    def train(self, arguments: Sequence[Any], training: dict[str, Any]) -> Outcome:
        from course.training import trained

        key = repr((arguments, training))
        if key not in self.trained:
            given = [copy_of(argument) for argument in arguments]
            self.trained[key] = self.invoke(trained, [self.function, given, training])
        return self.trained[key]

    def fill(self, handle: Handle) -> Outcome:
        from course.filling import fill

        return self.invoke(fill, [self.modules[handle.number]])

    def apply(self, handle: Handle, argument: Any) -> Outcome:
        return self.invoke(self.modules[handle.number], [copy_of(argument)])

    def parameters(self, handle: Handle) -> Outcome:
        return Outcome(VALUE, dict(self.modules[handle.number].named_parameters()))

    def invoke(self, function: Any, given: list[Any], gradients: Gradients = False) -> Outcome:
        """Call `function` with these very arguments; a module that it returns is kept here."""
        try:
            for i, argument in enumerate(given):
                asked = gradients is True or (gradients and i in gradients)
                for leaf in flatten(argument) if asked else ():
                    if isinstance(leaf, Tensor) and leaf.is_floating_point():
                        leaf.requires_grad_()
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
    """Return the gradient of a fixed weighted sum of all float results, for each argument.

    Tensors inside lists and dicts count each by itself.
    """
    results = [t for t in flatten(value) if isinstance(t, Tensor) and t.is_floating_point()]
    total = sum((t * torch.linspace(1, 2, t.numel()).view_as(t).to(t)).sum() for t in results)
    if not isinstance(total, Tensor) or not total.requires_grad:
        raise RuntimeError("the result does not depend on the inputs through differentiable steps")
    total.backward()  # type: ignore[no-untyped-call]
    return [a.grad if isinstance(a, Tensor) else None for a in flatten(list(arguments))]


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
        case nn.Module():
            return _copy_of_module(value)
    return value


def _copy_of_module(module: nn.Module) -> nn.Module:
    """Return a copy with weights of its own; six times as fast as `deepcopy`, of which drawing the
    cases of a module's exercise needs hundreds."""
    new: nn.Module = object.__new__(type(module))
    entries = vars(module).items()
    vars(new).update({k: v.copy() if isinstance(v, dict | set) else v for k, v in entries})
    for name, parameter in module._parameters.items():
        if parameter is not None:
            new._parameters[name] = nn.Parameter(copy_of(parameter), parameter.requires_grad)
    new._buffers.update({name: copy_of(buffer) for name, buffer in module._buffers.items()})
    new._modules.update({name: copy_of(child) for name, child in module._modules.items()})
    return new


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
