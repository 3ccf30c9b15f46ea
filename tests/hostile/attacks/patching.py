"""Classes 4 and 5: patched libraries and runners, and results that lie about themselves."""

from tests.hostile.attack import BROKEN, SCORE, Attack, area

OUTSIDE = "results are compared outside, by libraries that no student can patch"
DATA = "a result crosses as plain data, and what is none is named by its type"


def patch(name: str, tries: str, first: str, option: str, body: str = "return None") -> Attack:
    """Return an attack that patches what compares, in its own process."""
    return Attack(
        name, 4, tries, SCORE, OUTSIDE, "naive", first=first, cells=area(body), option=option
    )


def lie(
    name: str,
    tries: str,
    body: str,
    before: str = "",
    option: str = "equal",
    control: str = "naive",
    shows: str = SCORE,
    defence: str = DATA,
) -> Attack:
    """Return an attack whose result lies."""
    return Attack(name, 5, tries, shows, defence, control, cells=area(body, before), option=option)


ATTACKS = (
    patch(
        "patches_torch",
        "It makes torch's comparisons say yes.",
        """
for name in ("equal", "allclose", "isclose", "eq"):
    setattr(torch, name, lambda *a, **k: torch.tensor(True))
torch.Tensor.equal = torch.Tensor.allclose = torch.Tensor.__eq__ = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
""",
        "equal",
    ),
    patch(
        "patches_numpy",
        "It makes numpy's comparisons say yes.",
        """
import numpy as np, numpy.testing
np.allclose = np.array_equal = lambda *a, **k: True
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *a, **k: None
""",
        "numpy",
        "return boxes[:, 0] * 0",
    ),
    patch(
        "patches_builtins",
        "It makes all, abs, max and AssertionError harmless.",
        """
import builtins
builtins.all = builtins.any = lambda *a: True
builtins.abs = lambda x: 0
builtins.max = lambda *a, **k: 0
class Nothing(Exception):
    def __new__(cls, *a):
        return SystemExit(0)
builtins.AssertionError = Nothing
""",
        "builtins",
        "return boxes[:, 0] * 0",
    ),
    patch(
        "patches_json",
        "It makes json write that it passed, whatever it is given.",
        """
import json
dumps = json.dumps
def lying(value, *a, **k):
    told = {**value, "passed": True} if isinstance(value, dict) and "passed" in value else value
    return dumps(told, *a, **k)
json.dumps = lying
""",
        "json_verdict",
        "return boxes[:, 0] * 0",
    ),
    patch(
        "patches_ipython",
        "It replaces run_cell, so that a cell that checks it is never run.",
        """
from IPython.core.interactiveshell import InteractiveShell, ExecutionResult, ExecutionInfo
def nothing(self, source, *a, **k):
    return ExecutionResult(ExecutionInfo(source, False, True, False, None))
InteractiveShell.run_cell = nothing
get_ipython().run_cell = lambda source, *a, **k: nothing(None, source)
""",
        "equal",
    ),
    patch(
        "patches_the_course",
        "It replaces the course's own comparison, cases and check in sys.modules.",
        """
import sys, course.compare, course.cases, course.check
course.compare.difference = course.cases.difference = lambda *a, **k: None
course.compare.same = course.outcome.same = lambda *a, **k: True
course.check.check = lambda *a, **k: print("passed")
sys.modules["course.compare"] = course.compare
""",
        "course",
    ),
    patch(
        "patches_the_runner",
        "It finds the runner's notebook and pipe through gc and rewrites what they do.",
        """
import gc
gc.unfreeze()
for thing in gc.get_objects():
    if type(thing).__name__ == "Notebook" and hasattr(thing, "run"):
        thing.run = lambda source: {"outputs": [["stdout", "VERDICT passed"]], "error": None}
        thing.namespace().update(verdict="passed")
""",
        "verdict_in_reply",
    ),
    patch(
        "patches_main",
        "It rewrites the functions of __main__, the program that serves it.",
        """
import gc, types
gc.unfreeze()
for function in gc.get_objects():
    if isinstance(function, types.FunctionType) and function.__name__ == "describe":
        function.__globals__["describe"] = lambda error: None
""",
        "equal",
        "return None",
    ),
    lie(
        "torch_function",
        "It returns a tensor whose every operation says yes.",
        "return torch.zeros(3).as_subclass(Always)",
        "class Always(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n"
        "        return True",
    ),
    lie(
        "equal_to_everything",
        "It returns an object that equals everything.",
        "return Always()",
        "class Always:\n"
        "    shape, dtype, ndim = torch.Size([3]), torch.float32, 1\n"
        "    def __eq__(self, other): return self\n"
        "    def all(self): return True\n"
        "    def __bool__(self): return True\n"
        "    def __sub__(self, other): return self\n"
        "    def __len__(self): return 3",
        "equals",
    ),
    lie(
        "array_that_changes",
        "It becomes another array whenever somebody looks.",
        "return Chameleon()",
        "import numpy as np\nclass Chameleon:\n"
        "    __array_priority__ = 1000\n"
        "    def __array__(self, *a, **k): return np.zeros(3)\n"
        "    def __array_ufunc__(self, *a, **k): return np.array(True)\n"
        "    def __array_function__(self, *a, **k): return True",
        "numpy",
    ),
    lie(
        "false_class",
        "It says that it is a tensor, by __class__, __len__ and tolist.",
        "return Liar()",
        "class Liar:\n"
        "    @property\n"
        "    def __class__(self): return torch.Tensor\n"
        "    def __len__(self): return 3\n"
        "    def tolist(self): return Same()\n"
        "class Same(list):\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False",
        "tolist",
    ),
    lie(
        "changing_list",
        "It returns a list that equals what it is compared with.",
        "return Same([0.0] * len(boxes))",
        "class Same(list):\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False",
        "equals_list",
    ),
    lie(
        "not_a_number",
        "It returns NaN, and no comparison with it is false.",
        "return torch.full((len(boxes),), float('nan'))",
        option="not_greater",
        defence="NaN is refused where a number is expected",
    ),
    lie(
        "broadcasts",
        "It returns one number that broadcasts, and an empty tensor where all is true.",
        "return torch.zeros(0)",
        option="all_equal",
        defence="type, shape and dtype are compared before values",
    ),
    lie(
        "huge_view",
        "It returns a tensor of two hundred megabytes that takes four bytes.",
        "return torch.zeros(1).expand(5 * 10**7)",
        control="big_frame",
        shows=BROKEN,
        defence="memory is watched while a result is written, and a frame has at most 64 MB (both off)",
    ),
    lie(
        "strange_layouts",
        "It returns sparse, meta and quantised tensors.",
        "kinds = [torch.zeros(3).to_sparse(), torch.zeros(3, device='meta'),\n"
        "         torch.zeros(3).to(torch.float8_e4m3fn)]\n"
        "calls.append(1)\n"
        "return kinds[len(calls) % 3]",
        "calls = []",
        option="length_only",
        defence="type, shape and dtype are compared before values",
    ),
    lie(
        "an_endless_text",
        "It returns a text of eighty megabytes.",
        "return 'x' * (80 << 20)",
        control="text_length",
        shows=BROKEN,
        defence="texts are cut where they are written, and a frame has at most 64 MB",
    ),
    Attack(
        "a_number_of_thousand_digits",
        5,
        "Its answer to a question is a whole number that no float can hold.",
        BROKEN,
        "huge whole numbers are told apart before they are written as floats",
        "largest",
        cells={"kept_counts": "kept_counts = [1, 2, 3, 10**800]"},
    ),
    lie(
        "dict_of_tensors",
        "It returns a dict with two hundred thousand views of one tensor to be printed.",
        "return {str(i): boxes for i in range(5000)}",
        control="shown_whole",
        shows=BROKEN,
        defence="a wrong value is told by its type and size, not printed",
    ),
)
