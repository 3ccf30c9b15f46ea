"""What all widgets share: whose functions they show, when these are called, what stands in a page.

The browser owns pointer, animation and drawing (`runtime.js` and the widget's own module). It
writes the widget's `state` and counts `asked` up; the kernel calls the functions, once for a
state, and writes `answer`. Nothing is called before a browser asks, or a picture is needed.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets

from course.cases import CaseSet, assess
from course.check import has_form
from course.outcome import Case, LocalSubject, observe
from course.widgets import budget
from course.widgets.calling import Calls, Trouble, plain
from course.widgets.sources import Mistake, kernel_id, lookup, reference_of, references

State = dict[str, Any]
HERE = Path(__file__).parent
RUNTIME = ("runtime_nodes", "runtime_drawing", "runtime_controls", "runtime")
CASES = Path("cases")
TOLERANCE = 1e-4  # two displays that differ by less show the same
TRIES = 300  # random inputs in the search for a disagreement
SEARCH_SECONDS = 4.0  # and for how long, public cases too


class Widget(anywidget.AnyWidget):
    """A figure that shows what a student's functions do.

    Give it the functions in the order of `functions`. It looks each up by its name at every call,
    so that a cell that is run again is shown at once. `state` is a small value: what is on the
    figure: assign it, or give it to the constructor, to restore a figure; ValueError says what is
    wrong with one that does not fit.
    """

    functions: ClassVar[tuple[str, ...]]
    exercises: ClassVar[tuple[str, ...]] = ()  # whose mistakes it shows; by default all functions
    examples: ClassVar[dict[str, State]]  # by name; the first is shown first
    local: ClassVar[tuple[str, ...]] = ()  # keys of the state of which the functions know nothing
    _script: ClassVar[str]  # the name of its module here and of the browser's
    constants: ClassVar[dict[str, Any]] = {}  # sent once: names, pictures

    state = traitlets.Dict().tag(sync=True, echo_update=False)
    asked = traitlets.Dict().tag(sync=True, echo_update=False)
    answer = traitlets.Dict().tag(sync=True)
    setup = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        cls._script = cls.__module__.rpartition(".")[2]
        cls.exercises = cls.exercises or cls.functions

    def __init__(
        self,
        *functions: Callable[..., Any] | None,
        state: State | None = None,
        reference: Mapping[str, Callable[..., Any]] | None = None,
        mistakes: Mapping[str, Mistake] | None = None,
    ) -> None:
        self._find = lookup(self.functions, functions, sys._getframe(1))
        self._found: dict[str, Any] = {}
        self._shown_with: dict[str, Any] = {}
        self._reference = dict(reference) if reference is not None else None
        self._mistakes = dict(mistakes or {})
        self._one_at_a_time = threading.RLock()  # Lab asks in a thread, a cell in another
        self._esm, self._css = script(self._script), _text("runtime.css")
        first = next(iter(self.examples.values()))
        given = any(f is not None for f in self._find().values())
        super().__init__(state=self.checked(state if state is not None else first))
        self.setup = {
            "examples": self.examples,
            "local": list(self.local),
            "kernel": kernel_id(),
            "given": given,
            "reference": given and (self._reference is not None or bool(references())),
            "mistakes": {label: known.sentence for label, known in self._mistakes.items()},
            "name": type(self).__name__,
            **self.constants,
            **self.pictures(),
        }
        _on_each_cell(self)

    # What each widget says for itself: the first four it must define, the rest it may.

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        """Return what is shown: everything that the functions say about a state, in one go."""
        raise NotImplementedError

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        """Return the text that stands for the figure."""
        raise NotImplementedError

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        """Return matplotlib axes with the figure, for pages without a kernel."""
        raise NotImplementedError

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        """Return an input, small where `size` (1, 2, ...) is small."""
        raise NotImplementedError

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        """Return the state that shows a public case, None where it cannot be shown."""
        return None

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        """Return constants that take a while to make, such as pictures: made for each figure."""
        return {}

    @classmethod
    def rule(cls, state: State) -> str:
        """Return what is wrong with the values of a state of the right form, "" if nothing is."""
        return ""

    # What it does.

    @classmethod
    def checked(cls, state: Any) -> State:
        """Return a whole state, with what is left out as in the first example, or ValueError."""
        first = next(iter(cls.examples.values()))
        if not isinstance(state, dict):
            raise ValueError(f"state must be a dict like {first}, got {state!r:.80}")
        for key, value in state.items():
            if key not in first:
                raise ValueError(f"state must have keys of {', '.join(first)}, got {key!r}")
            if not has_form(value, first[key]):
                raise ValueError(f"state[{key!r}] must be like {first[key]!r}, got {value!r:.80}")
        whole = {**first, **{key: _in_form(value, first[key]) for key, value in state.items()}}
        wrong = cls.rule(whole)
        if wrong:
            raise ValueError(wrong)
        return whole

    @classmethod
    def displayed(
        cls, functions: Mapping[str, Callable[..., Any] | None], state: State
    ) -> dict[str, Any]:
        """Return {"shown": ...} or {"trouble": ...}: what these functions give to see."""
        calls = Calls(dict(functions))
        try:
            found: dict[str, Any] = {"shown": plain(cls.compute(calls, state))}
        except Trouble as trouble:
            found = {"trouble": trouble.told()}
        if calls.printed:
            found["printed"] = calls.printed
        return found

    @traitlets.observe("asked")  # type: ignore[untyped-decorator]
    def _on_asked(self, change: Any) -> None:
        if self.asked:
            self._answer()

    def _answer(self) -> None:
        """Call the functions and say what they give; whatever goes wrong is said, not raised."""
        with self._one_at_a_time:
            asked = self.asked
            try:
                found = self._looked_at(asked)
            except ValueError as error:
                found = {"trouble": Trouble("state", str(error)).told()}
            except Exception as error:
                text = f"the figure itself fails here ({type(error).__name__}: {error}): tell us."
                found = {"trouble": Trouble("figure", text).told()}
            self.answer = {"seq": asked.get("seq", 0), **found}

    def _looked_at(self, asked: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._found = self._find()
        self._shown_with = dict(self._found)
        known = self._mistakes.get(asked.get("mistake", ""))
        if known is not None:
            self._shown_with[known.exercise] = known.function
        state = self.checked(self.state)
        first_time = asked.get("seq") != self.answer.get("seq")  # else a cell was run again
        if "put" in asked and first_time:
            state = self.checked(asked["put"])
            found["found"] = {"state": state, "text": "Restored."}
        if asked.get("search") and first_time:
            found["found"] = self._search(asked["search"], state)
            state = found["found"].get("state", state)
        found |= self.displayed(self._shown_with, state)
        if asked.get("overlay"):
            found["reference"] = self._of_reference(state)
        return found

    def _of_reference(self, state: State) -> Any:
        reference = self._references()
        return self.displayed(reference, state).get("shown") if reference else None

    def _references(self) -> dict[str, Callable[..., Any] | None]:
        """Return the reference's functions, None for those that the widget was not given either."""
        if self._reference is None:
            found = {name: reference_of(name) for name in self.functions}
            self._reference = {name: f for name, f in found.items() if f is not None}
        mine = self._shown_with
        return {n: f if mine.get(n) is not None else None for n, f in self._reference.items()}

    def _search(self, number: int, state: State) -> dict[str, Any]:
        """Return a small input on which the functions and the reference differ, or say there is
        none; without a reference, the first public case that fails."""
        reference = self._references()
        if not reference:
            return self._public_case()
        rng, end = np.random.default_rng(number), time.monotonic() + SEARCH_SECONDS
        for attempt in range(TRIES):
            if time.monotonic() > end:
                return {"text": f"No difference on {attempt} inputs."}
            tried = self.checked({**state, **self.random_state(rng, 1 + attempt * 6 // TRIES)})
            mine = self.displayed(self._shown_with, tried)
            if mine.get("trouble", {}).get("kind") in ("waiting", "endless", "stopped"):
                return {"text": mine["trouble"]["text"]}
            if differs(mine, self.displayed(reference, tried)):
                return {"state": tried, "text": "Here the two differ."}
        return {"text": f"No difference on {TRIES} inputs."}

    def _public_case(self) -> dict[str, Any]:
        name = self.exercises[0]
        try:
            case_set = CaseSet.from_bytes((CASES / f"{name}.cases").read_bytes()).quick()
        except (OSError, ValueError):
            return {"text": f"The public cases of {name} are not beside this notebook."}
        subject = LocalSubject(self._shown_with[name])
        try:
            with budget.until(time.monotonic() + SEARCH_SECONDS):
                found = assess(case_set, [observe(subject, case) for case in case_set.cases])
        except budget.OutOfTime:
            return {"text": f"The public cases did not end within {SEARCH_SECONDS:g} seconds."}
        if not found.answered:
            return {"text": f"Waiting for your answer to the exercise `{name}`."}
        failure = found.first_failure
        if failure is None:
            return {"text": f"All public cases of {name} pass."}
        text = f'A public case of "{failure.group.name}" fails. {failure.group.sentence}'
        case = None if failure.case is None else case_set.cases[failure.case]
        shown = None if case is None else self.state_of(case)
        return {"text": text} | ({"state": self.checked(shown)} if shown is not None else {})

    def _functions_changed(self) -> bool:
        return self._find() != self._found

    def _repr_mimebundle_(self, **named: Any) -> Any:
        """Give pages without a kernel a picture and a sentence beside the live figure."""
        data, metadata = super()._repr_mimebundle_(**named)
        data["text/plain"] = f"{type(self).__name__}: a figure to work with in a running notebook."
        if "NBGRADER_EXECUTION" in os.environ or "VOILA_BASE_URL" in os.environ:
            return data, metadata  # nobody looks at the picture
        with contextlib.suppress(Exception):  # odd results: the live figure says what is wrong
            found = self.displayed(self._find(), self.state)
            if "trouble" in found:
                data["text/plain"] = found["trouble"]["text"]
                return data, metadata
            from course.draw import png

            data["text/plain"] = self.says(self.state, found["shown"])
            data["image/png"] = png(self.picture(self.state, found["shown"]))
        return data, metadata


def differs(one: Any, other: Any) -> bool:
    """Return whether two displays show different things."""
    match one, other:
        case dict(), dict():
            keys = (one.keys() | other.keys()) - {"printed", "line"}
            return any(differs(one.get(key), other.get(key)) for key in keys)
        case list(), list():
            return len(one) != len(other) or any(map(differs, one, other))
        case (bool(), _) | (_, bool()):
            return one is not other
        case ((int() | float()), (int() | float())):
            return abs(one - other) > TOLERANCE * max(1.0, abs(other))
    return bool(one != other)


def _in_form(value: Any, example: Any) -> Any:
    """Return the value with floats where the example has floats: a browser writes 20 for 20.0."""
    if isinstance(example, float):
        return float(value)
    if isinstance(example, list | tuple):
        return [_in_form(item, example[0]) for item in value] if example else list(value)
    return value


def script(name: str) -> str:
    """Return the module that a browser runs: the shared runtime, then the widget's own part."""
    return "\n".join(_text(f"{part}.js") for part in (*RUNTIME, name))


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _on_each_cell(widget: Widget) -> None:
    """Answer again after a cell that gave one of the widget's functions another meaning."""
    if "IPython" not in sys.modules:
        return
    from weakref import ref

    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    held = ref(widget)

    def after(*_: Any) -> None:
        alive = held()
        if alive is None or alive.comm is None:
            shell.events.unregister("post_run_cell", after)
        elif alive.asked and alive._functions_changed():
            alive._answer()

    shell.events.register("post_run_cell", after)
