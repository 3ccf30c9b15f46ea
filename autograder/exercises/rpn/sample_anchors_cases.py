"""The cases of the exercise `sample_anchors`.

A sample is right in many ways, so it is judged by what views say of several: how many labels of
each kind, which of them are ever drawn, and whether equal seeds give equal samples.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import STRICT, shuffled
from course.cases import Group
from course.outcome import Case

SAMPLE_ANCHORS_GROUPS = (
    Group("a batch that holds all", "Where the batch has room for every candidate, all stay."),
    Group(
        "numbers",
        "At most int(batch_size * positive_fraction) positives are drawn, then negatives until the "
        "batch is full. All other labels become -1.",
    ),
    Group("few positives", "Where positives are few, more negatives fill the batch."),
    Group(
        "by chance",
        "Which are drawn is left to chance: over many samples, every positive and every negative "
        "is drawn at times, and none each time.",
    ),
    Group("few negatives", "Where negatives are few, the batch stays smaller.", edge=True),
    Group("fractions", "The fraction of positives is given, and may be 0 or 1.", edge=True),
    Group("rounded down", "The number of positives is rounded down: of 7 a half is 3.", edge=True),
    Group(
        "one kind only",
        "There may be no positives, no negatives, or neutral anchors alone.",
        edge=True,
    ),
    Group("a generator", "With equal generators the samples are equal.", edge=True),
    Group("no generator", "Without a generator the sample is random all the same.", edge=True),
    Group("defaults", "A batch has 256 anchors, half of them positive at most.", edge=True),
    Group("no anchors", "Without anchors the result is empty.", edge=True),
    Group("types", "Labels are int64.", True, STRICT),
)
# Three of six are drawn each time. That in 36 samples one of 12 anchors is drawn never or always
# has a chance of 24 / 2^36, less than 1 in 10^9; the seeds are part of the variant.
SAMPLES = 36


def draw_sample_anchors(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def labels(positives: int, negatives: int, neutral: int | None = None) -> Tensor:
        rest = int(rng.integers(4, 9)) if neutral is None else neutral
        counts = torch.tensor([positives, negatives, rest])
        return shuffled(rng, torch.tensor([1, 0, -1]).repeat_interleave(counts))

    def seeds(count: int) -> tuple[int, ...]:
        return tuple(int(seed) for seed in rng.integers(0, 2**31, size=count))

    def counted(group: str, *options: Any, view: str = "numbers_sampled", count: int = 2) -> Case:
        given = (*options, torch.Generator())
        return Case(group, given, seeds=seeds(count), view=view)

    more = int(rng.integers(0, 3))
    return [
        Case("a batch that holds all", (labels(3 + more, 5), 32, 0.5)),
        Case("a batch that holds all", (labels(2, 4 + more), 24, 0.5, torch.Generator())),
        counted("numbers", labels(8, 9 + more), 8, 0.5, count=9),
        counted("numbers", labels(9 + more, 20), 12, 0.25, count=9),
        counted("few positives", labels(1 + more, 12), 10, 0.5),
        counted("few positives", labels(2, 11 + more), 9, 1.0),
        counted("by chance", labels(6, 6), 6, 0.5, view="spread_of_samples", count=SAMPLES),
        counted("few negatives", labels(9, 1 + more), 10, 0.5),
        counted("fractions", labels(7, 12), 8, float(rng.choice([0.125, 0.25, 0.75]))),
        counted("fractions", labels(6, 9), 6, 0.0),
        counted("fractions", labels(9, 6), 6 + more, 1.0),
        counted("rounded down", labels(8, 9), 7 + 4 * (more % 2), 0.5),
        counted("one kind only", labels(0, 4 + more), 6 + more, 0.5),
        counted("one kind only", labels(8, 0), 6 + 2 * more, 0.5),
        Case("one kind only", (labels(0, 0, 3 + more), 8, 0.5)),
        Case(
            "a generator",
            (labels(24, 24), 24, 0.5, torch.Generator()),
            seeds=seeds(1) * 2,
            view="equal_samples",
        ),
        Case("no generator", (labels(8, 9 + more), 8, 0.5), seeds=(1, 2), view="numbers_sampled"),
        Case("defaults", (labels(130 + more, 140),), seeds=(1, 2), view="numbers_sampled"),
        Case("no anchors", (torch.zeros(0, dtype=torch.int64), 8, 0.5)),
        Case("types", (labels(2, 3 + more), 16, 0.5)),
    ]
