"""Odd submissions of 03_nms, and what a fair instructor makes of each.

All start from a right notebook worth 14 of 14 points. A right answer loses nothing to noise; a file
that cannot be read has no score, because a person must look; what can be read counts as it stands.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from autograder.demo import nms_answers as answers

ASSIGNMENT = "03_nms"
FILE = f"{ASSIGNMENT}.ipynb"
EXERCISES = ("box_area", "box_iou", "nms", "nms_per_class", "soft_nms")
QUESTIONS = ("kept_by_hand", "kept_counts")
Json = dict[str, Any]


@dataclass(frozen=True)
class Kit:
    """What odd submissions are made of: the released notebook, the right one, a classmate's folder."""

    released: Json
    right: Json
    classmate: Path


Make = Callable[[Path, Kit], None]


@dataclass(frozen=True)
class Odd:
    """One submission: how its folder is filled, what the grader must make of it, and why.

    `unread` is in the reason of one that has no score. Else all is right but for `fails` and
    `doubtful` (could not run), which map an exercise to what its message says; `note` is in the
    record's notes, and `waiting` the number of written answers for a person.
    """

    student: str
    make: Make
    why: str
    unread: str = ""
    fails: dict[str, str] = field(default_factory=dict)
    doubtful: dict[str, str] = field(default_factory=dict)
    note: str = ""
    waiting: int = 1


def named(cell: Json) -> str:
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")


def cell_of(notebook: Json, name: str) -> Json:
    (cell,) = [cell for cell in notebook["cells"] if named(cell) == name]
    return cell


def place_of(notebook: Json, name: str) -> int:
    return notebook["cells"].index(cell_of(notebook, name))


def source_of(notebook: Json, name: str) -> str:
    return "".join(cell_of(notebook, name)["source"])


def code(source: str, **more: Any) -> Json:
    plain = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return {**plain, "source": source, **more}


def text(source: str) -> Json:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


# How a submission is made


def file(change: Callable[[str], str | bytes], name: str = FILE) -> Make:
    """Write the right notebook's text after a change."""

    def make(folder: Path, kit: Kit) -> None:
        changed = change(json.dumps(kit.right, indent=1, ensure_ascii=False))
        data = changed.encode() if isinstance(changed, str) else changed
        (folder / name).write_bytes(data)

    return make


def raw(data: bytes) -> Make:
    return file(lambda _: data)


def content(change: Callable[[Json], Any], name: str = FILE) -> Make:
    """Write the right notebook after a change of its JSON (in place)."""

    def make(folder: Path, kit: Kit) -> None:
        changed = deepcopy(kit.right)
        change(changed)
        (folder / name).write_text(json.dumps(changed))

    return make


def extra(*sources: str, last: bool = False) -> Make:
    """Add cells of the student's own, before all others or behind them."""

    def change(notebook: Json) -> None:
        own = [code(source) for source in sources]
        notebook["cells"] = notebook["cells"] + own if last else own + notebook["cells"]

    return content(change)


def answer(name: str, change: Callable[[str], str]) -> Make:
    """Change the text of an answer."""

    def edit(notebook: Json) -> None:
        cell_of(notebook, name)["source"] = change(source_of(notebook, name))

    return content(edit)


def both(*makes: Make) -> Make:
    def make(folder: Path, kit: Kit) -> None:
        for one in makes:
            one(folder, kit)

    return make


def copies(**names: str) -> Make:
    """Write several notebooks: file names (without ending) to `right` or `released`."""

    def make(folder: Path, kit: Kit) -> None:
        for name, which in names.items():
            held = kit.right if which == "right" else kit.released
            path = folder / f"{name}.ipynb"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(held))

    return make


def beside(name: str, data: bytes | str) -> Make:
    def make(folder: Path, kit: Kit) -> None:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)

    return make


RIGHT = content(lambda notebook: None)


def old_format(number: int) -> Make:
    """Write the right notebook as nbformat 3 has it, which is how 2 has it too."""

    def make(folder: Path, kit: Kit) -> None:
        node = nbformat.convert(nbformat.reads(json.dumps(kit.right), as_version=4), 3)
        (folder / FILE).write_text(json.dumps({**node, "nbformat": number}))

    return make


def zipped(_: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(FILE, "{}")
    return data.getvalue()


def conflict(whole: str) -> str:
    line = re.search(r"^.*def nms\(.*$", whole, re.MULTILINE)
    assert line
    return whole.replace(
        line.group(), f"<<<<<<< HEAD\n{line.group()}\n=======\n{line.group()}\n>>>>>>> laptop"
    )


def duplicate_keys(whole: str) -> str:
    return whole.replace('"nbformat": 4', '"nbformat": 3,\n "nbformat": 4')


def not_finite(notebook: Json) -> None:
    notebook["metadata"]["seen"] = [float("nan"), float("inf"), -float("inf")]


def only_answers(notebook: Json) -> None:
    kept = {*EXERCISES, *QUESTIONS, "why_not_lower"}
    notebook["cells"] = [cell for cell in notebook["cells"] if named(cell) in kept]


def doubled(notebook: Json) -> None:
    notebook["cells"] += deepcopy(notebook["cells"])


def reversed_order(notebook: Json) -> None:
    notebook["cells"].reverse()


def renamed(notebook: Json) -> None:
    for name in EXERCISES:
        cell_of(notebook, name)["metadata"]["nbgrader"]["grade_id"] = f"my-{name}"


def split(notebook: Json) -> None:
    """Cut a cell in two as JupyterLab does: both halves keep the metadata."""
    cell = cell_of(notebook, "nms")
    lines = source_of(notebook, "nms").splitlines(keepends=True)
    first = {**deepcopy(cell), "source": "import torch as tt\nTHRESHOLD = 0.5\n"}
    notebook["cells"].insert(place_of(notebook, "nms"), first)
    cell["source"] = "".join(lines)


def split_in_the_function(notebook: Json) -> None:
    cell, lines = cell_of(notebook, "nms"), source_of(notebook, "nms").splitlines(keepends=True)
    second = {**deepcopy(cell), "source": "".join(lines[3:])}
    notebook["cells"].insert(place_of(notebook, "nms") + 1, second)
    cell["source"] = "".join(lines[:3])


def merged(notebook: Json) -> None:
    """Merge an answer with the check below it: the first cell's metadata stay."""
    cell = cell_of(notebook, "nms")
    cell["source"] = f"{source_of(notebook, 'nms')}\n\n{source_of(notebook, 'check_nms')}"
    notebook["cells"].remove(cell_of(notebook, "check_nms"))


def in_the_check(notebook: Json) -> None:
    cell = cell_of(notebook, "check_nms")
    cell["source"] = f"{source_of(notebook, 'nms')}\n\n{source_of(notebook, 'check_nms')}"
    notebook["cells"].remove(cell_of(notebook, "nms"))


def in_a_locked_cell(notebook: Json) -> None:
    locked = next(
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"]["locked"]
    )
    locked["source"] = f"{''.join(locked['source'])}\n\n{source_of(notebook, 'box_area')}"
    notebook["cells"].remove(cell_of(notebook, "box_area"))


def typed(name: str, kind: Any) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        cell = cell_of(notebook, name)
        cell["cell_type"] = kind
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)

    return change


def cell_ids(make: Callable[[int], str | None]) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        for i, cell in enumerate(notebook["cells"]):
            cell.pop("id", None)
            if (one := make(i)) is not None:
                cell["id"] = one

    return change


def stripped(notebook: Json) -> None:
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def metadata_is_nothing(notebook: Json) -> None:
    for i, cell in enumerate(notebook["cells"]):
        cell["metadata"] = (None, [], "metadata")[i % 3]


def checks(source: str | None) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        for cell in [c for c in notebook["cells"] if named(c).startswith("check_")]:
            if source is None:
                notebook["cells"].remove(cell)
            else:
                cell["source"] = source

    return change


def locked_edited(notebook: Json) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"]["locked"]:
            cell["source"] = "raise RuntimeError('edited')"


def many_cells(count: int) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        notebook["cells"] += [code(f"x = {i}") for i in range(count - len(notebook["cells"]))]

    return change


def large_outputs(notebook: Json) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "a" * 30_000_000}
    cell_of(notebook, "nms")["outputs"] = [stream]


def of_size(size: int) -> Make:
    def make(folder: Path, kit: Kit) -> None:
        RIGHT(folder, kit)
        os.truncate(folder / FILE, size)

    return make


def source(name: str, value: Any) -> Make:
    return content(lambda notebook: cell_of(notebook, name).update(source=value))


def as_list_with_gaps(notebook: Json) -> None:
    lines = source_of(notebook, "nms").splitlines(keepends=True)
    cell_of(notebook, "nms")["source"] = [None, *lines, 7]


def outputs_are_nothing(notebook: Json) -> None:
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["outputs"] = (None, 7, "text", {})[i % 4]


def kernel(name: str, language: str) -> Callable[[Json], None]:
    def change(notebook: Json) -> None:
        spec = {"name": name, "display_name": name, "language": language}
        notebook["metadata"]["kernelspec"] = spec
        notebook["metadata"]["language_info"] = {"name": language}

    return change


def all_in_one(kit: Kit) -> Json:
    """All answers stand in the first cell; the stubs below are as they were given out."""
    notebook = deepcopy(kit.released)
    written = [source_of(kit.right, name) for name in (*EXERCISES, *QUESTIONS)]
    cell_of(notebook, "box_area")["source"] = "\n\n".join(written)
    words = cell_of(notebook, "why_not_lower")
    words["source"] = source_of(kit.right, "why_not_lower")
    return notebook


def in_one_cell(folder: Path, kit: Kit) -> None:
    (folder / FILE).write_text(json.dumps(all_in_one(kit)))


def stub_left(folder: Path, kit: Kit) -> None:
    """The answer in a cell above the stub, which stands below as it was given out."""
    notebook = deepcopy(kit.right)
    written = code(source_of(notebook, "nms"))
    cell_of(notebook, "nms")["source"] = source_of(kit.released, "nms")
    notebook["cells"].insert(place_of(notebook, "nms"), written)
    (folder / FILE).write_text(json.dumps(notebook))


def question_elsewhere(folder: Path, kit: Kit) -> None:
    notebook = deepcopy(kit.right)
    written = code(source_of(notebook, "kept_counts"))
    cell_of(notebook, "kept_counts")["source"] = source_of(kit.released, "kept_counts")
    notebook["cells"].insert(place_of(notebook, "kept_counts"), written)
    (folder / FILE).write_text(json.dumps(notebook))


def in_markdown(notebook: Json) -> None:
    index, written = place_of(notebook, "nms"), source_of(notebook, "nms")
    notebook["cells"][index : index + 1] = [text(f"My answer:\n\n{written}")]


def indented(source: str, head: str) -> str:
    return f"{head}\n" + "".join(f"    {line}\n" for line in source.splitlines())


def as_method(written: str) -> str:
    method = written.replace("def nms(boxes", "def nms(self, boxes")
    return indented(method, "class Boxes:") + "\nnms = Boxes().nms"


def as_object(written: str) -> str:
    called = written.replace("def nms(boxes", "def __call__(self, boxes")
    return indented(called, "class Nms:") + "\nnms = Nms()"


def linked(name: str) -> Make:
    def make(folder: Path, kit: Kit) -> None:
        (folder / name).symlink_to(kit.classmate / FILE)

    return make


def linked_folder(folder: Path, kit: Kit) -> None:
    folder.rmdir()
    folder.symlink_to(kit.classmate)


def giant(folder: Path, kit: Kit) -> None:
    with (folder / FILE).open("wb") as opened:
        opened.truncate(8 << 40)


def other_assignment(folder: Path, kit: Kit) -> None:
    notebook = deepcopy(kit.released)
    for cell in notebook["cells"]:
        metadata = cell["metadata"]["nbgrader"]
        metadata["grade_id"] = metadata["grade_id"].replace("nms", "average_precision")
    notebook["cells"] = [c for c in notebook["cells"] if "average_precision" in named(c)]
    for cell in notebook["cells"]:
        cell["source"] = "# of another assignment"
    (folder / FILE).write_text(json.dumps(notebook))


def another_course(notebook: Json) -> None:
    notebook["cells"] = [
        text("# Physics lab"),
        code("mass = 3"),
        code("def speed(t): return 9.81 * t"),
    ]


def timestamp(words: str) -> Make:
    return both(RIGHT, beside("timestamp.txt", words))


NOISE = (
    "import logging, sys, time, warnings\nimport matplotlib.pyplot as plt\n"
    "logging.basicConfig(level=0)\nlogging.error('logged')\nwarnings.warn('careful')",
    "for i in range(40):\n    plt.plot([0, i])\nplt.show()\ntime.sleep(0.2)",
    "print('a' * 3_000_000)\nprint('b' * 3_000_000, file=sys.stderr)",
    "from tqdm import tqdm\nfor i in tqdm(range(3)):\n    pass",
)
MAGICS = (
    "!ls\n!pip install torchvision\n%pip list",
    "%%bash\necho hello",
    "%load_ext autoreload\n%autoreload 2",
    "%matplotlib widget",
    "%cd /content\n%run helper.py\n%timeit 1 + 1",
    "%%capture held\nprint(1)",
    "%%writefile nms.py\nnms = None",
)
NOT_JSON = "the notebook is not valid JSON"
VERSION = "format must be version 4"
FULL = "The answers are right, and the noise does not touch them."

ODD = (
    # the bytes
    Odd("bom", file(lambda s: s.encode("utf-8-sig")), "A byte-order mark is an editor's habit."),
    Odd("utf16", file(lambda s: s.encode("utf-16")), "Its mark tells the encoding: it can be read."),
    Odd("latin1", file(lambda s: s.encode("latin-1", "replace").replace(b"right", b"r\xefght")),
        "A guess at letters is no reading.", unread="not written in UTF-8; save it again"),
    Odd("nuls", raw(bytes(5000)), "A crashed disk left zeros.", unread=NOT_JSON),
    Odd("crlf", file(lambda s: s.replace("\n", "\r\n")), "Windows ends lines so."),
    Odd("crlf_in_cells", content(lambda n: [c.update(source="".join(c["source"]).replace("\n", "\r\n")) for c in n["cells"]]),
        "The same inside of the cells, where untouched cells stay untouched."),
    Odd("surrogate", answer("nms", lambda s: f"# \ud800\n{s}"), "A comment is no part of the answer."),
    Odd("emoji", answer("nms", lambda s: f"# 😀 שלום עולם\n{s}"), FULL),
    Odd("nul_in_cell", answer("nms", lambda s: f"# \0\n{s}"), "Nobody types a NUL: it is damage that can be seen through."),
    # the version
    Odd("v3", old_format(3), "Old Jupyter wrote it; the content is all there."),
    Odd("v2", old_format(2), "Older still."),
    Odd("v4_0", content(lambda n: (n.update(nbformat_minor=0), cell_ids(lambda i: None)(n))), "Before cells had ids."),
    Odd("v4_99", content(lambda n: n.update(nbformat_minor=99)), "A minor version adds, it does not change."),
    Odd("version_text", content(lambda n: n.update(nbformat="4")), "A tool quoted the number; the cells are there."),
    Odd("version_float", content(lambda n: n.update(nbformat=4.5)), "The same."),
    Odd("version_missing", content(lambda n: n.pop("nbformat")), "The layout says which version it is."),
    Odd("version_5", content(lambda n: n.update(nbformat=5)), "Nobody knows what 5 will mean.", unread=VERSION),
    # the JSON
    Odd("cut_off", file(lambda s: s[: len(s) // 2]), "Half an upload: the rest may be right.", unread="damaged or cut off; hand it in again"),
    Odd("a_list", raw(b"[1, 2]"), "It is no notebook.", unread=VERSION),
    Odd("deep", raw(b'{"cells":' + b"[" * 100_000), "Nothing can read it.", unread=NOT_JSON),
    Odd("two_keys", file(duplicate_keys), "The last of two counts, in Jupyter too."),
    Odd("not_finite", content(not_finite), "Python writes NaN into JSON, and Jupyter reads it."),
    Odd("comma", file(lambda s: f"{s.rstrip()[:-1]},}}"), "Jupyter refuses it too; a person can mend it.", unread=NOT_JSON),
    Odd("conflict", file(conflict), "Which side counts is the student's to say.", unread="conflict marks of a merge"),
    Odd("empty", raw(b""), "An upload that failed.", unread="is empty"),
    Odd("white", raw(b" \n\t "), "The same.", unread="is empty"),
    Odd("zip", file(zipped), "The notebook may be in it.", unread="a ZIP archive and no notebook; unpack it"),
    Odd("pdf", raw(b"%PDF-1.7 ..."), "A print of the notebook cannot be run.", unread="a PDF and no notebook; hand in the .ipynb"),
    Odd("html", raw(b"<!DOCTYPE html><html></html>"), "A saved page.", unread="a web page and no notebook"),
    Odd("script", raw(answers.NMS.encode()), "A script under the notebook's name.", unread="some other text; hand in the .ipynb"),
    # the cells
    Odd("only_answers", content(only_answers), "Deleted cells come back as released."),
    Odd("doubled", content(doubled), "Pasted twice: the same answers."),
    Odd("reversed", content(reversed_order), "Moving cells takes no answer away."),
    Odd("renamed_ids", content(renamed), "A cell is known by the function in it.", note="had lost the name"),
    Odd("split", content(split), "Both halves are run."),
    Odd("split_inside", content(split_in_the_function), "Half a function is no answer, in Jupyter neither.", fails={"nms": ""}),
    Odd("merged", content(merged), "The answer is in it."),
    Odd("in_the_check", content(in_the_check), "It worked in the student's notebook.", note="is restored before grading but held `nms`"),
    Odd("in_a_locked_cell", content(in_a_locked_cell), "The same.", note="held `box_area`"),
    Odd("to_markdown", content(typed("nms", "markdown")), "One key pressed by mistake (m).", note="of `nms`, was no code cell"),
    Odd("to_raw", content(typed("nms", "raw")), "The same (r).", note="of `nms`, was no code cell"),
    Odd("to_nothing", content(typed("nms", 7)), "The text is there.", note="of `nms`, was no code cell"),
    Odd("words_to_code", content(typed("why_not_lower", "code")), "Words stay words: a person reads them."),
    Odd("equal_ids", content(cell_ids(lambda i: "same")), "A tool's fault."),
    Odd("no_metadata", content(stripped), "nbstripout and others do it: the cells are known by their text.", note="had lost the name"),
    Odd("broken_metadata", content(metadata_is_nothing), "The same.", note="had lost the name"),
    Odd("no_checks", content(checks(None)), "Checks are not the student's business."),
    Odd("edited_checks", content(checks("nms = None\n'14 of 14 points'")), "They are never run."),
    Odd("edited_locked", content(locked_edited), "Locked cells are restored."),
    Odd("600_cells", content(many_cells(600)), FULL),
    Odd("5001_cells", content(many_cells(5001)), "No lesson has so many: a person looks.", unread="at most 5000 cells, got 5001"),
    Odd("long_cell", extra("data = '" + "a" * 1_000_001 + "'"), "Cut code would be other code.", unread="cell 1 must have at most 1000000 characters"),
    Odd("large_outputs", content(large_outputs), "Outputs are dropped, however large."),
    Odd("100_mb", of_size(100_000_000), "Too large to be read; the cure is easy.", unread="must be below 50 MB, got 100 MB: clear its outputs"),
    Odd("null_source", source("nms", None), "The cell holds nothing.", fails={"nms": "`nms` is not defined"}),
    Odd("number_source", source("nms", 7), "Nor does this one.", fails={"nms": "`nms` is not defined"}),
    Odd("gaps_in_source", content(as_list_with_gaps), "The lines are there."),
    Odd("no_outputs", content(outputs_are_nothing), "Outputs are not read."),
    # what runs in the cells
    Odd("asks", both(extra("import getpass\ngetpass.getpass()", "name = input('Your name? ')")), "Nobody is there to answer; other cells go on."),
    Odd("asks_in_answer", answer("nms", lambda s: f"t = float(input('threshold? '))\n{s}"), "The function below is right."),
    Odd("magics", extra(*MAGICS), FULL),
    Odd("magic_in_answer", answer("nms", lambda s: f"%matplotlib widget\n{s}"), "Only the student's machine has it."),
    Odd("timed_answer", answer("nms", lambda s: f"%%time\n{s}"), FULL),
    Odd("colab", answer("nms", lambda s: f"from google.colab import drive\ndrive.mount('/content/drive')\n{s}"), "It ran in Colab; the function needs none of it."),
    Odd("r_kernel", content(kernel("ir", "R")), "A wrong kernel was chosen; the code is Python.", note="written in R"),
    Odd("python_2", answer("nms", lambda s: f"{s}\nprint 'done'\n"), "It is no Python 3, and says so.", fails={"nms": "SyntaxError"}),
    Odd("julia", both(content(lambda n: (kernel("julia-1.10", "julia")(n), cell_of(n, "nms").update(source="function nms(boxes)\n  boxes\nend")))),
        "The lesson asks for Python.", fails={"nms": "`nms` is not defined"}, note="written in julia"),
    Odd("renamed_function", answer("nms", lambda s: s.replace("def nms(", "def my_nms(")), "The name is part of the task.", fails={"nms": "`nms` is not defined"}),
    Odd("twice", answer("nms", lambda s: f"def nms(boxes, scores, iou_threshold):\n    return boxes\n\n{s}"), "The last one counts."),
    Odd("stub_left", stub_left, "The answer above is one; the stub below is none."),
    Odd("question_elsewhere", question_elsewhere, "The same for a question."),
    Odd("all_in_one", in_one_cell, "Stubs below take no answer away."),
    Odd("decorated", both(content(lambda n: (cell_of(n, "nms").update(source=f"import functools\n\n@functools.cache\n{answers.NMS}"),
                                             cell_of(n, "box_area").update(source=f"@torch.no_grad()\n{answers.BOX_AREA}"),
                                             cell_of(n, "box_iou").update(source=f"def loud(f):\n    return lambda *a: f(*a)\n\n@loud\n{answers.BOX_IOU}")))),
        "A decorated function is a function."),
    Odd("jit", answer("box_area", lambda s: f"@torch.jit.ignore\n{s}"), FULL),
    Odd("async", answer("nms", lambda s: f"async {s}"), "A call gives no result.", fails={"nms": "must be a tensor"}),
    Odd("object", answer("nms", as_object), "It can be called."),
    Odd("method", answer("nms", as_method), "It can be called."),
    Odd("partial", answer("nms", lambda s: f"import functools\n{s.replace('def nms(', 'def f(')}\nnms = functools.partial(f)"), "It can be called."),
    Odd("lambda", answer("box_area", lambda s: "box_area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])"), "It can be called."),
    Odd("exec", answer("nms", lambda s: f"exec({s!r})"), "However it came about, it is there."),
    Odd("main", answer("nms", lambda s: indented(s, "if __name__ == '__main__':")), "A notebook is the main program."),
    Odd("if_false", answer("nms", lambda s: indented(s, "if False:")), "It is defined nowhere.", fails={"nms": "`nms` is not defined"}),
    Odd("helper_beside", both(answer("nms", lambda s: "from my_boxes import nms"), beside("my_boxes.py", f"import torch\n{answers.NMS}")),
        "The answer was handed in, in a file that is not collected: a person looks.",
        doubtful={"nms": "in my_boxes.py beside the notebook"}),
    Odd("helper_at_home", answer("nms", lambda s: "from my_boxes import nms"), "Nothing of it was handed in; the reason names the module.",
        fails={"nms": "No module named 'my_boxes'"}),
    Odd("in_markdown", content(in_markdown), "It ran nowhere, with the student neither; a note says what to do.",
        fails={"nms": "`nms` is not defined"}, note="holds `nms` but is no code cell"),
    Odd("tabs", answer("nms", lambda s: s.replace("    order =", "\torder =", 1)), "Python refuses it, with the student too.", fails={"nms": "Error"}),
    Odd("broken_cells", extra("def broken(:", "1 / 0", "import sys\nsys.exit(1)", "exit()", "\tif True:\n  x"), FULL),
    Odd("ends_the_process", extra("import os\nos._exit(1)"), "The other cells run in a new process."),
    Odd("endless", extra("while True:\n    pass"), "It is stopped, and the others run."),
    Odd("noise", extra(*NOISE), FULL),
    Odd("deletes", extra("del nms", "%reset -f", last=True), "Tidied up when all was done: it was right before."),
    Odd("no_torch", extra("torch = None", last=True), "Its check passed where it stands."),
    Odd("shadows", extra("len = 4\nrange = 3", last=True), "The same."),
    Odd("rebinds", extra("scores = torch.ones(1)\nnms = nms(torch.ones(1, 4), scores, 0.5)", last=True), "A result under the function's name."),
    Odd("chdir", extra("import os\nos.chdir('/')\nos.environ.clear()"), FULL),
    # the folder
    Odd("thief", linked(FILE), "Not the student's own file.", unread="cannot be read"),
    Odd("thief_of_a_folder", linked_folder, "Nor this one.", unread="must be a folder of the student's own"),
    Odd("thief_by_another_name", linked("NMS.ipynb"), "Nor this one.", unread="is missing; in its folder: 'NMS.ipynb'"),
    Odd("pipe", lambda folder, kit: os.mkfifo(folder / FILE), "Nothing to read.", unread="must be a regular file"),
    Odd("giant", giant, "8 TiB of nothing.", unread="must be below 50 MB"),
    Odd("directory", lambda folder, kit: (folder / FILE).mkdir(), "No file.", unread="must be a regular file"),
    Odd("nothing", lambda folder, kit: None, "A person asks for it.", unread="is missing; its folder is empty"),
    Odd("other_name", file(str, "03_nms (1).ipynb"), "The browser's name; nothing else could be meant.", note="Handed in as '03_nms (1).ipynb'"),
    Odd("upper_case", file(str, "03_NMS.IPYNB"), "The same.", note="Handed in as '03_NMS.IPYNB'"),
    Odd("own_name_stripped", content(stripped, "my work.ipynb"), "Known by its text.", note="Handed in as 'my work.ipynb'"),
    Odd("unpacked_twice", lambda folder, kit: ((folder / ASSIGNMENT).mkdir(), file(str, f"{ASSIGNMENT}/{FILE}")(folder, kit)), "A folder in the folder.",
        note=f"Handed in as '{ASSIGNMENT}/{FILE}'"),
    Odd("same_twice", copies(a="right", b="right"), "Two of the same are one.", note="Handed in as 'a.ipynb'"),
    Odd("which", copies(final="right", final2="released"), "Which one counts is the student's to say.", unread="several notebooks could be it: 'final.ipynb', 'final2.ipynb'"),
    Odd("copy_beside", copies(**{ASSIGNMENT: "right", "03_nms-Copy1": "released"}), "The right name counts.", note="Not read, beside 03_nms.ipynb: '03_nms-Copy1.ipynb'"),
    Odd("broken_beside_a_copy", both(copies(**{"03_nms-Copy1": "right"}), raw(b"{")), "Which one counts is for a person to say.", unread="hand it in again (beside it: '03_nms-Copy1.ipynb')"),
    Odd("worked_in_the_copy", copies(**{ASSIGNMENT: "released", "03_nms-Copy1": "right"}), "One is as given out, the other is the work.", note="judged was '03_nms-Copy1.ipynb'"),
    Odd("checkpoint", lambda folder, kit: ((folder / ".ipynb_checkpoints").mkdir(), file(str, ".ipynb_checkpoints/03_nms-checkpoint.ipynb")(folder, kit)),
        "An autosave may be old.", unread="in its folder: '.ipynb_checkpoints/03_nms-checkpoint.ipynb'"),
    Odd("zip_beside", beside("03_nms.zip", zipped("")), "It must be unpacked.", unread="in its folder: '03_nms.zip'"),
    Odd("other_assignment", other_assignment, "The wrong file: the right one may exist.", unread="this is the notebook of 04_map, not of 03_nms"),
    Odd("other_course", content(another_course), "The same.", unread="no cell of 03_nms is in this notebook"),
    Odd("old_release", content(lambda n: n["metadata"].update(course={"release": "0123456789ab"})), "Judged by what is known.", note="unknown here"),
    Odd("more_files", both(RIGHT, beside("data.csv", "1"), beside("notes.py", "x = 1"), beside("Thumbs.db", b"\0")), "They are not read."),
    Odd("late", timestamp("2031-01-01 00:00:00 UTC"), "What lateness costs is a matter of settings."),
    Odd("no_time", timestamp("gestern Abend"), "A broken clock is not late."),
    Odd("zoë šimková 学生", RIGHT, "A name is a name."),
)  # fmt: skip
