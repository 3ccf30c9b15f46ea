"""Networks: layers whose weights a widget sets, what a student's network gives, what it sees."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from course.widgets.calling import Trouble, tensor

NOISES = 5  # that take the place of a row or column of the image
LARGEST_MAP = 40

Layer = TypeVar("Layer", bound=nn.Module)


def unfilled(kind: type[Layer], *options: Any, **named: Any) -> Layer:
    """Return a layer whose weights are to be set, without a change to the notebook's random state.

    (`torch.nn.utils.skip_init` would do, but takes half a second at its first call.)
    """
    with torch.random.fork_rng(devices=[]):
        return kind(*options, **named)


def applied(name: str, network: nn.Module, batch: Tensor, outputs: int) -> Tensor:
    """Return what a module that `name` returned gives for a batch, [B, K, rows, cols]."""
    try:
        with torch.no_grad():
            found = network(batch)
    except Exception as error:
        text = f"What `{name}` returned raised {type(error).__name__} on an input of "
        detail = str(error).split("\n")[0][:160]
        raise Trouble("raised", f"{text}{[*batch.shape]}: {detail}") from None
    given = f"What `{name}` returned was given an input of {[*batch.shape]}."
    try:
        answers = tensor("it", found, (len(batch), outputs, "rows", "cols"), batch)
    except Trouble as trouble:
        raise Trouble(trouble.kind, f"{given} {trouble.text.replace('`it`', 'It')}") from None
    if not 1 <= min(answers.shape[2:]) <= max(answers.shape[2:]) <= LARGEST_MAP:
        raise Trouble("shape", f"{given} It returned the shape {[*answers.shape]}.")
    return answers


def seen_by(
    name: str, network: nn.Module, image: Tensor, dim: int, found: Tensor
) -> list[list[int]]:
    """Return for each row (`dim` 1) or column (2) of the output [first, last + 1] of the rows or
    columns of the image on which it depends: those that change it when they are changed."""
    count, lines = image.shape[dim], torch.arange(image.shape[dim])
    generator = torch.Generator().manual_seed(1)
    noise = 3 * torch.randn((NOISES, *image.shape), generator=generator)
    changed = image.repeat(NOISES, count, 1, 1, 1)  # [noises, count, C, H, W]
    for one, other in zip(changed, noise, strict=True):
        if dim == 1:
            one[lines, :, lines] = other.transpose(0, 1)
        else:
            one[lines, :, :, lines] = other.permute(2, 0, 1)
    answers = applied(name, network, changed.flatten(0, 1), len(found))
    if answers.shape[2:] != found.shape[1:]:
        return []
    unlike = (answers - found).abs() > 1e-6
    depends = unlike.view(NOISES, count, *found.shape).any(dim=0)  # [count, K, rows, columns]
    depends = depends.any(dim=1).any(dim=2 if dim == 1 else 1)  # [count, rows or columns]
    spans = []
    for line in depends.T.tolist():
        which = [i for i, yes in enumerate(line) if yes]
        spans.append([which[0], which[-1] + 1] if which else [0, 0])
    return spans
