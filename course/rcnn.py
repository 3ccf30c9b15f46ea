"""What the lesson on R-CNN is given: first regions, overlaps by counting, proposals, a network."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course.scenes import Scene

COLOUR_BINS = 8
CROP = 24  # pixels of a side
CELL, DIRECTIONS = 4, 4

Grouping = Callable[..., Tensor]
Similarity = Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True)
class Regions:
    """An image cut into regions 0 .. N-1, and what grouping needs to know of them.

    `segments` [H, W] has the number of each pixel's region. A row of `contents` holds a region's
    pixels and then, channel by channel, how many of them have each of 8 levels of the channel.
    """

    segments: Tensor
    boxes: Tensor
    contents: Tensor
    neighbours: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.boxes)


def first_regions(image: Tensor, scale: float = 100.0, min_size: int = 20) -> Regions:
    """Return the regions of an image [3, H, W] that Selective Search begins with.

    They are those of Felzenszwalb and Huttenlocher (2004); a larger scale gives fewer of them.
    None has fewer than `min_size` pixels.
    """
    from skimage.segmentation import felzenszwalb  # takes a while to import

    pixels = image.permute(1, 2, 0).double().numpy()
    found = felzenszwalb(pixels, scale=scale, sigma=0.8, min_size=min_size, channel_axis=-1)
    height, width = found.shape
    y, x = np.indices(found.shape)
    count = int(found.max()) + 1
    edges = np.array([[width], [height], [-1], [-1]]).repeat(count, axis=1)
    np.minimum.at(edges[0], found, x)
    np.minimum.at(edges[1], found, y)
    np.maximum.at(edges[2], found, x + 1)
    np.maximum.at(edges[3], found, y + 1)
    levels = np.minimum((pixels * COLOUR_BINS).astype(int), COLOUR_BINS - 1)
    cells = found[..., None] * COLOUR_BINS + levels  # a region's level of each channel
    counts = [
        np.bincount(cells[..., channel].ravel(), minlength=count * COLOUR_BINS)
        for channel in range(3)
    ]
    contents = np.hstack(
        [np.bincount(found.ravel())[:, None], *[c.reshape(count, COLOUR_BINS) for c in counts]]
    )
    return Regions(
        torch.from_numpy(found),
        torch.from_numpy(edges.T.copy()).float(),
        torch.from_numpy(contents).float(),
        _touching(found),
    )


def _touching(found: Any) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, of regions that have pixels side by side."""
    across = np.stack([found[:, 1:].ravel(), found[:, :-1].ravel()], axis=1)
    down = np.stack([found[1:].ravel(), found[:-1].ravel()], axis=1)
    pairs = np.sort(np.concatenate([across, down]), axis=1)
    unlike = pairs[pairs[:, 0] != pairs[:, 1]]
    return [(int(i), int(j)) for i, j in np.unique(unlike, axis=0)]


def segments_after(
    regions: Regions, mergers: Sequence[int], grouping: Grouping, similarity: Similarity
) -> list[Tensor]:
    """Return the segments [H, W] that are left after each of these numbers of mergers.

    `grouping` tells only boxes. So each region's row gets a mark of its own at the end: rows are
    added, and those of a merger show which of the first regions are in it.
    """
    count = len(regions)
    marked = torch.cat([regions.contents, torch.eye(count)], dim=1)
    seen: dict[tuple[int, ...], None] = {}

    def watched(box_a: Any, row_a: Any, box_b: Any, row_b: Any) -> Any:
        for row in (row_a, row_b):
            marks = torch.as_tensor(row[-count:])
            seen.setdefault(tuple(marks.nonzero().flatten().tolist()))
        return similarity(box_a, row_a[:-count], box_b, row_b[:-count])

    grouping(regions.boxes, marked, regions.neighbours, watched)
    merged = [members for members in seen if len(members) > 1]
    maps = []
    for number in mergers:
        region_of = torch.arange(count)
        for new, members in enumerate(merged[:number]):
            region_of[list(members)] = count + new
        maps.append(region_of[regions.segments])
    return maps


def in_mean_colours(image: Tensor, segments: Tensor) -> Tensor:
    """Return the image [3, H, W] with each region in the mean of its colours."""
    numbers = segments.flatten()
    counts = torch.bincount(numbers).clamp(min=1)
    means = [torch.bincount(numbers, plane.flatten()) / counts for plane in image]
    return torch.stack(means)[:, segments].float()


def pixel_iou(a: Tensor, b: Tensor, size: tuple[int, int] = (128, 128)) -> Tensor:
    """Return how far boxes agree, [N, M]: pixels in both over pixels in at least one.

    A pixel is in a box when its centre is. Notebook 03 does the same without counting.
    """
    rows_a, columns_a = _inside(a, size)
    rows_b, columns_b = _inside(b, size)
    both = (rows_a @ rows_b.T) * (columns_a @ columns_b.T)
    one = rows_a.sum(dim=1) * columns_a.sum(dim=1)
    other = rows_b.sum(dim=1) * columns_b.sum(dim=1)
    return both / (one[:, None] + other - both).clamp(min=1)


def _inside(boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return 1.0 for the rows [N, H] and columns [N, W] of pixels that meet a box, else 0.0."""
    y, x = (torch.arange(side) + 0.5 for side in size)
    left, top, right, bottom = (side[:, None] for side in boxes.unbind(dim=1))
    return ((y >= top) & (y < bottom)).float(), ((x >= left) & (x < right)).float()


def practice_proposals(scene: Scene, generator: torch.Generator) -> Tensor:
    """Return about 170 boxes [N, 4] to learn from: near objects, on parts of them, anywhere.

    They also hold the first regions of the image and boxes around two neighbours, which are what
    Selective Search proposes and mostly background.
    """
    boxes, regions = scene.boxes, first_regions(scene.image)
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(6, 1)
    centre = (boxes[:, 2:] + boxes[:, :2]).repeat(6, 1) / 2
    moved = 2 * torch.rand(2, len(centre), 2, generator=generator) - 1
    shaken = boxes.repeat(6, 1) + 0.14 * size.repeat(1, 2) * torch.randn(
        len(centre), 4, generator=generator
    )
    parts = _around(centre + 0.45 * size * moved[0], size * (moved[1] - 0.2).exp())
    anywhere = torch.rand(2, 12, 2, generator=generator)
    pairs = torch.tensor(regions.neighbours).reshape(-1, 2)
    pairs = pairs[torch.randperm(len(pairs), generator=generator)[:30]]
    first, second = regions.boxes[pairs[:, 0]], regions.boxes[pairs[:, 1]]
    both = torch.cat(
        [torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:])], 1
    )
    away = _around(130 * anywhere[0], 8 + 60 * anywhere[1])
    return large_enough(torch.cat([shaken, parts, away, regions.boxes, both]))


def _around(centre: Tensor, size: Tensor) -> Tensor:
    return torch.cat([centre - size / 2, centre + size / 2], dim=1)


def large_enough(boxes: Tensor, side: float = 8.0) -> Tensor:
    """Return the boxes whose width and height are `side` pixels or more."""
    return boxes[(boxes[:, 2:] - boxes[:, :2] >= side).all(dim=1)]


def with_context(boxes: Tensor, share: float = 0.15) -> Tensor:
    """Return the boxes larger by this share of their size on every side."""
    margin = share * (boxes[:, 2:] - boxes[:, :2])
    return torch.cat([boxes[:, :2] - margin, boxes[:, 2:] + margin], dim=1)


def quick_crops(image: Tensor, boxes: Tensor) -> Tensor:
    """Return the boxes cut out and resized by the library, [N, 3, 24, 24]."""
    size = torch.tensor([image.shape[2], image.shape[1]])
    corner, end = boxes[:, :2] / size, boxes[:, 2:] / size
    ways = torch.diag_embed(end - corner)  # the library's coordinates go from -1 to 1
    places = torch.cat([ways, (corner + end - 1)[:, :, None]], dim=2)
    grid = F.affine_grid(places, [len(boxes), 3, CROP, CROP], align_corners=False)
    images = image.expand(len(boxes), -1, -1, -1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


class RegionNetwork(nn.Module):
    """A small network: for each crop the logits of background and K classes, and a transform.

    `features` is fixed: it asks how strong the edges of four directions are in each of 6 x 6 cells.
    Only `heads`, two linear layers, learn.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        count = DIRECTIONS * (CROP // CELL) ** 2
        self.heads = nn.Sequential(
            nn.Linear(count, 128), nn.ReLU(), nn.Linear(128, 5 + num_classes)
        )

    def features(self, crops: Tensor) -> Tensor:
        """Return what is measured on each crop, [N, 144]."""
        across = F.pad(crops[..., 2:] - crops[..., :-2], (1, 1))
        down = F.pad(crops[:, :, 2:] - crops[:, :, :-2], (0, 0, 1, 1))
        angles = [math.pi * k / DIRECTIONS for k in range(DIRECTIONS)]
        rises = [math.cos(angle) * across + math.sin(angle) * down for angle in angles]
        strongest = torch.stack([rise.abs().amax(dim=1) for rise in rises], dim=1)
        cells = F.avg_pool2d(strongest, CELL).flatten(1)
        lengths = (cells * cells).sum(dim=1, keepdim=True).sqrt()
        return 8 * cells / (lengths + 0.05)

    def outputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits [N, K + 1] and transforms [N, 4] for features."""
        numbers = self.heads(features)
        return numbers[:, : self.num_classes + 1], numbers[:, self.num_classes + 1 :]

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits [N, K + 1] and transforms [N, 4] for crops [N, 3, 24, 24]."""
        return self.outputs(self.features(crops))
