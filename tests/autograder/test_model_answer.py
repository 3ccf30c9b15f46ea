"""The cell that a student gets and the one that the instructor has, from one function."""

import ast
import importlib.util
import sys

import pytest

from autograder.errors import BuildError
from autograder.model_answer import check_names, check_stub, imported, model_answer
from solutions.masks import MaskHead

HEAD = """\
import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from solutions.boxes import box_area

"""
MIDDLE = (
    HEAD
    + '''
def middle(boxes: Float[Tensor, "N 4"], scale: float = 1.0) -> tuple[Float[Tensor, " N"], int]:
    """Return the middle of each box."""
    # x only
    x = boxes[:, ::2]  # [N, 2]
    return x.mean(dim=1) * scale, len(x)
'''
)
STUB = '''\
def middle(boxes: Tensor, scale: float = 1.0) -> tuple[Tensor, int]:
    """Return the middle of each box.

    Shapes: boxes: [N, 4]; returns ([N], int).
    """
'''
NOTEBOOK = "import torch\nfrom torch import Tensor\nfrom course import NotAnswered\n"


@pytest.fixture
def answer_of(tmp_path, monkeypatch):
    """Return a function from a module's source to the model answer of `middle` in it."""

    def read(source, function="middle"):
        path = tmp_path / "written_for_a_test.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        return model_answer("middle", getattr(module, function))

    return read


def test_a_stub_has_plain_types_the_shapes_in_words_and_says_what_it_awaits(answer_of):
    assert answer_of(MIDDLE).stub == STUB + '    raise NotAnswered("middle")'


def test_the_instructor_s_cell_has_the_answer_between_nbgrader_s_marks(answer_of):
    assert answer_of(MIDDLE).source == STUB + (
        "    ### BEGIN SOLUTION\n"
        "    # x only\n"
        "    x = boxes[:, ::2]  # [N, 2]\n"
        "    return x.mean(dim=1) * scale, len(x)\n"
        "    ### END SOLUTION"
    )


def test_a_long_signature_has_one_parameter_a_line(answer_of):
    source = MIDDLE.replace(
        "scale: float = 1.0)",
        'labels: Int[Tensor, " N"], /, *rest: int, used: Bool[Tensor, "N"] | None = None, **more)',
    )
    head = (
        "def middle(\n"
        "    boxes: Tensor,\n"
        "    labels: Tensor,\n"
        "    /,\n"
        "    *rest: int,\n"
        "    used: Tensor | None = None,\n"
        "    **more,\n"
        ") -> tuple[Tensor, int]:\n"
    )
    stub = answer_of(source).stub
    assert stub.startswith(head)
    shapes = "Shapes: boxes: [N, 4]; labels: [N] int64; used: [N] bool or None; returns ([N], int)"
    assert shapes in " ".join(stub.split())


def test_a_function_without_shapes_gets_no_sentence_about_them(answer_of):
    source = 'def middle(a, *, b=2):\n    """Return a."""\n    return a\n'
    stub = 'def middle(a, *, b=2):\n    """Return a."""\n    raise NotAnswered("middle")'
    assert answer_of(source).stub == stub


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('    """Return the middle of each box."""\n', "", "must have a docstring and a body"),
        ("middle of each", "middle, as solutions/ has, of each", "a student understands, got 'sol"),
        ("    # x only", "    import numpy", "import nothing in its body, got `import numpy`"),
    ],
)
def test_a_reference_that_cannot_become_a_cell_is_refused(answer_of, old, new, message):
    with pytest.raises(BuildError, match=message):
        answer_of(MIDDLE.replace(old, new))


def test_a_reference_of_another_name_than_the_exercise_is_refused(answer_of):
    with pytest.raises(
        BuildError, match="middle must be a function or a class of that name in written_for"
    ):
        answer_of(MIDDLE.replace("def middle", "def centre"), "centre")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("x = helper(boxes)", "helper"),
        ("x = box_area(boxes)", "box_area"),
        ("x = math.sqrt(2)", "math"),
        ("x = [inner for inner in map(lambda b: secret(b), boxes)]", "secret"),
        ('x: Float[Tensor, " N"] = boxes', "Float"),
    ],
)
def test_an_answer_that_uses_what_the_notebook_lacks_is_refused_by_the_name(answer_of, line, name):
    answer = answer_of(MIDDLE.replace("# x only", line))
    with pytest.raises(BuildError, match=f"line 7: the model answer of middle .* got {name};"):
        check_names(answer, set(), imported(ast.parse(NOTEBOOK)), "line 7")


def test_an_answer_may_use_the_exercises_above_it_and_the_notebook_s_libraries(answer_of):
    answer = answer_of(MIDDLE.replace("# x only", "x = torch.sqrt(box_area(boxes)) + len(boxes)"))
    check_names(answer, {"box_area"}, imported(ast.parse(NOTEBOOK)), "")


def test_a_name_that_means_another_thing_in_the_notebook_is_refused(answer_of):
    answer = answer_of(MIDDLE.replace("# x only", "x = math.pi"))
    notebook = imported(ast.parse(NOTEBOOK + "import cmath as math\n"))
    with pytest.raises(BuildError, match="got math"):
        check_names(answer, set(), notebook, "")


def test_a_stub_that_the_notebook_cannot_run_is_refused(answer_of):
    check_stub(answer_of(MIDDLE), ast.parse(NOTEBOOK), "line 7")
    with pytest.raises(BuildError, match=r"line 7: the stub of middle must run .* 'Tensor'"):
        check_stub(answer_of(MIDDLE), ast.parse("from course import NotAnswered"), "line 7")
    with pytest.raises(BuildError, match=r"NameError.*'NotAnswered'"):
        check_stub(answer_of(MIDDLE), ast.parse("from torch import Tensor"), "line 7")


CLASS = (
    HEAD.replace("from torch import Tensor", "from torch import Tensor, nn")
    + '''
class middle(nn.Module):
    """The middle of boxes, as a layer."""

    def __init__(self, start: Float[Tensor, "4"], scale: float = 1.0) -> None:
        # the parent first
        super().__init__()
        self.scale = scale

    def forward(self, boxes: Float[Tensor, "N 4"]) -> Float[Tensor, " N"]:
        """Return the middles.

        All of them.
        """
        return self._x(boxes) * self.scale

    def _x(self, boxes):
        return boxes[:, ::2].mean(dim=1)
'''
)
CLASS_STUB = '''\
class middle(nn.Module):
    """The middle of boxes, as a layer.

    Shapes of __init__: start: [4].
    """

    def __init__(self, start: Tensor, scale: float = 1.0) -> None:
        super().__init__()
        raise NotAnswered("middle")

    def forward(self, boxes: Tensor) -> Tensor:
        """Return the middles.

        All of them.

        Shapes: boxes: [N, 4]; returns [N].
        """
        raise NotAnswered("middle")'''
WITH_NN = NOTEBOOK.replace("Tensor", "Tensor, nn")


def test_a_class_becomes_a_stub_whose_methods_say_what_they_await(answer_of):
    answer = answer_of(CLASS)
    assert answer.stub == CLASS_STUB
    check_names(answer, set(), imported(ast.parse(WITH_NN)), "")
    check_stub(answer, ast.parse(WITH_NN), "")
    with pytest.raises(BuildError, match=r"stub of middle must run in the notebook, got NameError"):
        check_stub(answer, ast.parse(NOTEBOOK), "")


def test_a_class_s_methods_stand_whole_in_the_instructor_s_cell(answer_of):
    answer = answer_of(CLASS)
    assert answer.source == f"### BEGIN SOLUTION\n{answer.code}\n### END SOLUTION"
    names = {}
    exec(f"{WITH_NN}{answer.code}", names)
    layer = names["middle"](None, scale=2.0)
    assert layer(names["torch"].tensor([[1.0, 0.0, 3.0, 0.0]])).tolist() == [4.0]
    assert "# the parent first" in answer.code


def test_a_class_that_holds_more_than_methods_is_refused(answer_of):
    source = CLASS.replace("    def _x", "    scale = 2\n\n    def _x")
    with pytest.raises(
        BuildError, match=r"class middle in .* must hold methods only, got `scale ="
    ):
        answer_of(source)


@pytest.mark.parametrize("word", ["solutions", "jaxtyping"])
def test_a_method_s_docstring_too_is_for_students(answer_of, word):
    with pytest.raises(BuildError, match=f"a student understands, got '{word}'"):
        answer_of(CLASS.replace("All of them", f"See {word}"))


def test_the_mask_head_s_stub_has_its_shapes():
    stub = model_answer("MaskHead", MaskHead).stub
    assert "Shapes: features: [N, C, H, W]; returns [N, K, out_H, out_W]." in stub
    assert "Conv" not in stub
