"""Boxes and detections for the benchmarks: always the same for the same seed."""

import torch
from torch import Tensor


def sparse_boxes(count: int, seed: int = 0) -> Tensor:
    """Return boxes anywhere in a 640x480 image."""
    generator = torch.Generator().manual_seed(seed)
    center = torch.rand(count, 2, generator=generator) * torch.tensor([640.0, 480.0])
    side = torch.exp(torch.rand(count, 2, generator=generator) * 2.3 + 2.3)  # 10 to 100 pixels
    return torch.cat([center - side / 2, center + side / 2], dim=1)


def overlapping_proposals(count: int, seed: int = 0, objects: int = 30) -> Tensor:
    """Return what an RPN proposes: many boxes around each of a few objects, some anywhere."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(objects, 2, generator=generator) * torch.tensor([640.0, 480.0])
    extent = torch.exp(torch.rand(objects, 2, generator=generator) * 2 + 3)  # 20 to 150 pixels
    own = torch.randint(0, objects, (count,), generator=generator)
    shift = torch.randn(count, 2, generator=generator) * 0.15
    stretch = torch.exp(torch.randn(count, 2, generator=generator) * 0.2)
    center, side = place[own] + shift * extent[own], extent[own] * stretch
    boxes = torch.cat([center - side / 2, center + side / 2], dim=1)
    anywhere = count // 20
    boxes[:anywhere] = sparse_boxes(anywhere, seed + 1)
    return boxes[torch.randperm(count, generator=generator)]


def scores(count: int, seed: int = 0) -> Tensor:
    """Return random scores in [0, 1)."""
    return torch.rand(count, generator=torch.Generator().manual_seed(100 + seed))


def detection_set(
    images: int, num_classes: int, seed: int = 0
) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    """Return detections and ground truth: about 7 objects and 30 detections in each image."""
    generator = torch.Generator().manual_seed(seed)
    found, truth = [], []
    for _ in range(images):
        objects = int(torch.randint(0, 15, (), generator=generator))
        corner = torch.rand(objects, 2, generator=generator, dtype=torch.float64) * 400
        side = torch.rand(objects, 2, generator=generator, dtype=torch.float64) * 150 + 10
        boxes = torch.cat([corner, corner + side], dim=1)
        labels = torch.randint(1, num_classes + 1, (objects,), generator=generator)
        truth.append({"boxes": boxes, "labels": labels})
        jitter = torch.rand(2 * objects, 4, generator=generator, dtype=torch.float64) - 0.5
        near = boxes.repeat(2, 1) + jitter * 0.3 * side.repeat(2, 2)
        corner = torch.rand(16, 2, generator=generator, dtype=torch.float64) * 400
        side = torch.rand(16, 2, generator=generator, dtype=torch.float64) * 150 + 10
        far = torch.cat([corner, corner + side], dim=1)
        clutter = torch.randint(1, num_classes + 1, (16,), generator=generator)
        found.append(
            {
                "boxes": torch.cat([near, far]),
                "scores": torch.rand(len(near) + 16, generator=generator, dtype=torch.float64),
                "labels": torch.cat([labels.repeat(2), clutter]),
            }
        )
    return found, truth
