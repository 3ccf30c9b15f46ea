"""The exercises `histogram_intersection`, `size_similarity` and `fill_similarity`."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import redraw
from course.cases import Group
from course.outcome import Case
from solutions.proposals import fill_similarity, histogram_intersection, size_similarity

HISTOGRAM_GROUPS = (
    Group(
        "histograms",
        "Of each bin the smaller of the two values counts, and these are added up over all bins.",
    ),
    Group("equal histograms", "A histogram has everything in common with itself: 1.", edge=True),
    Group(
        "nothing in common",
        "Where one histogram is 0 in every bin that the other one fills, the result is 0.",
        edge=True,
    ),
    Group("empty bins", "A bin that is empty in both adds nothing: there is no 0 / 0.", edge=True),
    Group("one bin", "With one bin only, all is in it, in both histograms: 1.", edge=True),
    Group("float64", "Histograms may be float64 as well.", edge=True),
)


def histogram(rng: np.random.Generator, bins: int, empty: int = 0) -> Tensor:
    """Return a histogram of 64 things in `bins` bins, the first `empty` of them without any."""
    filled = bins - empty
    counts = 1 + rng.multinomial(64 - filled, np.ones(filled) / filled)
    return torch.tensor(np.append(np.zeros(empty), counts) / 64, dtype=torch.float32)


def draw_histograms(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def pair(bins: int) -> tuple[Tensor, Tensor]:
        def differ(drawn: tuple[Tensor, Tensor]) -> bool:
            distance = float((drawn[0] - drawn[1]).abs().sum())
            return 0.2 < distance < 0.9 and not torch.equal(*drawn)

        return redraw(lambda: (histogram(rng, bins), histogram(rng, bins)), differ)

    a, b = histogram(rng, 6, empty=3), histogram(rng, 6, empty=3).flip(0)
    sparse = histogram(rng, 7, empty=2), histogram(rng, 7, empty=3)
    return [
        Case("histograms", pair(4)),
        Case("histograms", pair(8)),
        Case("histograms", pair(5)),
        Case("equal histograms", (same := histogram(rng, 6), same.clone())),
        Case("nothing in common", (a, b)),
        Case("empty bins", sparse),
        Case("one bin", (torch.ones(1), torch.ones(1))),
        Case("float64", tuple(each.double() for each in pair(6))),
    ]


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum() / ((a * a).sum() * (b * b).sum()).sqrt()


def _one_by_one(a: Tensor, b: Tensor) -> Tensor:
    """Divide by the larger value in each bin, which may be 0 in both."""
    return torch.minimum(a, b).sum() * (a / a).mean() * (b / b).mean()


HISTOGRAM_INTERSECTION = Exercise(
    name="histogram_intersection",
    reference=histogram_intersection,
    groups=HISTOGRAM_GROUPS,
    draw=draw_histograms,
    misconceptions=(
        Misconception(
            "larger_of_each_bin",
            "It adds up the larger value of each bin: what two histograms have in common is the "
            "smaller one.",
            lambda a, b: torch.maximum(a, b).sum(),
        ),
        Misconception(
            "product_of_the_bins",
            "It multiplies the bins and adds up: a histogram would then be unlike itself. Take the "
            "smaller value of each bin.",
            lambda a, b: (a * b).sum(),
        ),
        Misconception(
            "cosine",
            "It computes the cosine of the angle between the histograms: the intersection adds up "
            "the smaller value of each bin.",
            _cosine,
        ),
        Misconception(
            "mean_over_bins",
            "It averages over the bins: the smaller values are added up, so that equal histograms "
            "give 1 with any number of bins.",
            lambda a, b: torch.minimum(a, b).mean(),
        ),
        Misconception(
            "distance",
            "It measures how much the histograms differ: a similarity is large where they agree.",
            lambda a, b: (a - b).abs().sum(),
        ),
        Misconception(
            "one_minus_the_whole_distance",
            "It takes 1 minus the sum of all differences, but what is moved from one bin to "
            "another is counted twice in that sum, where it is missing and where it is too much.",
            lambda a, b: 1 - (a - b).abs().sum(),
        ),
        Misconception(
            "share_of_bins_in_common",
            "It counts the bins that both fill, whatever is in them: the smaller value of each "
            "bin counts, not the bin.",
            lambda a, b: ((a > 0) & (b > 0)).float().mean(),
        ),
        Misconception(
            "not_added_up",
            "It returns the smaller value of each bin: add them up to one number.",
            torch.minimum,
        ),
        Misconception(
            "nan_of_an_empty_bin",
            "It divides by the value of a bin, which may be 0: nothing has to be divided here.",
            _one_by_one,
        ),
    ),
)

SIZE_GROUPS = (
    Group(
        "sizes",
        "The similarity is 1 minus the share of the image that the two regions cover together.",
    ),
    Group("small regions", "Two regions of a few pixels have a similarity of nearly 1.", edge=True),
    Group(
        "the whole image",
        "When both regions together are the whole image, nothing is left: 0.",
        edge=True,
    ),
    Group("tensors", "Sizes may be numbers or tensors with one number.", edge=True),
)


def _areas(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return sizes of two regions and of the image: floats, but whole numbers of pixels."""
    image = float(rng.integers(60, 200)) * float(rng.integers(60, 200))
    a, b = (float(int(image * share)) for share in rng.uniform([0.05, 0.3], [0.2, 0.6]))
    return (a, b, image) if rng.random() < 0.5 else (b, a, image)


def draw_sizes(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    a, _, image = _areas(rng)
    in_tensors = tuple(torch.tensor(each) for each in _areas(rng)[:2])
    return [
        Case("sizes", _areas(rng)),
        Case("sizes", _areas(rng)),
        Case("sizes", _areas(rng)),
        Case("small regions", (float(rng.integers(1, 9)), float(rng.integers(9, 20)), image)),
        Case("the whole image", (a, image - a, image)),
        Case("tensors", (*in_tensors, 40_000.0)),
    ]


def _even(a: float, b: float) -> float:
    return min(a, b) / max(a, b)


SIZE_SIMILARITY = Exercise(
    name="size_similarity",
    reference=size_similarity,
    groups=SIZE_GROUPS,
    draw=draw_sizes,
    misconceptions=(
        Misconception(
            "share_that_is_covered",
            "It gives the share of the image that the regions cover: small regions shall be the "
            "most similar, so take it from 1.",
            lambda a, b, image: (a + b) / image,
        ),
        Misconception(
            "equal_sizes_are_similar",
            "It compares the two sizes with each other: this similarity does not ask whether they "
            "are equal, but whether both are small.",
            lambda a, b, image: 1 - abs(a - b) / image,
        ),
        Misconception(
            "smaller_over_larger",
            "It divides the smaller size by the larger one: what counts is how much of the image "
            "both cover together.",
            lambda a, b, image: _even(a, b),
        ),
        Misconception(
            "only_the_larger_one",
            "It looks at the larger region only: both sizes are added.",
            lambda a, b, image: 1 - max(a, b) / image,
        ),
        Misconception(
            "mean_of_the_sizes",
            "It takes the mean of the two sizes: the sum is what the merged region covers.",
            lambda a, b, image: 1 - (a + b) / (2 * image),
        ),
        Misconception(
            "whole_numbers",
            "It divides to a whole number, which is 0 for nearly all regions: keep the fraction.",
            lambda a, b, image: 1 - (a + b) // image,
        ),
        Misconception(
            "pixels_that_are_left",
            "It counts the pixels that are left: divide by the area of the image, so that the "
            "similarity lies between 0 and 1.",
            lambda a, b, image: image - a - b,
        ),
    ),
)

FILL_GROUPS = (
    Group(
        "regions with gaps",
        "The gap is the area of the common box minus both regions; the similarity is 1 minus the "
        "share of the image that is gap.",
    ),
    Group("no gap", "Two regions that fill their common box fit perfectly: 1.", edge=True),
    Group("all gap", "Two small regions in opposite corners of the image: nearly 0.", edge=True),
    Group("tensors", "Sizes and areas may be numbers or tensors with one number.", edge=True),
)


def _gaps(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return sizes of two regions, of the box around both and of the image."""
    a, b, image = _areas(rng)
    return a, b, float(round((a + b) + rng.uniform(0.2, 0.7) * (image - a - b))), image


def draw_fills(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    a, b, image = _areas(rng)
    in_tensors = tuple(torch.tensor(each) for each in _gaps(rng)[:3])
    return [
        Case("regions with gaps", _gaps(rng)),
        Case("regions with gaps", _gaps(rng)),
        Case("regions with gaps", _gaps(rng)),
        Case("no gap", (a, b, a + b, image)),
        Case("all gap", (float(rng.integers(1, 9)), float(rng.integers(9, 20)), image, image)),
        Case("tensors", (*in_tensors, 40_000.0)),
    ]


FILL_SIMILARITY = Exercise(
    name="fill_similarity",
    reference=fill_similarity,
    groups=FILL_GROUPS,
    draw=draw_fills,
    misconceptions=(
        Misconception(
            "share_of_the_box_that_is_filled",
            "It divides what the regions cover by their common box: the gap is measured against "
            "the whole image, so that a gap between small regions costs little.",
            lambda a, b, box, image: (a + b) / box,
        ),
        Misconception(
            "share_that_is_gap",
            "It gives the share of the image that is gap: regions that fit well leave little, so "
            "take it from 1.",
            lambda a, b, box, image: (box - a - b) / image,
        ),
        Misconception(
            "sizes_not_taken_off",
            "It counts the whole common box as gap: what the two regions cover themselves must be "
            "taken off.",
            lambda a, b, box, image: 1 - box / image,
        ),
        Misconception(
            "only_one_size_taken_off",
            "It takes off one of the two regions only: the gap is what neither of them covers.",
            lambda a, b, box, image: 1 - (box - a) / image,
        ),
        Misconception(
            "size_difference_taken_off",
            "It takes off the first size and adds the second one again: both are taken off, so "
            "mind the signs.",
            lambda a, b, box, image: 1 - (box - (a - b)) / image,
        ),
        Misconception(
            "size_similarity_again",
            "This is the similarity of sizes: here the box around both regions matters as well.",
            lambda a, b, box, image: 1 - (a + b) / image,
        ),
    ),
)
