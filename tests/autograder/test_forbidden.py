"""Forbidden shortcuts are found wherever an answer reaches them, and nowhere else."""

import pytest

from autograder.forbidden import shortcuts

FORBIDDEN = {"interpolate": "it is what you build here", "conv_transpose1d": "it is built here"}
IMPORTS = "import torch.nn.functional as F"


@pytest.mark.parametrize(
    "answer",
    [
        "def enlarge(x):\n    return F.interpolate(x)",
        "from torch.nn.functional import interpolate as i\ndef enlarge(x):\n    return i(x)",
        "from torch.nn.functional import *\ndef enlarge(x):\n    return interpolate(x)",
        "def enlarge(x):\n    from torch.nn.functional import interpolate\n    return interpolate(x)",
        "def enlarge(x):\n    return getattr(F, 'interpolate')(x)",
        "up = F.interpolate\ndef enlarge(x):\n    return up(x)",
        "if True:\n    def up(x):\n        return F.interpolate(x)\nenlarge = lambda x: up(x)",
        "class Up:\n    def __call__(self, x):\n        return F.interpolate(x)\nenlarge = Up()",
        "def enlarge(x):\n    def inner(y):\n        return up(y)\n    return inner(x)\n"
        "def up(x):\n    return F.interpolate(x)",
    ],
)
def test_a_shortcut_is_found_behind_other_names(answer):
    assert shortcuts([IMPORTS, answer], "enlarge", FORBIDDEN) == ["interpolate"]


@pytest.mark.parametrize(
    "cells",
    [
        # a comparison that binds a name, which the answer uses for a variable of its own
        [
            "def enlarge(x):\n    out = x + 1\n    return out",
            "out = F.interpolate(torch.ones(1, 1))",
        ],
        ["def enlarge(x):\n    return [out for out in x]", "out = F.interpolate(torch.ones(1, 1))"],
        # helpers of that name which the student wrote
        [
            "def interpolate(a, b):\n    return a + b",
            "def enlarge(x):\n    return interpolate(x, x)",
        ],
        [
            "def enlarge(x):\n    def interpolate(a):\n        return a\n"
            "    def twice(a):\n        return interpolate(interpolate(a))\n    return twice(x)"
        ],
        # an exercise of that name, as it is given out
        ["def enlarge(x):\n    raise NotAnswered('conv_transpose1d')"],
        # a comparison that binds nothing
        ["def enlarge(x):\n    return x", "print(enlarge(x) - F.interpolate(x))"],
    ],
)
def test_own_names_and_comparisons_elsewhere_are_no_shortcuts(cells):
    assert shortcuts([IMPORTS, *cells], "enlarge", FORBIDDEN) == []


def test_an_exercise_may_have_the_name_of_the_function_that_it_must_not_call():
    answer = "def conv_transpose1d(x, w):\n    return conv_transpose1d(x[1:], w) if len(x) else x"
    assert shortcuts([IMPORTS, answer], "conv_transpose1d", FORBIDDEN) == []
    answer = "def conv_transpose1d(x, w):\n    return F.conv_transpose1d(x[None], w)"
    assert shortcuts([IMPORTS, answer], "conv_transpose1d", FORBIDDEN) == ["conv_transpose1d"]


def test_code_that_cannot_be_read_has_no_names():
    assert shortcuts(["def enlarge(x:\n    return F.interpolate"], "enlarge", FORBIDDEN) == []
    assert shortcuts(["return interpolate", "enlarge = interpolate"], "enlarge", FORBIDDEN) == [
        "interpolate"
    ]
