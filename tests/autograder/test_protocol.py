"""The protocol beyond NMS: modules, callables, gradients and changed inputs, in the sandbox."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.exercise import Misconception
from autograder.record import FAILED, PASSED
from autograder.worker import Worker
from course.cases import Group
from course.compare import CLOSE
from course.outcome import Case
from tests.autograder.sandboxed import exercise, judged

# --- an exercise that takes and returns a module


def widen(linear):
    """A layer whose outputs are those of `linear`, twice as large."""
    wider = nn.Linear(linear.in_features, linear.out_features)
    wider.load_state_dict({"weight": 2 * linear.weight, "bias": 2 * linear.bias})
    return wider


def widen_without_bias(linear):
    wider = widen(linear)
    nn.init.zeros_(wider.bias)
    return wider


def layers(rng):
    for features in (3, 5):
        linear = nn.Linear(features, 4)
        for parameter in linear.parameters():
            parameter.data = torch.from_numpy(rng.normal(size=parameter.shape)).float()
        inputs = torch.from_numpy(rng.normal(size=(2, features))).float()
        yield Case("outputs", (linear,), apply=(inputs, inputs[:0]), parameters=True)


WIDEN = exercise(
    widen,
    layers,
    [Group("outputs", "The outputs must be twice those of the layer.")],
    [Misconception("forgets_the_bias", "The bias is part of the layer.", widen_without_bias)],
)
RIGHT_MODULE = """
import torch
from torch import nn
def widen(linear):
    wider = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        wider.weight.copy_(linear.weight * 2)
        wider.bias.copy_(linear.bias * 2)
    return wider
"""


def test_a_returned_module_is_judged_by_its_behaviour_on_inputs_it_has_not_seen(worker):
    result = judged(worker, WIDEN, RIGHT_MODULE)
    assert (result.verdict.verdict, result.verdict.score) == (PASSED, 1.0)


def test_a_wrong_module_is_named(worker):
    answer = RIGHT_MODULE.replace("wider.bias.copy_(linear.bias * 2)", "wider.bias.zero_()")
    assert judged(worker, WIDEN, answer).verdict.misconception == "forgets_the_bias"


def test_a_module_that_changes_the_given_one_has_changed_its_input(worker):
    answer = "def widen(linear):\n    linear.weight.data *= 2\n    linear.bias.data *= 2\n"
    answer += "    return linear"
    verdict = judged(worker, WIDEN, answer).verdict
    assert verdict.verdict == FAILED
    assert "changed its input" in verdict.message


def test_a_module_with_other_parameters_than_asked_for_fails(worker):
    answer = RIGHT_MODULE.replace("return wider", "return nn.Sequential(wider, nn.Linear(4, 4))")
    assert judged(worker, WIDEN, answer).verdict.verdict == FAILED


@pytest.mark.parametrize("result", ["None", "nn.Linear", "'Linear'", "linear(torch.zeros(1))"])
def test_what_is_no_module_fails(worker, result):
    answer = f"import torch\nfrom torch import nn\ndef widen(linear):\n    return {result}"
    assert judged(worker, WIDEN, answer).verdict.score == 0


# --- an exercise that takes a callable


def best_by(similarity, xs):
    """The index of the x that is most similar to the first one, the first left out."""
    return max(range(1, len(xs)), key=lambda i: similarity(xs[0], xs[i]))


def similarities(rng):
    from course.outcome import same

    for place in rng.integers(2, 6, size=4):
        xs = [torch.tensor(1.0 if i in (0, place) else 0.0) for i in range(6)]
        yield Case("the function that was given decides", (same, xs))


BEST_BY = exercise(
    best_by, similarities, [Group("the function that was given decides", "Use the similarity.")]
)


def test_a_callable_crosses_as_the_name_of_a_public_function(worker):
    answer = """
def best_by(similarity, xs):
    assert similarity.__module__ == "course.outcome"
    scores = [similarity(xs[0], x) for x in xs[1:]]
    return scores.index(max(scores)) + 1
"""
    assert judged(worker, BEST_BY, answer).verdict.verdict == PASSED


def test_an_answer_that_ignores_the_callable_fails(worker):
    answer = "def best_by(similarity, xs):\n    return 1"
    assert judged(worker, BEST_BY, answer).verdict.verdict == FAILED


# --- an exercise that needs gradients and an unchanged input


def squared_loss(prediction: Tensor, target: Tensor) -> Tensor:
    return ((prediction - target) ** 2).mean()


def without_graph(prediction, target):
    return squared_loss(prediction, target).detach().requires_grad_()


def pairs(rng):
    for n in (1, 4, 7):
        a, b = (torch.from_numpy(rng.normal(size=(n, 2))) for _ in range(2))
        yield Case("values and gradients", (a, b), gradients=True)


SQUARED_LOSS = exercise(
    squared_loss,
    pairs,
    [Group("values and gradients", "The loss must be differentiable.", comparison=CLOSE)],
)


@pytest.mark.parametrize(
    "body",
    [
        "F.mse_loss(prediction, target)",
        "(prediction - target).pow(2).sum() / prediction.numel()",
        "sum(((p - t) ** 2).sum() for p, t in zip(prediction, target)) / prediction.numel()",
    ],
)
def test_right_losses_with_gradients_pass(worker, body):
    answer = "import torch.nn.functional as F\ndef squared_loss(prediction, target):\n"
    verdict = judged(worker, SQUARED_LOSS, f"{answer}    return {body}").verdict
    assert (verdict.verdict, verdict.message) == (PASSED, "")


def test_a_loss_whose_graph_was_cut_fails_though_its_value_is_right(worker):
    answer = "import torch\ndef squared_loss(prediction, target):\n"
    answer += "    return torch.tensor(((prediction - target) ** 2).mean().item())"
    verdict = judged(worker, SQUARED_LOSS, answer).verdict
    assert verdict.verdict == FAILED
    assert "RuntimeError" in verdict.message


def test_a_loss_that_changes_its_input_fails(worker):
    answer = (
        "def squared_loss(prediction, target):\n    loss = ((prediction - target) ** 2).mean()\n"
    )
    answer += "    target.zero_()\n    return loss"
    # an argument that needs gradients cannot be changed in place: torch refuses
    assert judged(worker, SQUARED_LOSS, answer).verdict.verdict == FAILED


# --- an exercise that must be differentiable in one of its arguments only


def scaled(values: Tensor, factors: Tensor) -> Tensor:
    return values * factors


def values_and_factors(rng):
    for n in (1, 4):
        values, factors = (torch.from_numpy(rng.normal(size=n)) for _ in range(2))
        yield Case("values", (values, factors), gradients=(0,))


SCALED = exercise(
    scaled, values_and_factors, [Group("values", "It must be differentiable in the values.")]
)


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("values * factors", PASSED),
        ("values * torch.from_numpy(factors.numpy())", PASSED),
        ("values.detach() * factors", FAILED),
    ],
)
def test_gradients_are_asked_of_the_arguments_that_are_named(worker, body, verdict):
    answer = f"import torch\ndef scaled(values, factors):\n    return {body}\n"
    assert judged(worker, SCALED, answer).verdict.verdict == verdict


# --- what crosses


def test_a_generator_crosses_as_its_seed(worker):
    def drawn(generator):
        return torch.rand(3, generator=generator)

    def cases(rng):
        seed = int(rng.integers(1 << 30))
        yield Case("repeatable", (torch.Generator().manual_seed(seed),))

    definition = exercise(drawn, cases, [Group("repeatable", "Draw with the generator.")])
    answer = "import torch\ndef drawn(generator):\n    return torch.rand(3, generator=generator)"
    assert judged(worker, definition, answer).verdict.verdict == PASSED
    other = answer.replace("generator=generator", "")
    assert judged(worker, definition, other).verdict.verdict == FAILED


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x[None], weight)[0]


def images(rng: np.random.Generator):
    x, weight = (torch.from_numpy(rng.normal(size=s)).float() for s in ((2, 5, 5), (3, 2, 2, 2)))
    yield Case("sums", (x, weight))


CONVOLVE = exercise(
    convolve,
    images,
    [Group("sums", "Sum over the window.")],
    forbidden={"conv2d": "it is what you build here"},
)


@pytest.mark.parametrize(
    "answer",
    [
        "import torch.nn.functional as F\ndef convolve(x, w):\n    return F.conv2d(x[None], w)[0]",
        "from torch.nn.functional import conv2d as c\ndef convolve(x, w):\n    return c(x[None], w)[0]",
        "import torch.nn.functional as F\nf = getattr(F, 'conv2d')\ndef h(x, w):\n"
        "    return f(x[None], w)[0]\ndef convolve(x, w):\n    return h(x, w)",
    ],
)
def test_a_forbidden_shortcut_is_found_also_under_another_name(worker, answer):
    verdict = judged(worker, CONVOLVE, answer).verdict
    assert (verdict.verdict, verdict.score) == (FAILED, 0)
    assert "`conv2d` must not be used here" in verdict.message


def test_comparing_with_the_library_elsewhere_is_no_shortcut(worker):
    answer = """
import torch
import torch.nn.functional as F
def convolve(x, w):
    patches = F.unfold(x[None], w.shape[-2:])
    return (w.flatten(1) @ patches[0]).view(w.shape[0], x.shape[1] - 1, x.shape[2] - 1)
"""
    compare = "x, w = torch.ones(2, 5, 5), torch.ones(3, 2, 2, 2)\n"
    compare += "print((convolve(x, w) - F.conv2d(x[None], w)[0]).abs().max())"
    assert judged(worker, CONVOLVE, answer, compare).verdict.verdict == PASSED


def test_the_worker_answers_for_a_dependency_that_failed(worker: Worker):
    """A right nms on a wrong box_iou earns nms's points."""
    from autograder import variants
    from autograder.exercises import find
    from autograder.judge import Task, judge
    from autograder.submission import RunCell

    names = ("box_iou", "nms")
    tasks = [
        Task(find(name)[1], 1.0, variants.hidden_cases(find(name)[1], b"test", 0)) for name in names
    ]
    wrong_iou = "import torch\ndef box_iou(a, b):\n    return torch.zeros(len(a), len(b))"
    right_nms = """
def nms(boxes, scores, iou_threshold):
    keep = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        if all(box_iou(boxes[[i]], boxes[[j]]).item() <= iou_threshold for j in keep):
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)
"""
    judged_both, _ = judge(worker, [RunCell(wrong_iou, 0), RunCell(right_nms, 1)], tasks)
    iou, nms = (one.verdict for one in judged_both)
    assert (iou.verdict, iou.score) == (FAILED, 0)
    assert (nms.verdict, nms.score, nms.given_right) == (PASSED, 1.0, ("box_iou",))
    assert "Judged with a right `box_iou`" in nms.message


# --- an untrained module, whose weights are random until they are set


def network(width):
    """Two layers with a ReLU between them."""
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def inputs_of_a_network(rng):
    for width in (4, 6):
        x = torch.from_numpy(rng.normal(size=(5, 3))).float()
        yield Case("outputs", (width,), apply=(x,), parameters=True, filled=True)


NETWORK = exercise(
    network,
    inputs_of_a_network,
    [Group("outputs", "A layer, a ReLU, and a layer.")],
    [
        Misconception(
            "no_relu",
            "The ReLU is missing.",
            lambda width: nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2)),
        )
    ],
)
OWN_CLASS = """
import torch
from torch import nn
class network(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.last, self.first = nn.Linear(width, 2), nn.Linear(3, width)
    def forward(self, x):
        return self.last(torch.relu(self.first(x)))
"""


def test_an_untrained_module_is_judged_by_its_outputs_however_it_is_written(worker):
    assert judged(worker, NETWORK, OWN_CLASS).verdict.score == 1


def test_an_untrained_module_that_computes_something_else_is_named(worker):
    answer = OWN_CLASS.replace("torch.relu(self.first(x))", "self.first(x)")
    assert judged(worker, NETWORK, answer).verdict.misconception == "no_relu"


def test_filled_weights_hang_on_the_shape_alone_and_have_both_signs():
    from course.filling import values

    first, again = values(torch.Size([4, 3, 2, 2])), values(torch.Size([4, 3, 2, 2]))
    assert torch.equal(first, again)
    assert (first > 0).any()
    assert (first < 0).any()
    assert values(torch.Size([0, 3])).shape == (0, 3)
    assert values(torch.Size([])).shape == ()


def test_gradients_of_tensors_in_a_dict_are_observed_too():
    from course.outcome import LocalSubject, observe

    case = Case("sum", ({"a": torch.tensor(2.0), "b": torch.tensor(3.0)},), gradients=True)
    subject = LocalSubject(lambda losses: losses["a"] * losses["b"])
    assert observe(subject, case).value["gradients"] == [3.0, 2.0]
