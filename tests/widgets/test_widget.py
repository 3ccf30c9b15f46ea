"""A widget in the kernel: which functions it asks, when, and what it says when something is wrong."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from autograder.exercises import topics
from autograder.reference import mistakes_of, reference_of
from autograder.variants import public_cases
from course import widgets
from course.widgets import base, budget, calling
from course.widgets.budget import OutOfTime, until
from course.widgets.calling import Calls, Trouble

# The end of a budget may come within a callback of the garbage collector that a test tool set; it
# is ignored there, and the next one is not.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

box_iou = reference_of("box_iou")
nothing_yet = None  # a variable that is None, as an open question's
BOXES = torch.tensor([[0.0, 0.0, 10.0, 10.0]])


def asked(widget, **more):
    """Ask as a browser does; return the answer."""
    widget.asked = {"seq": widget.asked.get("seq", 0) + 1, **more}
    return widget.answer


@pytest.fixture
def renamed(monkeypatch):
    """Give this module's `box_iou` another meaning, as a cell that is run again does."""
    return lambda function: monkeypatch.setitem(globals(), "box_iou", function)


def test_a_function_is_looked_up_by_its_name_at_every_call(renamed):
    widget = widgets.IoU(box_iou)
    assert asked(widget)["shown"]["iou"] == pytest.approx(0.2)
    renamed(lambda a, b: torch.ones(len(a), len(b), dtype=a.dtype))
    assert asked(widget)["shown"]["iou"] == 1


def test_a_function_without_a_name_is_kept():
    widget = widgets.IoU(lambda a, b: torch.zeros(len(a), len(b), dtype=a.dtype))
    assert asked(widget)["shown"]["iou"] == 0


def test_a_function_that_is_left_out_is_waited_for_whatever_else_is_none():
    assert nothing_yet is None
    widget = widgets.NMS(reference_of("nms"), box_iou, None)
    assert widget._find()["nms_per_class"] is None
    widget.state = {**widget.state, "per_class": True}
    assert asked(widget)["trouble"]["text"] == "Waiting for `nms_per_class`: pass it to the widget."


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="box_iou must be a function, got 3"):
        widgets.IoU(3)
    with pytest.raises(TypeError, match=r"takes 1 functions \(box_iou\), got 2"):
        widgets.IoU(box_iou, box_iou)


def test_nobody_waits_for_matplotlib_before_something_is_drawn():
    code = "import sys, course.draw, course.widgets; print('matplotlib' in sys.modules)"
    code += "; course.draw.boxes; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"


def test_nothing_is_called_before_somebody_asks():
    calls = []
    widget = widgets.IoU(lambda a, b: calls.append(1))
    assert calls == []
    asked(widget)
    assert calls == [1]


def test_a_state_is_given_read_and_restored():
    state = {"a": [0.0, 0.0, 10.0, 10.0], "b": [5.0, 0.0, 15.0, 10.0]}
    widget = widgets.IoU(box_iou, state=state)
    assert widget.state == state
    assert asked(widget)["shown"]["iou"] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match=r"a must be \[x1, y1, x2, y2\] with x1 <= x2"):
        widgets.IoU(box_iou, state={"a": [5.0, 0.0, 0.0, 10.0]})


def test_a_pasted_state_that_does_not_fit_is_told_and_one_that_fits_adopted():
    widget = widgets.IoU(box_iou)
    assert asked(widget, put={"c": 1})["trouble"]["kind"] == "state"
    put = {"a": [0, 0, 10, 10], "b": [0, 0, 10, 10]}
    answer = asked(widget, put=put)
    assert answer["found"]["state"] == put
    assert answer["shown"]["iou"] == 1


def test_a_disagreement_is_found_and_searched_for_once(renamed):
    mistake = next(
        known for known in mistakes_of("box_iou").values() if "counted twice" in known.sentence
    )
    renamed(mistake.function)
    widget = widgets.IoU(box_iou, reference={"box_iou": reference_of("box_iou")})
    answer = asked(widget, search=1, overlay=True)
    assert answer["found"]["text"] == "Here the two differ."
    assert base.differs(answer["shown"], answer["reference"])
    widget._answer()  # as after a cell that was run again
    assert "found" not in widget.answer
    renamed(reference_of("box_iou"))
    answer = asked(widget, search=2, overlay=True)
    assert answer["found"]["text"].startswith("No difference on")


def test_a_lecturer_shows_a_known_mistake_in_the_reference_s_place():
    right = reference_of("box_iou")
    mistakes = mistakes_of("box_iou")
    widget = widgets.IoU(right, reference={"box_iou": right}, mistakes=mistakes)
    label = "box_iou: plus one pixel"
    assert widget.setup["mistakes"][label] == mistakes[label].sentence
    answer = asked(widget, mistake=label, overlay=True)
    assert answer["shown"]["iou"] != pytest.approx(answer["reference"]["iou"])
    assert asked(widget)["shown"]["iou"] == pytest.approx(0.2)


def cases_in(folder: Path, monkeypatch) -> None:
    exercise = next(e for e in topics()["03_nms"].exercises if e.name == "box_iou")
    (folder / "cases").mkdir()
    (folder / "cases" / "box_iou.cases").write_bytes(public_cases(exercise).to_bytes())
    monkeypatch.chdir(folder)


def test_without_a_reference_the_public_cases_serve(tmp_path, monkeypatch):
    cases_in(tmp_path, monkeypatch)
    wrong = next(k for k in mistakes_of("box_iou").values() if "counted twice" in k.sentence)
    widget = widgets.IoU(wrong.function, reference={})
    found = asked(widget, search=1)["found"]
    assert found["text"].startswith('A public case of "')
    assert set(found["state"]) == {"a", "b"}
    right = widgets.IoU(box_iou, reference={})
    assert asked(right, search=1)["found"]["text"] == "All public cases of box_iou pass."


def test_endless_code_is_stopped_in_the_public_cases_too(tmp_path, monkeypatch):
    cases_in(tmp_path, monkeypatch)
    monkeypatch.setattr(base, "SEARCH_SECONDS", 0.2)
    monkeypatch.setattr(calling, "SECONDS", 0.2)

    def endless(a, b):
        while True:
            pass

    answer = asked(widgets.IoU(endless, reference={}), search=1)
    assert answer["found"]["text"] == "The public cases did not end within 0.2 seconds."


def test_missing_public_cases_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = asked(widgets.IoU(box_iou, reference={}), search=1)
    assert answer["found"]["text"] == "The public cases of box_iou are not beside this notebook."


def test_a_fault_of_the_figure_is_told_as_one(monkeypatch):
    def broken(cls, calls, state):
        raise KeyError("nonsense")

    monkeypatch.setattr(widgets.IoU, "compute", classmethod(broken))
    widget = widgets.IoU(box_iou)
    assert asked(widget)["trouble"] == {
        "kind": "figure",
        "text": "the figure itself fails here (KeyError: 'nonsense'): tell us.",
        "line": "",
    }
    data, _ = widget._repr_mimebundle_()
    assert "image/png" not in data


def test_a_page_without_a_kernel_has_a_picture_and_a_sentence(monkeypatch):
    data, _ = widgets.IoU(box_iou)._repr_mimebundle_()
    assert data["text/plain"].endswith("box_iou gives 0.200.")
    assert data["image/png"].startswith(b"\x89PNG")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    data, _ = widgets.IoU(box_iou)._repr_mimebundle_()
    assert "image/png" not in data


def test_what_is_printed_is_kept_for_the_figure(capsys):
    def talking(a, b):
        print("looking at", len(b))
        return box_iou(a, b)

    assert "looking at 2" in asked(widgets.IoU(talking))["printed"]
    assert capsys.readouterr().out == ""


def swallowing(*arguments):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.001)
        except:  # noqa: E722
            pass


@pytest.mark.parametrize("in_main", [True, False], ids=["main thread", "another thread"])
def test_an_endless_loop_is_stopped_in_every_thread_even_one_that_swallows_it(in_main):
    told = []

    def call():
        try:
            Calls({"f": swallowing}, seconds=0.1).f(BOXES)
        except Trouble as trouble:
            told.append(trouble)

    if in_main:
        call()
    else:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join(10)
    assert told[0].kind == "endless"
    assert told[0].text == "`f` did not finish within 0.1 seconds and was stopped."
    assert "of swallowing: " in told[0].line
    time.sleep(0.2)  # nothing is raised afterwards


def test_a_block_that_ends_in_time_is_left_alone():
    with until(time.monotonic() + 0.05):
        pass
    time.sleep(0.2)


def test_a_block_within_a_block_keeps_the_earlier_end():
    def endless():
        with until(time.monotonic() + 0.1):
            with until(time.monotonic() + 60):
                pass
            with until(time.monotonic() + 60):
                while True:
                    pass

    start = time.monotonic()
    with pytest.raises(OutOfTime):
        endless()
    assert time.monotonic() - start < 30


def test_a_block_that_does_not_end_is_left():
    def endless():
        with until(time.monotonic() + 0.05):
            while True:
                pass

    with pytest.raises(OutOfTime):
        endless()


def test_a_block_is_left_though_what_runs_in_it_swallows_its_end():
    tracing, block = sys.gettrace(), until(time.monotonic() + 0.05)
    with pytest.raises(OutOfTime), block:  # held, so that nothing else leaves it
        swallowing()
    assert sys.gettrace() is tracing
    assert not budget._WATCH.watches(threading.get_ident())
    assert budget._OPENERS == []


STOPPED_THEN_TRACED = """
import sys, time
from course.widgets.budget import OutOfTime, until
with until(time.monotonic() + 60):
    pass
try:
    with until(time.monotonic() + 0.05):
        while True:
            pass
except OutOfTime:
    print("stopped")
sys.setprofile(lambda *arguments: None)
(lambda: None)()
print("profiled")
"""


def test_python_can_be_profiled_and_debugged_after_a_block():
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_THEN_TRACED], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "stopped\nprofiled\n", done.stderr


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        (lambda x: 1 / 0, "raised", "`f` raised ZeroDivisionError: division by zero"),
        (lambda x: None, "none", "`f` returned None: is its `return` missing?"),
        (lambda x: x.add_(1), "changed", "`f` changed its input (argument 1): work on a copy."),
        (lambda x: exit(3), "raised", "`f` raised SystemExit: 3"),
        (lambda: 1, "raised", "positional argument"),
    ],
)
def test_what_goes_wrong_is_said_in_the_function_s_words(function, kind, text):
    with pytest.raises(Trouble) as caught:
        Calls({"f": function}).f(BOXES)
    assert caught.value.kind == kind
    assert text in caught.value.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1], "`f` must return a tensor [1, M], got list."),
        (torch.zeros(2, 2), "`f` must return the shape [1, M], got [2, 2]."),
        (torch.zeros(1, 2).double(), "`f` must return float32, as its input is, got float64."),
        (torch.tensor([[float("nan")]]), "`f` returned NaN (not a number)."),
    ],
)
def test_a_result_of_another_kind_is_said_to_be_one(value, text):
    with pytest.raises(Trouble) as caught:
        calling.tensor("f", value, (1, "M"), BOXES)
    assert caught.value.text == text
