"""Selective Search: region proposals without learning, by grouping similar neighbouring regions.

An image is cut into many small regions; then, again and again, the two most similar neighbours
merge. The boxes of all regions that ever existed are the proposals.

Source: Uijlings et al., Selective Search for Object Recognition (IJCV 2013), sections 3.1 and 3.2.
"""

import math
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn import functional as F

COLOUR_BINS, TEXTURE_BINS, ORIENTATIONS = 25, 10, 8


def histogram_intersection(
    a: Float[Tensor, " bins"], b: Float[Tensor, " bins"]
) -> Float[Tensor, ""]:
    """Return how alike two histograms are: the sum, over all bins, of the smaller of both values.

    The bins of each histogram add up to 1 (L1-normalised), so the result lies in [0, 1]: it is 1
    for equal histograms and 0 for two that have no bin in common.

    Source: Selective Search, section 3.2, equation 1.
    """
    return torch.minimum(a, b).sum()


def size_similarity(
    size_a: float | Tensor, size_b: float | Tensor, image_area: float
) -> float | Tensor:
    """Return the share of the image that is left when both regions are taken off: 1 at most.

    Sizes and `image_area` are numbers of pixels. It makes small regions merge early.

    Source: Selective Search, section 3.2, equation 4.
    """
    return 1 - (size_a + size_b) / image_area


def fill_similarity(
    size_a: float | Tensor,
    size_b: float | Tensor,
    union_box_area: float | Tensor,
    image_area: float,
) -> float | Tensor:
    """Return 1 minus the share of the image that is gap between the two regions.

    The gap is what the regions leave free of the box around both, whose area is `union_box_area`;
    sizes are numbers of pixels. It is 1 where they fill that box, as a hole and its frame do.

    Source: Selective Search, section 3.2, equation 5.
    """
    return 1 - (union_box_area - size_a - size_b) / image_area


def group_regions(
    boxes: Float[Tensor, "N 4"],
    sizes: Num[Tensor, "N *quantities"],
    neighbours: Iterable[tuple[int, int]],
    similarity: Callable[[Tensor, Tensor, Tensor, Tensor], float | Tensor],
) -> Float[Tensor, "regions 4"]:
    """Return the boxes of all regions of a greedy hierarchical grouping.

    First come the boxes (x1, y1, x2, y2) of the given regions, then that of each merger in order.
    `neighbours` holds pairs of indices, in any order and either index first. In each round the two
    most similar neighbours merge; of equal similarities the lowest pair (i, j), i < j. The merger
    gets the next free index, the sum of the two sizes, the box around both and the neighbours of
    both; the two regions have no neighbours any more. It ends when no neighbours are left, which
    may leave several regions.

    `similarity(box_a, size_a, box_b, size_b)` is symmetric and returns a number. A size may be one
    number or a row of several, which all add up.

    Source: Selective Search, section 3.1, algorithm 1.
    """
    regions, amounts = list(boxes), list(sizes)
    similarities: dict[tuple[int, int], float] = {}
    for i, j in neighbours:
        pair = (min(i, j), max(i, j))
        similarities[pair] = float(similarity(regions[i], amounts[i], regions[j], amounts[j]))
    while similarities:
        a, b = min(similarities, key=lambda pair: (-similarities[pair], pair))
        merger = len(regions)
        top_left = torch.minimum(regions[a][:2], regions[b][:2])
        bottom_right = torch.maximum(regions[a][2:], regions[b][2:])
        regions.append(torch.cat([top_left, bottom_right]))
        amounts.append(amounts[a] + amounts[b])
        touching = {i for pair in similarities if {a, b} & set(pair) for i in pair} - {a, b}
        similarities = {pair: s for pair, s in similarities.items() if not {a, b} & set(pair)}
        for i in sorted(touching):
            similarities[i, merger] = float(
                similarity(regions[i], amounts[i], regions[merger], amounts[merger])
            )
    return torch.stack(regions) if regions else boxes.clone()


def selective_search(
    image: Float[Tensor, "C H W"],
    *,
    scales: tuple[float, ...] = (50.0, 100.0, 200.0),
    sigma: float = 0.8,
    min_size: int = 20,
) -> Float[Tensor, "N 4"]:
    """Return the boxes (x1, y1, x2, y2) of Selective Search's region proposals, each box once.

    The initial regions are those of Felzenszwalb and Huttenlocher; a larger scale makes them
    larger, `min_size` is their least number of pixels. For every scale come the boxes of the
    initial regions and then those of their mergers, so that later boxes are larger.
    """
    from skimage.segmentation import felzenszwalb  # takes a while to import

    proposals: dict[tuple[float, ...], None] = {}
    for scale in scales:
        pixels = image.permute(1, 2, 0).double().cpu().numpy()
        segments = felzenszwalb(
            pixels, scale=scale, sigma=sigma, min_size=min_size, channel_axis=-1
        )
        segments = torch.from_numpy(segments).to(image.device)  # [H, W]
        boxes = group_regions(
            region_boxes(segments).to(image.dtype),
            region_contents(image, segments),
            region_neighbours(segments),
            region_similarity(len(image), image_area=float(segments.numel())),
        )
        proposals.update(dict.fromkeys(map(tuple, boxes.tolist())))
    return image.new_tensor(list(proposals)).reshape(-1, 4)


def region_boxes(segments: Int[Tensor, "H W"]) -> Float[Tensor, "N 4"]:
    """Return the box around the pixels of each segment 0..N-1."""
    boxes = []
    for segment in range(int(segments.max()) + 1):
        rows, columns = (segments == segment).nonzero().unbind(dim=1)
        corners = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        boxes.append(torch.stack(corners))
    return torch.stack(boxes).float()


def region_neighbours(segments: Int[Tensor, "H W"]) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, of segments that share a side of a pixel."""
    across = torch.stack([segments[:, :-1].flatten(), segments[:, 1:].flatten()], dim=1)
    down = torch.stack([segments[:-1].flatten(), segments[1:].flatten()], dim=1)
    pairs = torch.cat([across, down])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].sort(dim=1).values
    return sorted({(i, j) for i, j in pairs.tolist()})


def region_contents(
    image: Float[Tensor, "C H W"], segments: Int[Tensor, "H W"]
) -> Float[Tensor, "N quantities"]:
    """Return what adds up when regions merge: pixels, colour counts and texture counts.

    Colour is counted in 25 bins of each channel, texture in 10 bins of each channel's Gaussian
    derivative in 8 directions.
    """
    N = int(segments.max()) + 1
    derivatives = directional_derivatives(image)  # [C, directions, H, W]
    top = derivatives.max().clamp(min=torch.finfo(image.dtype).tiny)
    counts = [torch.bincount(segments.flatten(), minlength=N)[:, None]]
    for planes, bins in ((image, COLOUR_BINS), (derivatives.flatten(0, 1) / top, TEXTURE_BINS)):
        for plane in planes:
            level = (plane * bins).long().clamp(0, bins - 1)
            cells = torch.bincount((segments * bins + level).flatten(), minlength=N * bins)
            counts.append(cells.view(N, bins))
    return torch.cat(counts, dim=1).to(image.dtype)


def directional_derivatives(image: Float[Tensor, "C H W"]) -> Float[Tensor, "C directions H W"]:
    """Return the rise of each channel, smoothed by a Gaussian of 1 pixel, in 8 directions.

    A fall counts as 0: it is the rise in the opposite direction.
    """
    offset = torch.arange(-3, 4, dtype=image.dtype, device=image.device)
    bell = torch.exp(-(offset**2) / 2)
    bell = bell / bell.sum()
    kernels = torch.stack([torch.outer(bell, offset * bell), torch.outer(offset * bell, bell)])
    padded = F.pad(image[:, None], (3, 3, 3, 3), mode="replicate")
    right, down = F.conv2d(padded, kernels[:, None]).unbind(dim=1)  # [C, H, W] each
    angles = [2 * math.pi * k / ORIENTATIONS for k in range(ORIENTATIONS)]
    rises = [math.cos(angle) * right + math.sin(angle) * down for angle in angles]
    return torch.stack(rises, dim=1).clamp(min=0)


def region_similarity(
    channels: int, image_area: float
) -> Callable[[Tensor, Tensor, Tensor, Tensor], float | Tensor]:
    """Return the similarity of Selective Search: colour + texture + size + fill, weighed alike.

    Source: Selective Search, section 3.2, equation 6.
    """

    texture = 1 + channels * COLOUR_BINS  # where the counts of texture begin

    def similarity(box_a: Tensor, a: Tensor, box_b: Tensor, b: Tensor) -> float | Tensor:
        width, height = torch.maximum(box_a[2:], box_b[2:]) - torch.minimum(box_a[:2], box_b[:2])
        colour_a, texture_a = a[1:texture], a[texture:]
        colour_b, texture_b = b[1:texture], b[texture:]
        return (
            histogram_intersection(colour_a / colour_a.sum(), colour_b / colour_b.sum())
            + histogram_intersection(texture_a / texture_a.sum(), texture_b / texture_b.sum())
            + size_similarity(a[0], b[0], image_area)
            + fill_similarity(a[0], b[0], width * height, image_area)
        )

    return similarity
