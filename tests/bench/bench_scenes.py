"""What a scene costs, and a photograph, on one thread."""

import statistics
import time
from collections.abc import Callable

import torch

from course.scenes import PHOTOGRAPHS, photograph, scene
from tests.bench.timing import describe_machine, milliseconds, table

COUNT = 50


def main() -> None:
    torch.set_num_threads(1)
    describe_machine(["numpy", "torch"])
    rows = [
        ["scene, 128 x 128, medium", *_times(lambda seed: scene(seed))],
        ["scene, 128 x 128, hard", *_times(lambda seed: scene(seed, difficulty="hard"))],
        [
            "scene, 64 x 64, 1-3 objects",
            *_times(lambda seed: scene(seed, (64, 64), objects=(1, 3))),
        ],
    ]
    start = time.perf_counter()
    for name in PHOTOGRAPHS:
        photograph(name)
    rows.append(
        [
            f"all {len(PHOTOGRAPHS)} photographs, the first time",
            milliseconds(time.perf_counter() - start),
            "",
        ]
    )
    table(["what", "median, ms", "slowest, ms"], rows)


def _times(make: Callable[[int], object]) -> tuple[str, str]:
    """Return the median and the longest time of scenes with different seeds."""
    make(0)
    times = []
    for seed in range(COUNT):
        start = time.process_time()
        make(seed)
        times.append(time.process_time() - start)
    return milliseconds(statistics.median(times)), milliseconds(max(times))
