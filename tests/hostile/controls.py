"""The set-ups in which attacks succeed: each without the one defence that they aim at.

A control returns whether the attack succeeded in it. `Weak` controls run it in a sandbox from
weaker.py; the others take a check out of the grader, or are graders as people first write them:
one that compares in the student's process, one that believes an exit code, one process for all.
"""

import json
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from torch import nn

from autograder import grading, judge, running, submission, variants
from autograder import session as session_module
from autograder.course_folder import CourseFolder
from autograder.errors import WorkerError
from autograder.exercise import Exercise
from autograder.exercises import find
from autograder.judge import Task
from autograder.running import Code
from autograder.sandbox import ChildEnded, Sandbox
from autograder.sandbox import child as child_module
from autograder.session import Session
from autograder.submission import RunCell
from autograder.worker import Worker
from course import compare, values
from course.outcome import RAISED, Outcome
from tests.hostile import batch, weaker
from tests.hostile.attack import Attack, filled
from tests.hostile.weaker import AREAS, BOXES

HIDDEN_TEST = f"""
boxes = torch.tensor({BOXES.tolist()})
expected = torch.tensor({AREAS.tolist()})
got = box_area(boxes)
"""
# How an instructor may compare, in a cell that runs after the student's.
COMPARISONS = {
    "": "assert torch.equal(got, expected)",
    "equal": "assert torch.equal(got, expected)",
    "equals": "assert (got == expected).all()",
    "equals_list": "assert got == expected.tolist()",
    "tolist": "assert got.tolist() == expected.tolist()",
    "numpy": "import numpy as np\nassert np.allclose(got, expected.numpy())",
    "builtins": "assert all(abs(a - b) < 1e-6 for a, b in zip(got.tolist(), expected.tolist()))",
    "not_greater": "assert not ((got - expected).abs() > 1e-6).any()",
    "all_equal": "assert all(a == b for a, b in zip(got, expected))",
    "length_only": "assert len(got) == len(expected)",
    "set_tolerance": "assert ((got - expected).abs() < globals().get('TOLERANCE', 1e-6)).all()",
    "trusts_a_claim": "assert got['passed'] if isinstance(got, dict) else torch.equal(got, expected)",
    "course": "from course import compare\nfrom course.outcome import VALUE, Outcome\n"
    "assert not compare.difference(Outcome(VALUE, got), Outcome(VALUE, expected), compare.CLOSE)",
    "json_verdict": "import json\n"
    "told = json.loads(json.dumps({'passed': bool(torch.equal(got, expected))}))\n"
    "print('VERDICT', 'passed' if told['passed'] else 'failed')",
    "verdict_in_reply": "print('VERDICT', 'passed' if torch.equal(got, expected) else 'failed')",
}
LIVE = re.compile(
    r"<(script|img|svg|iframe|object|embed)|javascript:|vbscript:|onerror|\x1b|\x9b|^=", re.M | re.I
)


@dataclass(frozen=True)
class Place:
    """What a control works with: a weak sandbox where it asks for one, a whole worker, a course."""

    sandbox: Sandbox
    worker: Worker
    course: CourseFolder
    places: Mapping[str, str]
    patch: pytest.MonkeyPatch

    def session(self) -> Session:
        """Return a process of the whole sandbox."""
        return self.worker.session()

    def sources(self, attack: Attack) -> list[str]:
        """Return an attack's code."""
        return [filled(text, self.places) for text in attack.sources()]

    def called(self, attack: Attack) -> Outcome:
        """Return what the grader takes for the outcome of one call."""
        with self.session() as session:
            weaker.run_cells(session, self.sources(attack))
            return session.subject("box_area").call([BOXES])


Control = Callable[[Attack, Place], bool]


def weak(attack: Attack, place: Place) -> bool:
    """The sandbox has the weakness of the control's name."""
    return weaker.prevails(place.sandbox, attack, place.places)


def no_limits(attack: Attack, place: Place) -> bool:
    """It may have as many processes as it likes, and pages that they share count for each."""
    place.patch.setattr(child_module, "MAX_MEMORY", 1 << 60)
    return weak(attack, place)


def one_process(attack: Attack, place: Place) -> bool:
    """Two submissions run in one process, one after the other."""
    return weaker.prevails(place.worker.sandbox, attack, place.places, same=True)


def naive(attack: Attack, place: Place) -> bool:
    """A cell with hidden tests runs after the student's cells, in their process."""
    test = COMPARISONS[attack.option]
    with place.session() as session:
        weaker.run_cells(session, place.sources(attack))
        result = session.run(HIDDEN_TEST + test)
    if "VERDICT" in test:
        return "VERDICT passed" in "".join(text for _, text in result.outputs)
    return not result.error


def public_cases(attack: Attack, place: Place) -> bool:
    """What is graded are the public cases."""
    exercise = find("box_area")[1]
    assert isinstance(exercise, Exercise)
    tasks = [Task(exercise, 1.0, variants.public_cases(exercise))]
    cells = [RunCell(text, i) for i, text in enumerate(place.sources(attack))]
    judged, _ = judge.judge(place.worker, cells, tasks)
    return judged[0].verdict.score == 1.0


def own_checks(attack: Attack, place: Place) -> bool:
    """The check cells that were handed in decide, with the points that they carry."""
    assert not _all_points(replace(attack, change=None), place)
    return _all_points(attack, place)


def _all_points(attack: Attack, place: Place) -> bool:
    """Return whether the checks of a submission are content, or give more than there is."""
    assignment = batch.ASSIGNMENT
    path = place.course.root / "release" / assignment / f"{assignment}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    graded = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if _graded(c)}
    check = graded.pop("check_box_area")
    check.source = HIDDEN_TEST + COMPARISONS["equal"]
    notebook.cells = [cell for cell in notebook.cells if cell not in graded.values()]
    found: dict[str, tuple[bool, float]] = {}
    with place.session() as session:
        for cell in attack.notebook(notebook, place.places).cells:
            if cell.cell_type != "code":
                continue
            passed = not session.run(cell.source).error
            if _graded(cell):
                marks = cell.metadata.nbgrader
                found.setdefault(marks.grade_id, (passed, marks.points))
    given = sum(points for passed, points in found.values() if passed)
    return all(passed for passed, _ in found.values()) or given > check.metadata.nbgrader.points


def _graded(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


# --- the reader of messages, with a check taken out


def naive_load(data: bytes) -> Any:
    """Read a message with Python's json as it is."""
    length = int.from_bytes(data[:4], "big")
    return _plain(json.loads(data[4 : 4 + length]))


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict) and "dict" in tree:
        return {key: _plain(item) for key, item in tree["dict"].items()}
    return tree


def old_public_function(name: str) -> Any:
    """Return any attribute of any module below the course."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules[module], attribute)


def reader(attack: Attack, place: Place) -> bool:
    """One check is missing where messages are read: the grader believes it, or falls over it."""
    match attack.option:
        case "load":
            place.patch.setattr(session_module, "load", naive_load)
        case "word":
            place.patch.setattr(session_module, "_word", lambda value: value)
        case "id":
            equal = lambda self, reply: bool(reply.get("id") == self._number)  # noqa: E731
            place.patch.setattr(Session, "_is_answer", equal)
        case "kind":
            place.patch.setattr(session_module, "_text", lambda value: value)
    try:
        place.called(attack)
    except ChildEnded:
        return False
    except Exception:  # the batch would have ended here
        return True
    return True


def function_names(attack: Attack, place: Place) -> bool:
    """Any attribute of the course's modules crosses."""
    place.patch.setattr(values, "_public_function", old_public_function)
    return place.called(attack).value is sys.modules["linecache"]


def no_silence(attack: Attack, place: Place) -> bool:
    """Nobody listens before asking."""
    place.patch.setattr(child_module.Child, "expect_silence", lambda self: None)
    with place.session() as session:
        weaker.run_cells(session, [*place.sources(attack)[:1], "def box_area(boxes): return boxes"])
        session.run(place.sources(attack)[1])
        time.sleep(0.5)  # its thread has written by then
        return session.subject("box_area").call([BOXES]).value is True


def frame_length(attack: Attack, place: Place) -> bool:
    """A message may be as long as it says."""
    place.patch.setattr(child_module, "MAX_FRAME", 1 << 40)
    place.patch.setattr(session_module, "CALL", session_module.Limits(cpu=8, wall=4))
    with place.session() as session:
        weaker.run_cells(session, place.sources(attack))
        try:
            session.subject("box_area").call([BOXES])
        except ChildEnded:
            return len(session._child._received) > 64 << 20
    return False


def big_frame(attack: Attack, place: Place) -> bool:
    """A message may be as long as it says, and memory is not watched."""
    place.patch.setattr(child_module, "MAX_FRAME", 1 << 40)
    place.patch.setattr(child_module, "MAX_MEMORY", 1 << 60)
    outcome = place.called(attack)
    return isinstance(outcome.value, torch.Tensor) and outcome.value.numel() == 5 * 10**7


def text_length(attack: Attack, place: Place) -> bool:
    """Texts are cut nowhere."""
    place.patch.setattr(child_module, "MAX_FRAME", 1 << 40)
    with Session(place.sandbox.spawn()) as session:
        weaker.run_cells(session, place.sources(attack))
        value = session.subject("box_area").call([BOXES]).value
    return isinstance(value, str) and len(value) > values.MAX_TEXT


def hollow_layers(attack: Attack, place: Place) -> bool:
    """A layer is made with its weights, whatever is sent of them."""
    made: list[int] = []

    def remember(tensor: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        made.append(tensor.numel() if tensor.device.type == "cpu" else 0)
        return tensor

    place.patch.setattr(nn.init, "kaiming_uniform_", remember)
    place.patch.setattr(values, "WITHOUT_MEMORY", torch.device("cpu"))
    with pytest.raises(ChildEnded):
        place.called(attack)
    return max(made) == 30_000 * 30_000


def many_parts(attack: Attack, place: Place) -> bool:
    """Parts are not counted before they are read."""
    read: list[int] = []

    def remember(text: bytes, **named: Any) -> Any:
        read.append(len(text))
        return json.loads(text, **named) if len(text) < 1 << 20 else 1 / 0

    place.patch.setattr(values, "json", type("json", (), {"loads": remember, "dumps": json.dumps}))
    place.patch.setattr(values, "count_parts", lambda text: 0)
    with pytest.raises(ChildEnded):
        place.called(attack)
    return max(read) > 50 << 20


def busy_clock(attack: Attack, place: Place) -> bool:
    """The clocks are looked at only when nothing comes in for long."""
    place.patch.setattr(child_module, "TICK", 3600.0)
    place.patch.setattr(session_module, "CALL", session_module.Limits(cpu=9, wall=0.2))
    with place.session() as session:
        weaker.run_cells(session, place.sources(attack))

        def call() -> None:
            with pytest.raises((ChildEnded, OSError, ValueError)):
                session.subject("box_area").call([BOXES])

        waiting = threading.Thread(target=call)
        waiting.start()
        waiting.join(2.0)
        late = waiting.is_alive()
        signal.pidfd_send_signal(session._child.pidfd, signal.SIGKILL)  # which ends the wait
        waiting.join()
    return late


# --- answers in the student's place


class Everything:
    """A set that has all."""

    def __contains__(self, name: str) -> bool:
        return True


def tasks_with(*names: str) -> list[Task]:
    """Return exercises with hidden cases of their own."""
    found = []
    for name in names:
        exercise = find(name)[1]
        assert isinstance(exercise, Exercise)
        cases = variants.draw(exercise, np.random.default_rng(3))
        found.append(Task(exercise, 1.0, cases))
    return found


def asked_for_anything(attack: Attack, place: Place) -> bool:
    """Whatever is asked for is answered."""
    answering = Session.replace

    def answering_all(self: Session, names: Sequence[str], answer: Any) -> None:
        answering(self, names, answer)
        self._answered = Everything()  # type: ignore[assignment]

    place.patch.setattr(Session, "replace", answering_all)
    cells = [RunCell(text, i) for i, text in enumerate(place.sources(attack))]
    judged, _ = judge.judge(place.worker, cells, tasks_with("box_area", "box_iou", "nms"))
    return [one.verdict.score for one in judged] == [0.0, 1.0, 1.0]


def asked_too_much(attack: Attack, place: Place) -> bool:
    """Arguments of any size are answered."""
    sizes: list[int] = []
    real = find("box_area")
    exercise = real[1]
    assert isinstance(exercise, Exercise)

    def remember(name: str) -> Any:
        def reference(boxes: torch.Tensor) -> torch.Tensor:
            sizes.append(boxes.numel())
            return boxes[:, 0]

        return real[0], replace(exercise, reference=reference)

    place.patch.setattr(running, "find", remember)
    place.patch.setattr(running, "MAX_ASKED", 1 << 60)
    place.patch.setattr(running, "MAX_WORK", 1e60)
    cells = [RunCell(text, i) for i, text in enumerate(place.sources(attack))]
    judge.judge(place.worker, cells, tasks_with("box_area", "box_iou"))
    return max(sizes, default=0) > 5_000


# --- what is compared and shown


def largest(attack: Attack, place: Place) -> bool:
    """Whole numbers of any size are written as floats."""
    place.patch.setattr(compare, "LARGEST", float("inf"))
    cells = [RunCell(text, i) for i, text in enumerate(place.sources(attack))]
    try:
        judge.judge(place.worker, cells, [Task(find("kept_counts")[1], 1.0)])  # type: ignore[arg-type]
    except WorkerError as error:
        return isinstance(error.__cause__, OverflowError)
    return False


def shown_whole(attack: Attack, place: Place) -> bool:
    """A value that is wrong is printed whole, to be cut then."""
    printed: list[int] = []
    place.patch.setattr(compare, "_got", lambda value: f"got {value!r}"[:120])
    place.patch.setattr(torch.Tensor, "__repr__", lambda tensor: printed.append(1) or "tensor")
    cells = [RunCell(text, i) for i, text in enumerate(place.sources(attack))]
    judge.judge(place.worker, cells, tasks_with("box_area"))
    return len(printed) >= 5_000


def shown_cells(attack: Attack, place: Place) -> list[tuple[tuple[str, str], ...]]:
    """Return what each cell of an attack displays in a sandbox."""
    with Session(place.sandbox.spawn()) as session:
        return [session.run(text).outputs for text in place.sources(attack) if text]


def long_output(attack: Attack, place: Place) -> bool:
    """Output is cut nowhere."""
    place.patch.setattr(session_module, "MAX_OUTPUT_TEXT", 10**9)
    shown = [text for cell in shown_cells(attack, place) for _, text in cell]
    return max(map(len, shown)) > 500_000


def many_outputs(attack: Attack, place: Place) -> bool:
    """Outputs are not counted."""
    place.patch.setattr(session_module, "MAX_OUTPUTS", 10**9)
    return max(map(len, shown_cells(attack, place))) > 100


def much_in_all(attack: Attack, place: Place) -> bool:
    """What all cells show together is not counted."""
    place.patch.setattr(running, "MAX_SHOWN", 1 << 60)
    notebook = attack.notebook(
        nbformat.reads(batch.release_of(place.course).decode(), as_version=4), place.places
    )
    texts = [cell.source for cell in notebook.cells if "'A' * 3_000_000" in cell.source]
    code = Code(place.worker, [RunCell(text, i) for i, text in enumerate(texts)])
    code.session()
    code.discard()
    return sum(len(text) for run in code.runs() for _, text in run.outputs) > 25_000_000


def raw_page(attack: Attack, place: Place) -> bool:
    """What was written, printed and raised goes into a page, a terminal and a table as it is."""
    place.patch.setattr(session_module, "_clean", lambda value, length: value if value else "")
    place.patch.setattr(session_module, "_word", lambda value: value if value else "")
    place.patch.setattr(session_module, "BASE64", re.compile(".*", re.DOTALL))
    released = nbformat.reads(batch.release_of(place.course).decode(), as_version=4)
    notebook = attack.notebook(released, place.places)
    folder = Path(place.course.root) / "files"
    folder.mkdir(exist_ok=True)
    (folder / "03_nms.ipynb").touch()
    if attack.place:
        attack.place(folder)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    texts += [json.dumps(cell.get("attachments", {})) for cell in notebook.cells]
    texts += [path.name for path in folder.iterdir()]
    texts += [str(notebook.metadata.get(key, {})) for key in ("kernelspec", "title")]
    texts += [notebook.metadata["course"]["release"]]
    released_texts = {cell.source for cell in released.cells}
    with place.session() as session:
        for source in place.sources(attack)[1:]:
            result = session.run(source)
            texts += [result.error, result.text, result.missing]
            texts += [text for _, text in result.outputs]
        outcome = session.subject("box_area").call([BOXES])
        texts += [outcome.detail if outcome.kind == RAISED else ""]
    for path in folder.iterdir():
        path.unlink()
    return any(LIVE.search(text) for text in texts if text not in released_texts)


# --- time, ends, links


def alarm_inside(attack: Attack, place: Place) -> bool:
    """An alarm in the student's own process is to stop it: it goes on until the one outside."""
    place.patch.setattr(session_module, "CELL", session_module.Limits(cpu=2, wall=2))
    alarm = "import signal\ndef stop(*_): raise TimeoutError\nsignal.signal(signal.SIGALRM, stop)\n"
    with place.session() as session:
        try:
            ended = session.run(f"{alarm}signal.setitimer(signal.ITIMER_REAL, 0.3)\n{attack.first}")
        except ChildEnded as error:
            return error.kind == child_module.TOO_LONG
    return ended.error != "TimeoutError"


def no_deadline(attack: Attack, place: Place) -> bool:
    """Each cell has its time, and a submission has as many as it likes."""
    place.patch.setattr(running, "SUBMISSION_SECONDS", 1e9)
    code = Code(place.worker, [RunCell("import time; time.sleep(0.5)", i) for i in range(4)])
    code.session()
    code.discard()
    return len(code.results) == 4 and not code.fatal


def slow_pattern(attack: Attack, place: Place) -> bool:
    """The pattern may begin its search on any line and go on over all others."""
    search = rf're.search(r"^\s*class Mine\b", "\n" * {attack.first.count(chr(10))}, re.M)'
    return python(f"import re\n{search}").returncode == -signal.SIGKILL


def much_code(attack: Attack, place: Place) -> bool:
    """Code of any length is parsed."""
    place.patch.setattr(submission, "MAX_CODE", 1 << 60)
    released = nbformat.reads(batch.release_of(place.course).decode(), as_version=4)
    data = json.dumps(attack.notebook(released, place.places)).encode()
    return sum(map(len, submission.parse(data).sources())) > 1_000_000


def parts_of_a_file(attack: Attack, place: Place) -> bool:
    """The parts of a file are not counted."""
    place.patch.setattr("autograder.notebook_json.MAX_PARTS", 1 << 60)
    (student,) = batch.hand_in_attack(place.course, attack, place.places)
    read = grading.read_submission(place.course, batch.ASSIGNMENT, student)
    return read.notebook is not None


def no_memory_watch(attack: Attack, place: Place) -> bool:
    """Nobody looks at how much memory its processes have."""
    place.patch.setattr(child_module, "MAX_MEMORY", 1 << 60)
    return weaker.prevails(place.worker.sandbox, attack, place.places)


def python(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of Python's alone: two seconds of computing, a gigabyte of memory."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True, text=True, timeout=60, preexec_fn=limits,
    )  # fmt: skip


SEVERAL = """
import sys
results = {{}}
for number, source in enumerate({sources!r}):
    try:
        space = {{}}
        exec(source, space)
        results[number] = space["box_area"]([[0, 0, 2, 3]]) == [6]
    except Exception:
        results[number] = False
print("DONE", results)
"""


def script(attack: Attack, place: Place) -> bool:
    """A program runs the answer and its test: exit code 0 is a pass, or one program for all."""
    source = attack.cells["box_area"]
    if attack.option == "status":
        ended = python(f"{source}\nassert box_area([[0, 0, 2, 3]]) == [6]")
        return ended.returncode == 0
    honest = "def box_area(boxes): return [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]"
    assert "DONE {0: True, 1: True}" in python(SEVERAL.format(sources=[honest, honest])).stdout
    return "DONE" not in python(SEVERAL.format(sources=[source, honest])).stdout


def kills(attack: Attack, place: Place) -> bool:
    """Submissions share a pid namespace, which is still not this machine's, or a process group."""
    with Session(place.sandbox.spawn()) as other, Session(place.sandbox.spawn()) as session:
        assert other.run("x = 1").error == ""
        with pytest.raises(ChildEnded):
            session.run(attack.first)
        try:
            other.run("x = 2")
        except ChildEnded:
            return True
    return False


def follows_links(attack: Attack, place: Place) -> bool:
    """Files are read by their names, whatever they are."""
    course = place.course
    place.patch.setattr("autograder.find_notebook.read_file", lambda path: path.read_bytes())
    place.patch.setattr(Path, "is_symlink", lambda path: False)
    if not (course.root / "submitted" / "honest_right").exists():
        batch.hand_in_honest(course)
    (student,) = batch.hand_in_attack(course, attack, place.places)
    read: list[bytes | None] = []

    def look() -> None:
        read.append(grading.read_submission(course, batch.ASSIGNMENT, student).data)

    reading = threading.Thread(target=look)
    reading.start()
    reading.join(1.0)
    if reading.is_alive():  # it waits for somebody who writes: let it go
        with (course.root / "submitted" / student / "03_nms" / "03_nms.ipynb").open("wb") as pipe:
            pipe.write(b"{}")
        reading.join()
        return attack.name == "pipe_for_a_notebook"
    right = course.root / "submitted" / "honest_right" / "03_nms" / "03_nms.ipynb"
    books = (course.root / "gradebook.db").read_bytes()[:6]
    data = read[0] or b""
    return data == right.read_bytes() or data[:6] == books


CONTROLS: dict[str, Control] = {
    **{name: weak for name in weaker.WEAKNESSES},
    "no_limits": no_limits,
    "one_process": one_process,
    "naive": naive,
    "own_checks": own_checks,
    "public_cases": public_cases,
    "reader": reader,
    "function_names": function_names,
    "no_silence": no_silence,
    "frame_length": frame_length,
    "big_frame": big_frame,
    "text_length": text_length,
    "hollow_layers": hollow_layers,
    "many_parts": many_parts,
    "busy_clock": busy_clock,
    "asked_for_anything": asked_for_anything,
    "asked_too_much": asked_too_much,
    "largest": largest,
    "shown_whole": shown_whole,
    "long_output": long_output,
    "many_outputs": many_outputs,
    "many_figures": many_outputs,
    "much_in_all": much_in_all,
    "not_cleaned": raw_page,
    "alarm_inside": alarm_inside,
    "no_deadline": no_deadline,
    "slow_pattern": slow_pattern,
    "much_code": much_code,
    "parts_of_a_file": parts_of_a_file,
    "no_memory_watch": no_memory_watch,
    "script": script,
    "kills": kills,
    "kills_its_group": kills,
    "follows_links": follows_links,
}
WEAK_OF = {  # which sandbox, where not ""
    "kills": "shared_pids",
    "kills_its_group": "shared_group",
    "many_figures": "many_figures",
}
