"""How a student's segmentation network is trained and scored: by `check`, and by the grader.

The recipe is the one that the lesson states. A pixel is sky, ground, road or an object. All of them
have random colours, so that a pixel's own colour says little about its category.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course.scenes import CATEGORIES as NAMES
from course.scenes import CLASSES, scene

SIZE = (48, 48)
OBJECTS = (2, 5)
CATEGORIES = 4  # sky, ground, road, and any object
BATCH = 4
LEARNING_RATE = 4e-3
RECIPE = {"steps": 300, "scenes": 200, "seed": 7}
TRAINING_SEED = 1_000_000  # of the first training scene; hidden ones have other seeds
STUFF = {"void": 0, "sky": 0, "ground": 1, "road": 2}
THING = 3


def trained(
    function: Callable[..., Any], arguments: Sequence[Any], training: dict[str, Any]
) -> Any:
    """Return what `function` returns; a module after training, ready to be applied.

    `training` has the number of `steps` (0: the module stays as it is made), of training `scenes`
    and the `seed` that decides initial weights and the order of scenes. One thread, so that equal
    machines give equal weights.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training["seed"])
            network = function(*arguments)
            if isinstance(network, nn.Module):
                fit(network, training["steps"], training.get("scenes", 0))
                network.eval()
        return network
    finally:
        torch.set_num_threads(threads)


def fit(network: nn.Module, steps: int, count: int) -> None:
    """Train by AdamW on random batches of training scenes; the learning rate rises, then falls."""
    if not steps:
        return
    images, labels = scenes(tuple(range(TRAINING_SEED, TRAINING_SEED + count)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    network.train()
    for _ in range(steps):
        batch = torch.randint(count, (BATCH,))
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


@lru_cache(maxsize=4)
def scenes(seeds: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the scenes of these seeds: images [B, 3, H, W] and categories [B, H, W]."""
    category = torch.tensor([THING if name in CLASSES else STUFF[name] for name in NAMES])
    drawn = [scene(seed, SIZE, objects=OBJECTS) for seed in seeds]
    images = torch.stack([each.image for each in drawn])
    return images, category[torch.stack([each.semantic for each in drawn])]


def mean_iou(logits: Any, labels: Tensor, categories: int) -> Any:
    """Return the IoU of predicted and true pixels, averaged over the categories that occur.

    What are no logits [B, K, H, W] for these labels is returned as it is.
    """
    shape = (len(labels), categories, *labels.shape[1:])
    if not isinstance(logits, Tensor) or logits.shape != shape or not logits.isfinite().all():
        return logits
    predicted = logits.argmax(dim=1)
    scores = []
    for category in range(categories):
        ours, true = predicted == category, labels == category
        either = (ours | true).sum().item()
        if either:
            scores.append((ours & true).sum().item() / either)
    return sum(scores) / len(scores)
