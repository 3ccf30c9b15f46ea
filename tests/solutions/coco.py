"""COCO's own tool on the reference's kind of data, and random data for both."""

import contextlib
import io

import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def xywh(boxes):
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1).tolist()


def pycocotools_map(detections, ground_truth, num_classes) -> float:
    """Return pycocotools' first number: AP at IoU 0.50:0.95, all areas, 100 detections."""
    truth, found = COCO(), COCO()
    images = [{"id": i} for i in range(len(ground_truth))]
    categories = [{"id": label} for label in range(1, num_classes + 1)]
    for coco, dicts in ((truth, ground_truth), (found, detections)):
        annotations = []
        for image, entry in enumerate(dicts):
            scores = entry.get("scores", entry["labels"]).tolist()
            rows = zip(xywh(entry["boxes"].double()), entry["labels"].tolist(), scores, strict=True)
            for box, label, score in rows:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": label,
                        "bbox": box,
                        "area": box[2] * box[3],
                        "iscrowd": 0,
                        "score": score,
                    }
                )
        coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
        with contextlib.redirect_stdout(io.StringIO()):
            coco.createIndex()
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return max(float(evaluation.stats[0]), 0.0)  # -1 where there is no ground truth


def random_scene(
    generator, num_classes, objects, clutter, tied=False, dtype=torch.float64, grid=1 / 64
):
    """Return one image's detections and ground truth, coordinates on a grid that floats hold."""

    def uniform(*shape):
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    def snap(boxes):
        return ((boxes / grid).round() * grid).to(dtype)

    corner, side = uniform(objects, 2) * 300, uniform(objects, 2) * 100 + 10
    gt_boxes = torch.cat([corner, corner + side], dim=1)
    gt_labels = torch.randint(1, num_classes + 1, (objects,), generator=generator)
    near = gt_boxes.repeat(2, 1)
    near = near + (uniform(*near.shape) - 0.5) * 0.25 * side.repeat(2, 2)
    corner, side = uniform(clutter, 2) * 300, uniform(clutter, 2) * 100 + 10
    far = torch.cat([corner, corner + side], dim=1)
    labels = torch.randint(1, num_classes + 1, (clutter,), generator=generator)
    scores = uniform(2 * objects + clutter)
    detections = {
        "boxes": snap(torch.cat([near, far])),
        "scores": ((scores * 8).floor() / 8 if tied else scores).to(dtype),
        "labels": torch.cat([gt_labels.repeat(2), labels]),
    }
    return detections, {"boxes": snap(gt_boxes), "labels": gt_labels}


def random_set(seed, images, num_classes, tied=False, dtype=torch.float64, most=8, clutter=6):
    """Return lists of detections and of ground truth; some images lack one or the other."""
    generator = torch.Generator().manual_seed(seed)
    scenes = []
    for _ in range(images):
        objects, far = torch.randint(0, most + 1, (2,), generator=generator).tolist()
        far = min(far, clutter)
        scenes.append(random_scene(generator, num_classes, objects, far, tied, dtype))
    return [scene[0] for scene in scenes], [scene[1] for scene in scenes]
