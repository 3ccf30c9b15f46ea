"""The tuned functions of solutions.fast beside the libraries that offer the same."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from solutions import fast
from tests.bench import data
from tests.bench.timing import describe_machine, medians, milliseconds, table

Case = tuple[str, Callable[[], object], Callable[[], object] | None]
NO_PEER = "{name} cannot be imported ({error}); its column stays empty. {cure}"


def import_torchvision() -> Any:
    """Return torchvision.ops, or None after saying how to get it."""
    try:
        import torchvision.ops

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (ImportError, OSError, RuntimeError) as error:
        cure = (
            f"Install the build that goes with torch {torch.__version__}, 0.28.0 for 2.13: "
            "python -m pip install --no-deps torchvision==0.28.0"
        )
        print(NO_PEER.format(name="torchvision", error=first_line(error), cure=cure))
        return None
    return torchvision.ops


def first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def suppression_cases(ops: Any, device: str) -> list[Case]:
    cases: list[Case] = []

    def compare(name: str, boxes: Tensor, scores: Tensor, threshold: float) -> None:
        boxes, scores = boxes.to(device), scores.to(device)
        cases.append(
            (
                name,
                lambda: fast.nms(boxes, scores, threshold),
                ops and (lambda: ops.nms(boxes, scores, threshold)),
            )
        )

    for count in (100, 1000, 2000, 5000, 20000):
        for threshold in (0.5, 0.7):
            name = f"nms, overlapping proposals, {count}, IoU {threshold}"
            compare(name, data.overlapping_proposals(count), data.scores(count), threshold)
    for count in (1000, 5000, 20000):
        name = f"nms, scattered boxes, {count}, IoU 0.5"
        compare(name, data.sparse_boxes(count), data.scores(count), 0.5)
    for count in (1000, 5000, 20000):
        cases.append(per_class_case(ops, device, count))
    return cases


def per_class_case(ops: Any, device: str, count: int) -> Case:
    boxes, scores = data.overlapping_proposals(count).to(device), data.scores(count).to(device)
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(1, 81, (count,), generator=generator).to(device)
    return (
        f"nms_per_class, 80 classes, {count}, IoU 0.5",
        lambda: fast.nms_per_class(boxes, scores, labels, 0.5),
        ops and (lambda: ops.batched_nms(boxes, scores, labels, 0.5)),
    )


def overlap_cases(ops: Any, device: str) -> list[Case]:
    cases: list[Case] = []
    for n, m in ((2000, 2000), (20000, 100)):
        a, b = data.sparse_boxes(n).to(device), data.sparse_boxes(m, seed=1).to(device)
        peer = ops and (lambda a=a, b=b: ops.box_iou(a, b))
        cases.append((f"box_iou, {n} x {m}", lambda a=a, b=b: fast.box_iou(a, b), peer))
    return cases


def region_cases(ops: Any, device: str) -> list[Case]:
    """512 regions of a 640x480 image on features of 256 x 50 x 50."""
    features = torch.randn(256, 50, 50, generator=torch.Generator().manual_seed(0)).to(device)
    boxes = data.overlapping_proposals(512).clamp(0, 640).to(device)
    with_image = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], dim=1)
    scale = 50 / 640

    def ours(x: Tensor, size: int) -> Tensor:
        return fast.roi_align(x, boxes, (size, size), scale)

    def theirs(x: Tensor, size: int) -> Tensor:
        pooled: Tensor = ops.roi_align(x[None], with_image, size, scale, 2, aligned=True)
        return pooled

    def with_backward(align: Callable[[Tensor, int], Tensor]) -> None:
        x = features.clone().requires_grad_()
        align(x, 7).sum().backward()

    return [
        (
            f"roi_align, 512 boxes, {size}x{size}",
            lambda size=size: ours(features, size),
            ops and (lambda size=size: theirs(features, size)),
        )
        for size in (7, 14)
    ] + [
        (
            "roi_align, 512 boxes, 7x7, with backward",
            lambda: with_backward(ours),
            ops and (lambda: with_backward(theirs)),
        )
    ]


def compare_operators(ops: Any) -> None:
    """Print the CPU table: times with 1 and 2 threads, and the worse of the two ratios."""
    cases = suppression_cases(ops, "cpu") + overlap_cases(ops, "cpu") + region_cases(ops, "cpu")
    rows = []
    for name, ours, peer in cases:
        cells, ratios = [], []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times = medians({"ours": ours, **({"peer": peer} if peer else {})})
            cells += [milliseconds(times["peer"]) if peer else "-", milliseconds(times["ours"])]
            ratios.append(times["ours"] / times["peer"] if peer else float("nan"))
        shown = [f"{ratio:.2f}" if peer else "-" for ratio in (*ratios, max(ratios))]
        rows.append([name, *cells, *shown])
        print(".", end="", flush=True)
    print()
    head = ["CPU, peer torchvision (ms)", "peer 1t", "ours 1t", "peer 2t", "ours 2t"]
    table([*head, "ratio 1t", "ratio 2t", "worst"], rows)


def compare_operators_on_gpu(ops: Any) -> None:
    """Print the GPU table, or why there is none."""
    if not torch.cuda.is_available():
        print("no CUDA device here: the GPU half did not run")
        return

    def synchronised(run: Callable[[], object]) -> Callable[[], object]:
        def timed() -> None:
            run()
            torch.cuda.synchronize()

        return timed

    rows = []
    cases = suppression_cases(ops, "cuda") + overlap_cases(ops, "cuda") + region_cases(ops, "cuda")
    for name, ours, peer in cases:
        competitors = {"ours": synchronised(ours)}
        if peer:
            competitors["peer"] = synchronised(peer)
        times = medians(competitors, rounds=50)
        ratio = f"{times['ours'] / times['peer']:.2f}" if peer else "-"
        shown = milliseconds(times["peer"]) if peer else "-"
        rows.append([name, shown, milliseconds(times["ours"]), ratio])
    table(["GPU, peer torchvision (ms)", "peer", "ours", "ratio"], rows)


def coco_tools() -> dict[str, tuple[Any, Any]]:
    """Return (COCO, COCOeval) of each tool that is installed; say how to get the others."""
    tools: dict[str, tuple[Any, Any]] = {}
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        tools["pycocotools"] = COCO, COCOeval
    except ImportError as error:
        cure = "python -m pip install pycocotools"
        print(NO_PEER.format(name="pycocotools", error=first_line(error), cure=cure))
    try:
        from faster_coco_eval import COCO as FasterCOCO
        from faster_coco_eval import COCOeval_faster

        tools["faster-coco-eval"] = FasterCOCO, COCOeval_faster
    except ImportError as error:
        cure = "python -m pip install faster-coco-eval==1.8.0"
        print(NO_PEER.format(name="faster-coco-eval", error=first_line(error), cure=cure))
    return tools


def coco_annotations(images: list[dict[str, Tensor]]) -> list[dict[str, Any]]:
    """Return what COCO's tools read: one dict per box."""
    annotations: list[dict[str, Any]] = []
    for image, entry in enumerate(images):
        scores = entry.get("scores", entry["labels"]).tolist()
        sizes = torch.cat([entry["boxes"][:, :2], entry["boxes"][:, 2:] - entry["boxes"][:, :2]], 1)
        for box, label, score in zip(sizes.tolist(), entry["labels"].tolist(), scores, strict=True):
            own = {"image_id": image, "category_id": label, "bbox": box, "score": score}
            area = box[2] * box[3]
            annotations.append({**own, "id": len(annotations) + 1, "area": area, "iscrowd": 0})
    return annotations


def evaluation(
    tool: tuple[Any, Any], found: list[dict[str, Tensor]], truth: list[dict[str, Tensor]]
) -> Callable[[], float]:
    """Return a run of a COCO tool, from the list of detections to the first number."""
    coco_class, evaluator = tool
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = coco_class()
        ground_truth.dataset = {
            "info": {},
            "images": [{"id": image, "width": 640, "height": 640} for image in range(len(truth))],
            "categories": [{"id": label, "name": str(label)} for label in range(1, 81)],
            "annotations": coco_annotations(truth),
        }
        ground_truth.createIndex()
    detections = coco_annotations(found)

    def run() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            loaded = ground_truth.loadRes([dict(detection) for detection in detections])
            result = evaluator(ground_truth, loaded, "bbox")
            result.evaluate()
            result.accumulate()
            result.summarize()
        return float(result.stats[0])

    return run


def compare_evaluation() -> None:
    """Print the table of COCO mAP; every tool must find the same number."""
    tools = coco_tools()
    torch.set_num_threads(1)
    rows = []
    for images, rounds in ((500, 5), (5000, 1)):
        found, truth = data.detection_set(images, 80)
        competitors: dict[str, Callable[[], object]] = {
            "ours": lambda found=found, truth=truth: fast.coco_map(found, truth, 80)
        }
        competitors |= {name: evaluation(tool, found, truth) for name, tool in tools.items()}
        numbers = {name: run() for name, run in competitors.items()}
        spread = max(numbers.values()) - min(numbers.values())
        slow = {name: run for name, run in competitors.items() if name == "pycocotools"}
        quick = {name: run for name, run in competitors.items() if name != "pycocotools"}
        times = medians(quick, rounds=5, seconds=60)
        times |= medians(slow, rounds=rounds, seconds=60) if slow else {}
        name = f"coco_map, {images} images x 80 classes"
        for peer in tools:
            ratio = f"{times['ours'] / times[peer]:.3f}"
            row = [name, peer, milliseconds(times[peer]), milliseconds(times["ours"]), ratio]
            rows.append([*row, f"{spread:.0e}"])
        if not tools:
            rows.append([name, "-", "-", milliseconds(times["ours"]), "-", "-"])
    table(["COCO mAP (ms)", "peer", "peer time", "ours", "ratio", "AP differs by"], rows)


def main() -> None:
    packages = ["torch", "numpy", "torchvision", "pycocotools", "faster-coco-eval"]
    describe_machine(packages)
    ops = import_torchvision()
    compare_operators(ops)
    print()
    compare_operators_on_gpu(ops)
    print()
    compare_evaluation()
