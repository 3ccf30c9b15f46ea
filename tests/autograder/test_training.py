"""Networks that are trained before they are judged: what crosses, what counts, and how often."""

import pytest
import torch
from torch import nn

from autograder import variants
from autograder.exercise import Misconception
from course import training
from course.cases import CaseSet, Group, assess
from course.check import NOT_TRAINED, check
from course.compare import Comparison
from course.outcome import NOT_TRIED, VALUE, Case, LocalSubject, Outcome, observe
from tests.autograder.sandboxed import exercise, judged

SHORT = {"steps": 2, "scenes": 4, "seed": 3}
SCENES = (2**40, 2**40 + 1)
AT_LEAST = Comparison(at_least=True)
GROUPS = [
    Group("shapes", "Images become maps of classes."),
    Group("learns a little", "It is better than nothing.", comparison=AT_LEAST, goal=0.01),
    Group("learns it all", "It is perfect.", edge=True, comparison=AT_LEAST, goal=0.999),
]


def net(channels, classes):
    """Return a layer."""
    return nn.Conv2d(channels, classes, 3, padding=1)


def no_padding(channels, classes):
    return nn.Conv2d(channels, classes, 3)


def draw(rng):
    usual, image = (3, training.CATEGORIES), torch.zeros(1, 3, 8, 8)
    trained = {"training": SHORT, "scenes": SCENES}
    return [
        Case("shapes", usual, apply=(image,), training={**SHORT, "steps": 0}, view="shapes"),
        Case("learns a little", usual, **trained),
        Case("learns it all", usual, **trained),
    ]


@pytest.fixture
def networks():
    known = Misconception("no_padding", "The border is lost.", no_padding)
    return exercise(net, draw, GROUPS, [known])


def test_drawing_cases_trains_nothing_and_a_mistake_is_open_there(networks, monkeypatch):
    monkeypatch.setattr(training, "fit", lambda network, steps, count: steps and 1 / 0)
    import numpy as np

    case_set = variants.draw(networks, np.random.default_rng(0))
    variants.validate(networks, case_set)
    assert [outcome.value for outcome in case_set.expected[1:]] == [0.01, 0.999]
    assert [outcome.kind for outcome in case_set.mistakes[0].outcomes] == [VALUE] + [NOT_TRIED] * 2
    assert CaseSet.from_bytes(case_set.to_bytes()).groups == case_set.groups


def test_equal_trainings_are_done_once():
    made = []

    def counted(channels, classes):
        made.append(1)
        return net(channels, classes)

    subject = LocalSubject(counted)
    first, second = (observe(subject, case) for case in draw(None)[1:])
    assert len(made) == 1
    assert first.value == second.value
    assert 0 < first.value < 1


def test_a_training_is_the_same_each_time_and_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a, b = (training.trained(net, (3, 4), SHORT) for _ in range(2))
    assert torch.equal(a.weight, b.weight)
    assert not a.training
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_grader_trains_in_the_sandbox_and_scores_by_labels_that_never_go_there(
    networks, worker
):
    code = "def net(channels, classes):\n    return nn.Conv2d(channels, classes, 3, padding=1)"
    found = judged(worker, networks, "from torch import nn", code)
    assert [case.verdict for case in found.verdict.cases] == [
        "passed",
        "passed",
        "failed",
        "passed",
    ]
    assert found.verdict.score == pytest.approx(0.8)
    local = observe(LocalSubject(net), draw(None)[1])
    assert found.outcomes[1].value == pytest.approx(local.value, abs=0.02)
    assert "It is perfect." in found.verdict.message


def test_a_mistake_is_named_whatever_its_training_gives(networks, worker):
    code = "def net(channels, classes):\n    return nn.Conv2d(channels, classes, 3)"
    found = judged(worker, networks, "from torch import nn", code).verdict
    assert (found.score, found.misconception) == (0, "no_padding")


def test_what_does_not_come_out_as_logits_of_the_scenes_scores_nothing(networks, worker):
    liar = (
        "class Liar(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.w = nn.Parameter(torch.zeros(1))\n"
        "    def forward(self, x):\n        return self.w * 0 + float('nan') + "
        "torch.zeros(len(x), 4, *x.shape[2:])\n"
        "def net(channels, classes):\n    return Liar()"
    )
    found = judged(worker, networks, "import torch\nfrom torch import nn", liar).verdict
    assert found.score == 0


def test_mean_iou_is_over_the_categories_that_occur():
    labels = torch.tensor([[[0, 0, 1, 1]]])
    logits = nn.functional.one_hot(torch.tensor([[[0, 1, 1, 1]]]), 3).permute(0, 3, 1, 2).float()
    assert training.mean_iou(logits, labels, 3) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert training.mean_iou(logits, labels, 4) is logits
    assert training.mean_iou("nothing", labels, 3) == "nothing"


def test_scenes_for_training_have_the_four_categories_and_colour_does_not_tell_them():
    images, labels = training.scenes(tuple(range(12)))
    assert images.shape == (12, 3, *training.SIZE)
    assert set(labels.unique().tolist()) == {0, 1, 2, 3}
    means = [images.permute(1, 0, 2, 3)[:, labels == category].mean(dim=1) for category in range(4)]
    distances = (images[:, None] - torch.stack(means)[None, :, :, None, None]).norm(dim=2)
    assert training.mean_iou(-distances, labels, 4) < 0.35


def test_check_trains_only_when_it_is_asked_to(networks, tmp_path, monkeypatch, capsys):
    import numpy as np

    case_set = variants.draw(networks, np.random.default_rng(0))
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "net.cases").write_bytes(case_set.to_bytes())
    monkeypatch.chdir(tmp_path)
    check(net)
    assert NOT_TRAINED.format(name="net").strip() in capsys.readouterr().out
    check(net, train=True)
    said = capsys.readouterr().out
    assert "learns it all" in said
    assert "It is perfect." in said


def test_an_outcome_that_was_not_tried_is_no_reason_to_fail():
    cases = tuple(draw(None))
    expected = tuple(Outcome(VALUE, group.goal) for group in GROUPS)
    case_set = CaseSet("net", tuple(GROUPS), cases, expected, ())
    assert assess(case_set, [Outcome(VALUE, None), Outcome(NOT_TRIED), Outcome(NOT_TRIED)]).passed
