"""The exercise `sample_anchors`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rpn.sample_anchors_cases import (
    SAMPLE_ANCHORS_GROUPS,
    draw_sample_anchors,
)
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    crashes_on_no_boxes,
)
from solutions.rpn import sample_anchors

Numbers = tuple[int, int]  # of positives and negatives to draw
Pick = Callable[[Tensor, int, torch.Generator | None], Tensor]


def _filled(taken: int, negatives: int, batch: int) -> Numbers:
    """Return the numbers when so many positives are taken and negatives fill the batch."""
    return taken, min(negatives, batch - taken)


def _right(positives: int, negatives: int, batch: int, fraction: float) -> Numbers:
    return _filled(min(positives, int(batch * fraction)), negatives, batch)


def _filled_with_positives(positives: int, negatives: int, batch: int, fraction: float) -> Numbers:
    _, rest = _right(positives, negatives, batch, fraction)
    return min(positives, batch - rest), rest


def _fraction_of_negatives(positives: int, negatives: int, batch: int, fraction: float) -> Numbers:
    return _right(negatives, positives, batch, fraction)[::-1]


def _by_chance(candidates: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    return candidates[torch.randperm(len(candidates), generator=generator)[:count]]


def _with_replacement(candidates: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    if len(candidates) <= count:
        return candidates
    return candidates[torch.randint(len(candidates), (count,), generator=generator)]


def _the_first(candidates: Tensor, count: int, generator: Any) -> Tensor:
    return candidates[:count]


def _without_the_generator(candidates: Tensor, count: int, generator: Any) -> Tensor:
    return _by_chance(candidates, count, None)


def sample(
    labels: Tensor,
    batch_size: int = 256,
    positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
    *,
    numbers: Callable[[int, int, int, float], Numbers] = _right,
    positive: Pick = _by_chance,
    negative: Pick = _by_chance,
    lowest: int = 0,
    rest: int = -1,
) -> Tensor:
    """Return a sample of the labels; each option changes one step. `lowest`: of negative labels.

    Without a generator the sample is the same each time, so that equal builds are equal.
    """
    generator = generator or torch.Generator().manual_seed(0)
    positives = (labels == 1).nonzero().flatten()
    negatives = ((labels <= 0) & (labels >= lowest)).nonzero().flatten()
    p, n = numbers(len(positives), len(negatives), batch_size, positive_fraction)
    sampled = torch.full_like(labels, rest)
    sampled[positive(positives, p, generator)] = 1
    sampled[negative(negatives, n, generator)] = 0
    return sampled


def _half(labels: Tensor, batch_size: int = 256, fraction: float = 0.5, *rest: Any) -> Tensor:
    return sample(labels, batch_size, 0.5, *rest)


def _batch_of_256(labels: Tensor, batch_size: int = 256, *rest: Any) -> Tensor:
    return sample(labels, 256, *rest)


def _where(sampled: Tensor) -> Tensor:
    return (sampled != -1).nonzero().flatten()


def _fails_with_fewer(
    labels: Tensor, batch: int = 256, fraction: float = 0.5, *rest: Any
) -> Tensor:
    """`random.sample` and the like refuse to draw more than there are."""
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    wanted = int(batch * fraction)
    if positives < wanted or negatives < batch - min(positives, wanted):
        raise ValueError("sample larger than population")
    return sample(labels, batch, fraction, *rest)


def _fails_without_a_generator(*arguments: Any) -> Tensor:
    if len(arguments) < 4:
        raise AttributeError("None has no seed")
    return sample(*arguments)


def _overwrite(labels: Tensor, *rest: Any) -> None:
    labels.copy_(sample(labels, *rest))


SAMPLE_ANCHORS = Exercise(
    name="sample_anchors",
    reference=sample_anchors,
    groups=SAMPLE_ANCHORS_GROUPS,
    draw=draw_sample_anchors,
    misconceptions=(
        Misconception(
            "positives_without_limit",
            "It keeps all positives: they take at most their fraction of the batch.",
            partial(sample, numbers=lambda p, n, batch, _: _filled(min(p, batch), n, batch)),
        ),
        Misconception(
            "all_negatives",
            "It keeps all negatives, of which there are far more: they only fill the batch up.",
            partial(sample, numbers=lambda p, n, batch, share: (min(p, int(batch * share)), n)),
        ),
        Misconception(
            "not_filled_up",
            "Where positives are few the batch stays small: negatives take all the room that "
            "positives leave.",
            partial(
                sample,
                numbers=lambda p, n, batch, share: (
                    min(p, int(batch * share)),
                    min(n, batch - int(batch * share)),
                ),
            ),
        ),
        Misconception(
            "as_many_of_both",
            "It draws as many negatives as it drew positives: negatives fill the batch, however "
            "few positives there are.",
            partial(
                sample,
                numbers=lambda p, n, batch, share: (
                    min(p, int(batch * share)),
                    min(p, n, int(batch * share)),
                ),
            ),
        ),
        Misconception(
            "filled_with_positives",
            "Where negatives are few it fills the batch with positives: they never take more than "
            "their fraction, and the batch stays smaller.",
            partial(sample, numbers=_filled_with_positives),
        ),
        Misconception(
            "fraction_of_the_positives_there_are",
            "It takes the fraction of the positives that there are: it is the fraction of the "
            "batch that positives may fill.",
            partial(
                sample,
                numbers=lambda p, n, batch, share: _filled(min(int(p * share), batch), n, batch),
            ),
        ),
        Misconception(
            "fraction_for_negatives",
            "It limits negatives to the fraction and fills the batch with positives: the fraction "
            "is that of positives.",
            partial(sample, numbers=_fraction_of_negatives),
        ),
        Misconception(
            "rounded_up",
            "Half of a batch of 7 gives it 4 positives: the number is rounded down.",
            partial(
                sample,
                numbers=lambda p, n, batch, share: _filled(
                    min(p, int(batch * share + 0.5)), n, batch
                ),
            ),
        ),
        Misconception(
            "ignores_the_fraction",
            "It draws half of the batch positive whatever fraction is given: use the argument.",
            _half,
        ),
        Misconception(
            "ignores_the_batch_size",
            "It fills a batch of 256 whatever size is given: use the argument.",
            _batch_of_256,
        ),
        Misconception(
            "not_left_to_chance",
            "It draws the same anchors each time, such as the first of the list: the sample is "
            "random, or else most anchors would never be learned from.",
            partial(sample, positive=_the_first, negative=_the_first),
        ),
        Misconception(
            "only_positives_by_chance",
            "It draws positives at random, but always the same negatives: both are random.",
            partial(sample, negative=_the_first),
        ),
        Misconception(
            "ignores_the_generator",
            "Equal generators give different samples: hand the generator to whatever draws.",
            partial(sample, positive=_without_the_generator, negative=_without_the_generator),
        ),
        Misconception(
            "with_replacement",
            "It may draw one anchor twice, so that the batch has fewer than it should: draw "
            "without putting back.",
            partial(sample, positive=_with_replacement, negative=_with_replacement),
        ),
        Misconception(
            "neutral_as_negative",
            "It draws neutral anchors as if they were negative: they stay -1, as they must not be "
            "in any loss.",
            partial(sample, lowest=-1),
        ),
        Misconception(
            "rest_becomes_negative",
            "Anchors that were not drawn get label 0, which makes them all negative: they become "
            "neutral, -1.",
            partial(sample, rest=0),
        ),
        Misconception(
            "returns_indices",
            "It returns which anchors were drawn: return a label for each anchor, -1 for those "
            "that were not.",
            after(sample, _where),
        ),
        Misconception(
            "returns_the_drawn_labels",
            "It returns the labels of the drawn anchors alone: return one for each anchor, -1 for "
            "those that were not drawn.",
            after(sample, lambda sampled: sampled[sampled != -1]),
        ),
        Misconception(
            "float_labels",
            "Its labels are floats: they are int64, as they were.",
            after(sample, Tensor.float),
        ),
        Misconception(
            "fails_with_too_few",
            "It fails where there are fewer anchors of a kind than it would draw: draw all that "
            "there are.",
            _fails_with_fewer,
        ),
        Misconception(
            "fails_without_a_generator",
            "It fails without a generator, which is the usual case: any random numbers do then.",
            _fails_without_a_generator,
        ),
        changes_its_input(sample, _overwrite, "labels that were not drawn were overwritten"),
        crashes_on_no_boxes(sample),
    ),
)
