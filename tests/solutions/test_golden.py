"""The reference against torchvision, whose results are frozen in golden/torchvision.npz.

golden/make.py wrote the file; torchvision is not needed to run these tests.
"""

import pathlib

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from solutions import fast
from solutions.boxes import box_iou, cxcywh_to_xyxy, xyxy_to_cxcywh
from solutions.keypoints import keypoint_targets
from solutions.nms import nms, nms_per_class
from solutions.rcnn import decode_boxes, encode_boxes, label_proposals
from solutions.roi import roi_align, roi_pool
from solutions.rpn import label_anchors

FILE = pathlib.Path(__file__).with_name("golden") / "torchvision.npz"
with np.load(FILE) as file:
    VERSION = str(file["version"])
    GOLDEN = {name: torch.from_numpy(file[name]) for name in file.files if name != "version"}
SIZES = [(1, 1), (3, 5), (7, 7)]


def test_the_golden_data_say_which_torchvision_wrote_them():
    assert VERSION.startswith("torchvision 0.28.0")


@pytest.mark.parametrize("nms", [nms, fast.nms])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_nms_keeps_what_torchvision_keeps(nms, threshold):
    keep = nms(GOLDEN["nms/boxes"], GOLDEN["nms/scores"], threshold)
    assert torch.equal(keep, GOLDEN[f"nms/keep/{threshold}"])


@pytest.mark.parametrize("nms_per_class", [nms_per_class, fast.nms_per_class])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_nms_per_class_keeps_what_torchvision_keeps(nms_per_class, threshold):
    detections = (GOLDEN["nms/boxes"], GOLDEN["nms/scores"], GOLDEN["nms/labels"])
    keep = nms_per_class(*detections, threshold)
    assert torch.equal(keep, GOLDEN[f"nms/keep_per_class/{threshold}"])


@pytest.mark.parametrize("box_iou", [box_iou, fast.box_iou])
def test_iou_is_torchvisions(box_iou):
    boxes = GOLDEN["nms/boxes"]
    assert torch.equal(box_iou(boxes[:40], boxes[40:70]), GOLDEN["iou"])


def test_formats_convert_as_torchvisions():
    assert_close(xyxy_to_cxcywh(GOLDEN["nms/boxes"]), GOLDEN["cxcywh"])
    assert_close(cxcywh_to_xyxy(GOLDEN["cxcywh"]), GOLDEN["nms/boxes"])


@pytest.mark.parametrize("roi_align", [roi_align, fast.roi_align])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_roi_align_is_torchvisions(roi_align, size, ratio):
    pooled = roi_align(GOLDEN["roi/features"], GOLDEN["roi/boxes"], size, 0.25, ratio)
    expected = GOLDEN[f"roi_align/{size[0]}x{size[1]}/{ratio}"]
    assert_close(pooled, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_roi_pool_is_torchvisions(size):
    pooled = roi_pool(GOLDEN["roi/features"], GOLDEN["roi/boxes"], size, 0.25)
    assert torch.equal(pooled, GOLDEN[f"roi_pool/{size[0]}x{size[1]}"])


def test_boxes_are_encoded_and_decoded_as_by_torchvision():
    proposals = GOLDEN["coder/proposals"]
    assert_close(encode_boxes(proposals, GOLDEN["coder/targets"]), GOLDEN["coder/encoded"])
    decoded = decode_boxes(proposals, GOLDEN["coder/transforms"])
    assert_close(decoded, GOLDEN["coder/decoded"], atol=1e-4, rtol=1e-5)


def test_anchors_and_proposals_are_matched_as_by_torchvision():
    iou = GOLDEN["matcher/iou"]
    labels, matches = label_anchors(iou)
    expected = GOLDEN["matcher/anchors"]  # the match, -1 below, -2 between the thresholds
    assert torch.equal(torch.where(labels == 1, matches, -1 + labels.clamp(max=0)), expected)
    gt_labels = torch.arange(1, iou.shape[1] + 1)
    labels, matches = label_proposals(iou, gt_labels)
    assert torch.equal(labels - 1, GOLDEN["matcher/proposals"])


def test_keypoints_fall_into_torchvisions_bins():
    bins, valid = keypoint_targets(GOLDEN["keypoints/keypoints"], GOLDEN["keypoints/boxes"])
    assert torch.equal(valid, GOLDEN["keypoints/valid"].bool())
    assert torch.equal(bins, GOLDEN["keypoints/bins"])
