"""What the contract promises of every function: each is called on ordinary and on empty input."""

import copy
import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import jaxtyping
import pytest
import torch
from torch import Tensor, nn

import solutions
from solutions import fast
from solutions.average_precision import (
    average_precision,
    average_precision_101,
    coco_map,
    match_detections,
    mean_average_precision,
    perfect_ap,
    precision_recall,
)
from solutions.boxes import box_area, box_iou, cxcywh_to_xyxy, xyxy_to_cxcywh
from solutions.fcn import build_fcn, pixel_cross_entropy, receptive_field
from solutions.keypoints import decode_keypoints, keypoint_loss, keypoint_targets
from solutions.losses import (
    detection_loss,
    localization_loss,
    multi_head_loss,
    rcnn_loss,
    rpn_loss,
)
from solutions.masks import MaskHead, mask_loss, mask_targets, paste_masks
from solutions.nms import nms, nms_per_class, soft_nms
from solutions.panoptic import instances_of, panoptic_merge
from solutions.proposals import (
    fill_similarity,
    group_regions,
    histogram_intersection,
    selective_search,
    size_similarity,
)
from solutions.rcnn import (
    crop_and_resize,
    decode_boxes,
    encode_boxes,
    label_proposals,
    select_by_background,
    select_per_class,
)
from solutions.roi import roi_align, roi_pool
from solutions.rpn import anchor_grid, label_anchors, propose, sample_anchors
from solutions.single_stage import forward_passes, head_channels, single_stage_detections
from solutions.sliding_windows import (
    count_boxes,
    count_positions,
    dense_scores,
    linear_to_conv,
    linear_to_pointwise,
    sliding_window_scores,
    to_fully_convolutional,
)
from solutions.transposed_conv import conv_transpose1d, conv_transpose2d, convolution_matrix
from solutions.upsampling import (
    bed_of_nails,
    bicubic_upsample,
    bilinear_upsample,
    max_pool,
    max_unpool,
    nearest_upsample,
)
from tests.solutions.draw import normal, random_boxes, random_labels, random_scores


@dataclass(frozen=True)
class Draw:
    """Makes the arguments of a call: N things, M ground truths, of one dtype on one device."""

    n: int
    m: int
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"

    def put(self, x: Tensor) -> Tensor:
        return x.to(self.device, self.dtype) if x.is_floating_point() else x.to(self.device)

    def boxes(self, count: int | None = None, seed: int = 0) -> Tensor:
        return self.put(random_boxes(self.n if count is None else count, seed, extent=24))

    def gt_boxes(self) -> Tensor:
        return self.boxes(self.m, seed=7)

    def scores(self) -> Tensor:
        return self.put(random_scores(self.n))

    def labels(self, lowest: int = 0, highest: int = 3, count: int | None = None) -> Tensor:
        return self.put(random_labels(self.n if count is None else count, highest, 0, lowest))

    def normal(self, *shape: int, seed: int = 0) -> Tensor:
        return self.put(normal(*shape, seed=seed))

    def iou(self) -> Tensor:
        return box_iou(self.boxes(), self.gt_boxes())

    def masks(self, count: int) -> Tensor:
        return self.put(normal(count, 24, 24) > 0)

    def detections(self) -> list[dict[str, Tensor]]:
        labels = self.labels(1)
        return [{"boxes": self.boxes(), "scores": self.scores(), "labels": labels}] * 2

    def ground_truth(self) -> list[dict[str, Tensor]]:
        return [{"boxes": self.gt_boxes(), "labels": self.labels(1, count=self.m)}] * 2

    def precision_recall(self) -> tuple[Tensor, Tensor]:
        precision, recall = precision_recall(self.scores() > 0.5, 5)
        return self.put(precision), self.put(recall)

    def module(self, module: nn.Module) -> nn.Module:
        return module.to(self.device, self.dtype)

    def classifier(self) -> nn.Sequential:
        layers = (nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 5))
        return self.module(nn.Sequential(*layers))


def drop_in(box_a: Tensor, size_a: Tensor, box_b: Tensor, size_b: Tensor) -> Tensor:
    return -(size_a + size_b)


FLOAT, INT, BOOL, NUMBER = "float", "int", "bool", "number"


@dataclass(frozen=True)
class Case:
    """A call, the kinds of its results, and the shapes of its results (None: any length)."""

    function: Callable[..., object]
    arguments: Callable[[Draw], tuple]
    kinds: tuple[str, ...]
    shapes: Callable[[Draw], tuple] = lambda draw: ()
    changes_size: bool = False  # the first axis is at most N, and 0 where N = 0
    call: Callable[..., object] | None = None  # what to call where it is not the function itself


def per_box(*rest):
    return lambda d: ((d.n, *rest),)


def losses(d: Draw):
    return (d.labels(-1), d.normal(d.n, 4, seed=2))


CASES = [
    Case(cxcywh_to_xyxy, lambda d: (d.boxes(),), (FLOAT,), per_box(4)),
    Case(xyxy_to_cxcywh, lambda d: (d.boxes(),), (FLOAT,), per_box(4)),
    Case(
        localization_loss,
        lambda d: (
            d.normal(d.n, 4),
            d.boxes(),
            d.labels(),
            d.boxes(seed=1),
        ),
        (FLOAT,),
        lambda d: ((),),
    ),
    Case(count_positions, lambda d: ((20, 30), (d.n, d.m), 2), (NUMBER,)),
    Case(count_boxes, lambda d: ((d.n, d.m),), (NUMBER,)),
    Case(
        linear_to_conv,
        lambda d: (d.module(nn.Linear(12, 5)), (3, 2, 2), d.normal(d.n, 3, 4, 4)),
        (FLOAT,),
        per_box(5, 3, 3),
        call=lambda linear, shape, x: linear_to_conv(linear, shape)(x).detach(),
    ),
    Case(
        linear_to_pointwise,
        lambda d: (d.module(nn.Linear(3, 5)), d.normal(d.n, 3, 4, 4)),
        (FLOAT,),
        per_box(5, 4, 4),
        call=lambda linear, x: linear_to_pointwise(linear)(x).detach(),
    ),
    Case(
        to_fully_convolutional,
        lambda d: (d.classifier(), (3, 6, 6), d.normal(d.n, 3, 8, 7)),
        (FLOAT,),
        per_box(5, 3, 2),
        call=lambda net, shape, x: to_fully_convolutional(net, shape)(x).detach(),
    ),
    Case(
        sliding_window_scores,
        lambda d: (d.classifier(), d.normal(3, 8, 10), (6, 6), 2),
        (FLOAT,),
        lambda d: ((2, 3, 5),),
    ),
    Case(
        dense_scores,
        lambda d: (to_fully_convolutional(d.classifier(), (3, 6, 6)), d.normal(3, 8, 10)),
        (FLOAT,),
        lambda d: ((3, 5, 5),),
    ),
    Case(
        histogram_intersection,
        lambda d: (d.normal(d.n + 1).softmax(0), d.normal(d.n + 1, seed=1).softmax(0)),
        (FLOAT,),
        lambda d: ((),),
    ),
    Case(size_similarity, lambda d: (float(d.n), float(d.m), 100.0), (NUMBER,)),
    Case(fill_similarity, lambda d: (float(d.n), float(d.m), 50.0, 100.0), (NUMBER,)),
    Case(
        group_regions,
        lambda d: (d.boxes(), d.scores(), [(i, i + 1) for i in range(d.n - 1)], drop_in),
        (FLOAT,),
        lambda d: ((max(2 * d.n - 1, 0), 4),),
    ),
    Case(selective_search, lambda d: (d.put(torch.rand(3, 24, 24)),), (FLOAT,)),
    Case(
        crop_and_resize,
        lambda d: (d.normal(3, 8, 9), d.boxes(), (4, 5)),
        (FLOAT,),
        per_box(3, 4, 5),
    ),
    Case(encode_boxes, lambda d: (d.boxes(), d.boxes(seed=1)), (FLOAT,), per_box(4)),
    Case(decode_boxes, lambda d: (d.boxes(), d.normal(d.n, 4) * 50), (FLOAT,), per_box(4)),
    Case(
        label_proposals,
        lambda d: (d.iou(), d.labels(1, count=d.m)),
        (INT, INT),
        lambda d: ((d.n,), (d.n,)),
    ),
    Case(
        rcnn_loss,
        lambda d: (d.normal(d.n, 4), d.normal(d.n, 4, seed=1), *losses(d)),
        (FLOAT, FLOAT),
        lambda d: ((), ()),
    ),
    Case(
        select_by_background,
        lambda d: (d.normal(d.n, 4).softmax(dim=1), 3),
        (INT,),
        lambda d: ((min(d.n, 3),),),
    ),
    Case(
        select_per_class,
        lambda d: (d.normal(d.n, 4).softmax(dim=1), 3),
        (INT,),
        lambda d: ((3, min(d.n, 3)),),
    ),
    Case(box_area, lambda d: (d.boxes(),), (FLOAT,), per_box()),
    Case(box_iou, lambda d: (d.boxes(), d.gt_boxes()), (FLOAT,), lambda d: ((d.n, d.m),)),
    Case(fast.box_iou, lambda d: (d.boxes(), d.gt_boxes()), (FLOAT,), lambda d: ((d.n, d.m),)),
    Case(nms, lambda d: (d.boxes(), d.scores(), 0.3), (INT,), per_box(), changes_size=True),
    Case(fast.nms, lambda d: (d.boxes(), d.scores(), 0.3), (INT,), per_box(), changes_size=True),
    Case(
        nms_per_class,
        lambda d: (d.boxes(), d.scores(), d.labels(), 0.3),
        (INT,),
        per_box(),
        changes_size=True,
    ),
    Case(
        fast.nms_per_class,
        lambda d: (d.boxes(), d.scores(), d.labels(), 0.3),
        (INT,),
        per_box(),
        changes_size=True,
    ),
    Case(
        soft_nms,
        lambda d: (d.boxes(), d.scores()),
        (INT, FLOAT),
        lambda d: ((d.n,), (d.n,)),
        changes_size=True,
    ),
    Case(
        match_detections,
        lambda d: (d.boxes(), d.scores(), d.gt_boxes(), 0.3),
        (BOOL,),
        per_box(),
    ),
    Case(
        precision_recall,
        lambda d: (d.scores() > 0.5, d.m),
        ("float64", "float64"),
        lambda d: ((d.n,), (d.n,)),
    ),
    Case(average_precision, lambda d: d.precision_recall(), (NUMBER,)),
    Case(average_precision_101, lambda d: d.precision_recall(), (NUMBER,)),
    Case(mean_average_precision, lambda d: (d.detections(), d.ground_truth(), 3), (NUMBER,)),
    Case(coco_map, lambda d: (d.detections(), d.ground_truth(), 3), (NUMBER,)),
    Case(fast.coco_map, lambda d: (d.detections(), d.ground_truth(), 3), (NUMBER,)),
    Case(perfect_ap, lambda d: ([True] * d.n, d.m), (NUMBER,)),
    Case(
        roi_pool, lambda d: (d.normal(3, 8, 9), d.boxes(), (4, 5), 0.25), (FLOAT,), per_box(3, 4, 5)
    ),
    Case(
        roi_align,
        lambda d: (d.normal(3, 8, 9), d.boxes(), (4, 5), 0.25),
        (FLOAT,),
        per_box(3, 4, 5),
    ),
    Case(
        fast.roi_align,
        lambda d: (d.normal(3, 8, 9), d.boxes(), (4, 5), 0.25),
        (FLOAT,),
        per_box(3, 4, 5),
    ),
    Case(
        anchor_grid,
        lambda d: ((d.n, 2), 16, [32.0, 64.0], [0.5, 1.0, 2.0]),
        ("float32 on the CPU",),
        lambda d: ((d.n * 2 * 6, 4),),
    ),
    Case(label_anchors, lambda d: (d.iou(),), (INT, INT), lambda d: ((d.n,), (d.n,))),
    Case(sample_anchors, lambda d: (d.labels(-1, 1), 4), (INT,), per_box()),
    Case(
        rpn_loss,
        lambda d: (d.normal(d.n), d.normal(d.n, 4, seed=1), d.labels(-1, 1), d.normal(d.n, 4)),
        (FLOAT, FLOAT),
        lambda d: ((), ()),
    ),
    Case(
        propose,
        lambda d: (d.normal(d.n) * 50, d.normal(d.n, 4), d.boxes(), (24, 24)),
        (FLOAT, FLOAT),
        lambda d: ((d.n, 4), (d.n,)),
        changes_size=True,
    ),
    Case(
        detection_loss,
        lambda d: (d.normal(d.n, 4), d.normal(d.n, 3, 4, seed=1), *losses(d)),
        (FLOAT, FLOAT),
        lambda d: ((), ()),
    ),
    Case(head_channels, lambda d: (d.n, d.m, True), (NUMBER, NUMBER)),
    Case(
        single_stage_detections,
        lambda d: (d.normal(d.n, 4), d.normal(d.n, 4, seed=1), d.boxes(), (24, 24), 0.6, 0.5),
        (FLOAT, FLOAT, INT),
        lambda d: ((d.n, 4), (d.n,), (d.n,)),
        changes_size=True,
    ),
    Case(forward_passes, lambda d: ("faster", d.n), (NUMBER, NUMBER)),
    Case(receptive_field, lambda d: ([(3, 2)] * d.n,), (NUMBER,)),
    Case(
        pixel_cross_entropy,
        lambda d: (d.normal(4, d.n, 5), d.labels(-1, count=d.n * 5).reshape(d.n, 5)),
        (FLOAT,),
        lambda d: ((),),
    ),
    Case(bed_of_nails, lambda d: (d.normal(d.n, 3, 4), 2), (FLOAT,), per_box(6, 8)),
    Case(nearest_upsample, lambda d: (d.normal(d.n, 3, 4), 2), (FLOAT,), per_box(6, 8)),
    Case(bilinear_upsample, lambda d: (d.normal(d.n, 3, 4), 2), (FLOAT,), per_box(6, 8)),
    Case(bicubic_upsample, lambda d: (d.normal(d.n, 3, 4), 2), (FLOAT,), per_box(6, 8)),
    Case(
        max_pool,
        lambda d: (d.normal(d.n, 5, 4), 2),
        (FLOAT, INT),
        lambda d: ((d.n, 2, 2), (d.n, 2, 2)),
    ),
    Case(
        max_unpool,
        lambda d: (*max_pool(d.normal(d.n, 5, 4), 2), (5, 4)),
        (FLOAT,),
        per_box(5, 4),
    ),
    Case(
        conv_transpose1d,
        lambda d: (d.normal(d.n), d.normal(3, seed=1), 2),
        (FLOAT,),
        lambda d: ((2 * d.n + 1 if d.n else 0,),),
    ),
    Case(
        conv_transpose2d,
        lambda d: (d.normal(d.n, 3, 2), d.normal(d.n, 2, 3, 3, seed=1), 2, 1, 1),
        (FLOAT,),
        lambda d: ((2, 6, 4),),
    ),
    Case(
        convolution_matrix,
        lambda d: (d.normal(3), d.n, 1, 1),
        (FLOAT,),
        lambda d: ((d.n, d.n),),
    ),
    Case(
        build_fcn,
        lambda d: (d.normal(d.n, 3, 16, 8),),
        (FLOAT,),
        per_box(4, 16, 8),
        call=lambda x: build_fcn(3, 4).to(x).eval()(x).detach(),
    ),
    Case(
        mask_targets,
        lambda d: (d.masks(d.m), d.boxes(), label_anchors(d.iou())[1], 14),
        (FLOAT,),
        per_box(14, 14),
    ),
    Case(
        MaskHead,
        lambda d: (d.normal(d.n, 3, 7, 7),),
        (FLOAT,),
        per_box(2, 14, 14),
        call=lambda x: MaskHead(3, 2, hidden=4).to(x)(x).detach(),
    ),
    Case(
        mask_loss,
        lambda d: (d.normal(d.n, 3, 4, 4), (d.normal(d.n, 4, 4) > 0).to(d.dtype), d.labels(-1)),
        (FLOAT,),
        lambda d: ((),),
    ),
    Case(
        paste_masks,
        lambda d: (d.normal(d.n, 28, 28).sigmoid(), d.boxes(), (24, 30)),
        (BOOL,),
        per_box(24, 30),
    ),
    Case(
        keypoint_targets,
        lambda d: (d.normal(d.n, 5, 3) * 20, d.boxes()),
        (INT, BOOL),
        lambda d: ((d.n, 5), (d.n, 5)),
    ),
    Case(
        keypoint_loss,
        lambda d: (
            d.normal(d.n, 5, 4, 4),
            d.labels(0, 15, d.n * 5).reshape(d.n, 5),
            d.normal(d.n, 5) > 0,
        ),
        (FLOAT,),
        lambda d: ((),),
    ),
    Case(
        decode_keypoints,
        lambda d: (d.normal(d.n, 5, 4, 4), d.boxes()),
        (FLOAT,),
        per_box(5, 3),
    ),
    Case(
        panoptic_merge,
        lambda d: (
            d.labels(0, 3, 24 * 24).reshape(24, 24),
            d.masks(d.n),
            d.scores(),
            d.labels(1),
            5,
        ),
        (INT, INT),
        lambda d: ((24, 24), (24, 24)),
    ),
    Case(
        instances_of,
        lambda d: (d.labels(1, 1, 36).reshape(6, 6), d.labels(0, d.n, 36).reshape(6, 6)),
        ("float32", INT),
        lambda d: ((d.n, 4), (d.n,)),
        changes_size=True,
    ),
    Case(
        multi_head_loss,
        lambda d: ({str(n): x for n, x in enumerate(d.normal(d.n + 1))}, {"0": 0.5}),
        (FLOAT,),
        lambda d: ((),),
    ),
]


def name_of(case: Case) -> str:
    module = case.function.__module__.removeprefix("solutions.")
    return f"{module}.{case.function.__name__}"


every_function = pytest.mark.parametrize("case", CASES, ids=name_of)


def results_of(case: Case, arguments: tuple) -> list:
    result = (case.call or case.function)(*arguments)
    if isinstance(result, dict):
        return list(result.values())
    return list(result) if isinstance(result, tuple) else [result]


def tensors_in(value) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, nn.Module):
        return list(value.state_dict().values())
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in tensors_in(item)]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


SELECTIVE_SEARCH_STEPS = {
    "region_boxes",
    "region_neighbours",
    "region_contents",
    "region_similarity",
    "directional_derivatives",
}


def exported(name: str) -> bool:
    return name.rsplit(".", 1)[1] in fast.__all__


def test_every_public_function_is_in_this_suite():
    public = set()
    for info in pkgutil.walk_packages(solutions.__path__, "solutions."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", None) == info.name
            if ours and not name.startswith("_") and callable(value):
                public.add(f"{info.name.removeprefix('solutions.')}.{name}")
    steps = {f"proposals.{name}" for name in SELECTIVE_SEARCH_STEPS}
    steps |= {name for name in public if name.startswith("fast.") and not exported(name)}
    assert public - steps == {name_of(case) for case in CASES}


DTYPES = {
    INT: torch.int64,
    BOOL: torch.bool,
    "float32": torch.float32,
    "float64": torch.float64,
    "float32 on the CPU": torch.float32,
}


@every_function
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "m"), [(9, 3), (1, 1), (0, 3), (9, 0), (0, 0)])
def test_results_have_the_right_shape_dtype_and_device(case, n, m, dtype, device):
    draw = Draw(n, m, dtype, device)
    results = results_of(case, case.arguments(draw))
    assert len(results) == len(case.kinds)
    shapes = case.shapes(draw) or (None,) * len(results)
    for result, kind, shape in zip(results, case.kinds, shapes, strict=True):
        if kind == NUMBER:
            assert isinstance(result, int | float)
            assert math.isfinite(result)
            continue
        assert result.dtype == DTYPES.get(kind, dtype)
        assert result.device.type == ("cpu" if kind.endswith("CPU") else device.type)
        if shape is not None and case.changes_size:
            assert result.shape[0] <= shape[0]
            assert tuple(result.shape[1:]) == shape[1:]
        elif shape is not None:
            assert tuple(result.shape) == shape
        assert not result.isnan().any()


@every_function
@pytest.mark.parametrize(("n", "m"), [(9, 3), (0, 0)])
def test_input_is_unchanged(case, n, m):
    arguments = case.arguments(Draw(n, m))
    before = copy.deepcopy(arguments)
    results_of(case, arguments)
    after = tensors_in(arguments)
    assert len(after) == len(tensors_in(before))
    for new, old in zip(after, tensors_in(before), strict=True):
        assert torch.equal(new, old)
    assert repr(arguments[0]) == repr(before[0])


@every_function
def test_a_result_is_no_view_of_the_input(case):
    arguments = case.arguments(Draw(9, 3))
    owned = {tensor.untyped_storage().data_ptr() for tensor in tensors_in(arguments)}
    for result in results_of(case, arguments):
        if isinstance(result, Tensor):
            assert result.untyped_storage().data_ptr() not in owned


@every_function
def test_equal_calls_give_equal_results(case):
    torch.manual_seed(0)
    first = results_of(case, case.arguments(Draw(9, 3)))
    torch.manual_seed(0)
    for a, b in zip(first, results_of(case, case.arguments(Draw(9, 3))), strict=True):
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b


ODD_BOXES = torch.tensor(
    [[0.0, 0, 0, 0], [0, 0, 0, 5], [3, 3, 9, 3], [-9, -9, -2, -1], [0, 0, 1e6, 1e6], [1e6] * 4]
)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (box_iou, lambda b, s: (b, b)),
        (fast.box_iou, lambda b, s: (b, b)),
        (soft_nms, lambda b, s: (b, s)),
        (crop_and_resize, lambda b, s: (torch.rand(2, 5, 6).to(b), b, (3, 2))),
        (decode_boxes, lambda b, s: (b, torch.full_like(b, 1e4))),
        (roi_pool, lambda b, s: (torch.rand(2, 5, 6).to(b), b, (3, 2), 0.5)),
        (roi_align, lambda b, s: (torch.rand(2, 5, 6).to(b), b, (3, 2), 0.5)),
        (fast.roi_align, lambda b, s: (torch.rand(2, 5, 6).to(b), b, (3, 2), 0.5)),
        (propose, lambda b, s: (s, torch.full_like(b, -1e4), b, (20, 20))),
        (decode_keypoints, lambda b, s: (torch.zeros(len(b), 2, 4, 4).to(b) + 1e4, b)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_odd_boxes_never_make_nan(function, arguments, dtype):
    boxes = ODD_BOXES.to(dtype)
    result = function(*arguments(boxes, torch.linspace(1, 0.1, len(boxes), dtype=dtype)))
    for tensor in tensors_in(result):
        assert not tensor.isnan().any()


ALLOWED = {torch, nn, nn.functional, math, jaxtyping}  # jaxtyping: what checks types in tests


MODEL_ANSWERS = [
    case for case in CASES if case.function is not selective_search and "fast" not in name_of(case)
]


@pytest.mark.parametrize("case", MODEL_ANSWERS, ids=name_of)
def test_a_model_answer_uses_only_torch_and_other_exercises(case):
    exercises = {other.function for other in CASES}
    bodies = [case.function]
    if inspect.isclass(case.function):
        bodies = [value for value in vars(case.function).values() if inspect.isfunction(value)]
    for body in bodies:
        names = inspect.getclosurevars(inspect.unwrap(body))
        for name, value in (names.globals | names.nonlocals).items():
            allowed = any(value is item for item in ALLOWED | exercises) or value is Tensor
            assert allowed, f"{name} is neither torch nor an exercise"
