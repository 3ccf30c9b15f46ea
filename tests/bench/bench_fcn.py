"""What mean IoU the exercise build_fcn reaches: right designs and colour alone, with many seeds.

The points of the exercise are set by this table: see RAMP and FLOOR there.
"""

import runpy
import statistics
import sys
import time
from pathlib import Path

import torch

from autograder.exercises.transposed_conv.build_fcn import FLOOR, HIDDEN_SCENES, RAMP, pointwise
from course.training import CATEGORIES, RECIPE, mean_iou, scenes, trained
from solutions.fcn import build_fcn

ANSWERS = Path(__file__).parents[1] / "autograder" / "answers" / "06_transposed_conv"
SEEDS = 10


def designs():
    """Return every design by its name; the last one is not to pass."""
    found = {"the model answer": build_fcn}
    for path in sorted(ANSWERS.glob("right_fcn_*.py")):
        found[path.stem.removeprefix("right_fcn_")] = runpy.run_path(str(path))["build_fcn"]
    return {**found, "1x1 convolutions": pointwise}


def score(build, seed):
    """Return the mean IoU and the CPU seconds of one training."""
    images, labels = scenes(tuple(range(2**40 + 1000 * seed, 2**40 + 1000 * seed + HIDDEN_SCENES)))
    start = time.process_time()
    network = trained(build, (3, CATEGORIES), {**RECIPE, "seed": seed})
    seconds = time.process_time() - start
    with torch.no_grad():
        return mean_iou(network(images), labels, CATEGORIES), seconds


def main():
    """Print a line for each design, as soon as it is known."""
    print(f"mean IoU of {SEEDS} seeds; floor {FLOOR}, ramp {RAMP}; recipe {RECIPE}")
    print(f"{'design':<20} {'lowest':>7} {'median':>7} {'highest':>7} {'CPU s':>6}")
    for name, build in designs().items():
        values, seconds = zip(*[score(build, seed) for seed in range(SEEDS)], strict=True)
        low, high, middle = min(values), max(values), statistics.median(values)
        line = f"{low:7.3f} {middle:7.3f} {high:7.3f} {statistics.median(seconds):6.1f}"
        print(f"{name:<20} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
