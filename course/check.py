"""`check(nms)`: runs an exercise's public cases in the student's own notebook and shows the result.

The cases lie beside the notebook as data: `cases/<exercise>.cases` and `cases/questions.json`.
What is shown here decides no grade. An answer that passes is saved in `own/` for later notebooks.
"""

import contextlib
import json
import linecache
import os
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from course.cases import Assessment, CaseSet, GroupResult, assess
from course.check_table import Report, group_rows
from course.outcome import LocalSubject, observe
from course.pieces import save
from course.values import ValueFormatError

CASES = Path("cases")
ALL_PASS = "All public cases pass. Hidden cases are judged when you hand in."
NOT_TRAINED = (
    " Nothing was trained: `check({name}, train=True)` does that too, in half a minute or so."
)
RESTORE = "Open the notebook in the folder that you were given, or unpack that folder again."


class PublicCasesFailed(AssertionError):
    """Raised by `check` under nbgrader's Validate, where only an error says "not yet"."""

    def _render_traceback_(self) -> list[str]:
        """IPython shows this line instead of a traceback."""
        return [str(self)]


def check(target: Any, *, train: bool = False) -> None:
    """Show what the public cases say about an exercise, a function or its name, or a question.

    Cases in which a network is trained are run with `train` only.

    Never raises, so that Run All goes on; but under nbgrader's Validate it raises
    PublicCasesFailed unless all is answered and passes.
    """
    caller = sys._getframe(1)
    try:
        report = _report(target, caller, train)
    finally:
        del caller  # a frame that is kept keeps every variable of the notebook
    _display(report)
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not report.passed:
        raise PublicCasesFailed(f"{report.title}: {report.sentence}")


def _report(target: Any, caller: FrameType, train: bool) -> Report:
    name = target if isinstance(target, str) else _name_of(target, caller)
    if name is None:
        return Report("check", "Give it an exercise's function or its name, as in check(nms).")
    value = caller.f_globals.get(name) if isinstance(target, str) else target
    questions = _questions()
    if name in questions:
        return _check_question(name, value, questions[name])
    try:
        case_set = CaseSet.from_bytes(_path(name).read_bytes())
    except (OSError, ValueError) as error:
        why = "cannot be read" if isinstance(error, ValueFormatError) else "is not there"
        return Report(name, f"Its public cases are missing: {_path(name)} {why}. {RESTORE}")
    if value is None:
        return Report(name, f"There is no `{name}` yet: run the cell that defines it first.")
    if not callable(value):
        return Report(name, f"`{name}` must be a function, got {value!r:.60}.")
    report = _check_function(case_set if train else case_set.quick(), value, case_set)
    if report.passed:
        save(name, value, caller.f_globals)
    return report


def _check_function(case_set: CaseSet, function: Any, whole: CaseSet) -> Report:
    subject = LocalSubject(function)
    outcomes = []
    with contextlib.redirect_stderr(sys.stdout):  # Validate takes any stderr for a failure
        for case in case_set.cases:
            outcomes.append(observe(subject, case))
            if outcomes[-1].kind == "not answered":
                break
    assessment = assess(case_set, outcomes)
    name, waits_for = case_set.exercise, outcomes[-1].error
    if not assessment.answered:
        needs = (
            "" if waits_for == name else f" It needs `{waits_for}`, which is still to be written."
        )
        return Report(name, f"Not answered yet.{needs}")
    failure = assessment.first_failure
    if failure is None:
        passed = ALL_PASS + (
            "" if len(case_set.cases) == len(whole.cases) else NOT_TRAINED.format(name=name)
        )
        return Report(name, passed, group_rows(case_set, assessment, outcomes), passed=True)
    at = failure.case
    return Report(
        name,
        _sentence(assessment, failure),
        group_rows(case_set, assessment, outcomes),
        case=None if at is None else case_set.cases[at],
        outcomes=None if at is None else (case_set.expected[at], outcomes[at]),
    )


def _sentence(assessment: Assessment, failure: GroupResult) -> str:
    """Return what is told first: the mistake, what kept the result from being compared, the rule.

    A result of the wrong type says nothing about areas; that its `return` is missing does.
    """
    found = failure.difference
    if assessment.mistake is not None:
        return assessment.mistake.sentence
    if found is None or found.kind in ("value", "shape", "nan"):
        return failure.group.sentence
    text = str(found)
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _name_of(target: Any, caller: FrameType) -> str | None:
    """Return the exercise's name under which the caller knows `target`.

    Decorated or renamed functions are found by the variable that holds them. Where several do,
    the one in the calling line is meant, else the function's own name.
    """
    known = [name for name, value in caller.f_globals.items() if value is target and _known(name)]
    line = linecache.getline(caller.f_code.co_filename, caller.f_lineno)
    written = re.search(r"\bcheck\(\s*(\w+)", line)
    own = getattr(target, "__name__", None)
    for name in (written and written[1], own):
        if name in known:
            return name
    return known[0] if known else own


def _known(name: str) -> bool:
    return name.isidentifier() and _path(name).is_file()


def _path(name: str) -> Path:
    return CASES / f"{name}.cases"


def _questions() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((CASES / "questions.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _check_question(name: str, value: Any, question: dict[str, Any]) -> Report:
    form, example = question["form"], question["example"]
    if _is_open(value):
        return Report(name, f"Not answered yet. `{name}` must be {form}, for example {example!r}.")
    if not has_form(value, example):
        return Report(name, f"`{name}` must be {form}, for example {example!r}; got {value!r:.80}.")
    sentence = f"`{name}` has the right form. Whether it is right is judged when you hand in."
    return Report(name, sentence, passed=True)


def _is_open(value: Any) -> bool:
    """Return whether there is no answer yet: None, or a list or dict of nothing else."""
    parts = list(value.values()) if isinstance(value, dict) else value
    if isinstance(parts, list) and parts:
        return all(map(_is_open, parts))
    return value is None or value is Ellipsis


def has_form(value: Any, example: Any) -> bool:
    """Return whether `value` has the types and the nesting of `example`; lengths may differ.

    An int serves for a float, a tuple for a list; every element has the form of the example's
    first one.
    """
    match example:
        case bool():
            return isinstance(value, bool)
        case float() | int():
            wanted = int if isinstance(example, int) else (int, float)
            return isinstance(value, wanted) and not isinstance(value, bool)
        case list() | tuple():
            return isinstance(value, list | tuple) and all(
                has_form(item, example[0]) for item in value if example
            )
        case dict():
            return (
                isinstance(value, dict)
                and value.keys() == example.keys()
                and all(has_form(value[key], example[key]) for key in example)
            )
    return isinstance(value, type(example))


def _display(report: Report) -> None:
    from IPython.display import display  # slow to import, and only a notebook needs it

    display(report)
