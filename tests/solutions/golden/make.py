"""Writes torchvision.npz: inputs and what torchvision makes of them, frozen for the tests.

Run it where torchvision is installed, from the repository's root:

    python tests/solutions/golden/make.py

The tests read the file only; torchvision is not needed to run them. The file's `version` entry
says which one wrote it.
"""

import pathlib

import numpy as np
import torch
import torchvision
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.roi_heads import keypoints_to_heatmap
from torchvision.ops import batched_nms, box_convert, box_iou, nms, roi_align, roi_pool


def random_boxes(count: int, extent: float, generator: torch.Generator) -> Tensor:
    corner = torch.rand(count, 2, generator=generator) * extent
    side = torch.rand(count, 2, generator=generator) * extent / 2 + 1
    return torch.cat([corner, corner + side], dim=1)


def main() -> None:
    generator = torch.Generator().manual_seed(20)
    data: dict[str, Tensor] = {}

    boxes = random_boxes(120, 60, generator)
    scores = torch.rand(120, generator=generator)
    labels = torch.randint(1, 5, (120,), generator=generator)
    data |= {"nms/boxes": boxes, "nms/scores": scores, "nms/labels": labels}
    for threshold in (0.2, 0.5, 0.7):
        data[f"nms/keep/{threshold}"] = nms(boxes, scores, threshold)
        data[f"nms/keep_per_class/{threshold}"] = batched_nms(boxes, scores, labels, threshold)
    data["iou"] = box_iou(boxes[:40], boxes[40:70])
    data["cxcywh"] = box_convert(boxes, "xyxy", "cxcywh")

    features = torch.randn(3, 12, 15, generator=generator)
    rois = random_boxes(14, 90, generator) - 15
    rois = torch.cat(
        [rois, torch.tensor([[8.0, 8, 8, 8], [-200, -200, -150, -150], [0, 0, 60, 48]])]
    )
    rois = torch.cat([rois, torch.tensor([[500.0, 400, 520, 480], [-30, -30, 200, 150]])])
    with_image = torch.cat([torch.zeros(len(rois), 1), rois], dim=1)
    data |= {"roi/features": features, "roi/boxes": rois}
    for size in ((1, 1), (3, 5), (7, 7)):
        name = f"{size[0]}x{size[1]}"
        data[f"roi_pool/{name}"] = roi_pool(features[None], with_image, size, 0.25)
        for ratio in (1, 2, 3):
            data[f"roi_align/{name}/{ratio}"] = roi_align(
                features[None], with_image, size, 0.25, ratio, aligned=True
            )

    proposals, targets = random_boxes(50, 80, generator), random_boxes(50, 80, generator)
    coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
    transforms = torch.randn(50, 4, generator=generator) * 2
    data |= {"coder/proposals": proposals, "coder/targets": targets, "coder/transforms": transforms}
    data["coder/encoded"] = coder.encode_single(targets, proposals)
    data["coder/decoded"] = coder.decode_single(transforms, proposals)

    gt_boxes = random_boxes(5, 60, generator)
    anchors = gt_boxes.repeat(40, 1) + torch.randn(200, 4, generator=generator) * 4
    iou = box_iou(gt_boxes, anchors)
    data["matcher/iou"] = iou.T.contiguous()
    data["matcher/anchors"] = Matcher(0.7, 0.3, allow_low_quality_matches=True)(iou)
    data["matcher/proposals"] = Matcher(0.5, 0.3)(iou)

    persons = random_boxes(6, 60, generator)
    share = torch.rand(6, 8, 2, generator=generator) * 1.2 - 0.1  # some lie outside
    places = persons[:, None, :2] + share * (persons[:, None, 2:] - persons[:, None, :2])
    keypoints = torch.cat([places, torch.zeros(6, 8, 1)], dim=2)
    keypoints[:, :, 2] = torch.randint(0, 3, (6, 8), generator=generator).float()
    keypoints[:, 0] = torch.cat([persons[:, 2:], torch.ones(6, 1)], dim=1)  # on the last corner
    bins, valid = keypoints_to_heatmap(keypoints, persons, 56)
    data |= {"keypoints/boxes": persons, "keypoints/keypoints": keypoints}
    data |= {"keypoints/bins": bins, "keypoints/valid": valid}

    arrays = {name: value.numpy() for name, value in data.items()}
    arrays["version"] = np.array(f"torchvision {torchvision.__version__}")
    np.savez_compressed(pathlib.Path(__file__).with_name("torchvision.npz"), **arrays)


if __name__ == "__main__":
    main()
