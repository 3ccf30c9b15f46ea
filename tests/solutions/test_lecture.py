"""The numbers that the lecture works out by hand."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from solutions.average_precision import (
    average_precision,
    match_detections,
    mean_average_precision,
    perfect_ap,
    precision_recall,
)
from solutions.boxes import box_iou
from solutions.fcn import receptive_field
from solutions.nms import nms
from solutions.sliding_windows import (
    count_boxes,
    count_positions,
    dense_scores,
    sliding_window_scores,
    to_fully_convolutional,
)
from solutions.transposed_conv import conv_transpose1d, conv_transpose2d
from solutions.upsampling import bed_of_nails, max_pool, max_unpool, nearest_upsample
from tests.solutions.draw import normal


def test_an_image_of_800_by_600_has_58_billion_boxes():
    assert count_boxes((600, 800)) == 57_768_120_000


@pytest.mark.parametrize(("side", "windows"), [(14, 1), (16, 2), (28, 8)])
def test_a_14_pixel_window_of_stride_2_gives_so_many_score_vectors_in_one_pass(side, windows):
    classifier = nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 400), nn.Linear(400, 4)
    ).double()
    image = normal(3, side, side, dtype=torch.float64)
    dense = dense_scores(to_fully_convolutional(classifier, (3, 14, 14)), image)
    assert dense.shape == (windows, windows, 4)
    assert count_positions((side, side), (14, 14), 2) == windows**2
    torch.testing.assert_close(dense, sliding_window_scores(classifier, image, (14, 14), 2))


def test_nms_drops_orange_for_blue_and_yellow_for_purple():
    # wide boxes of height 1: two of width w shifted by s have IoU (w - s) / (w + s)
    blue, orange = [0.0, 0, 178, 1], [22.0, 0, 200, 1]
    purple, yellow = [300.0, 0, 474, 1], [326.0, 0, 500, 1]
    boxes = torch.tensor([blue, orange, purple, yellow])
    iou = box_iou(boxes, boxes)
    assert iou[0, 1].item() == pytest.approx(0.78)
    assert iou[2, 3].item() == pytest.approx(0.74)
    scores = torch.tensor([0.9, 0.8, 0.75, 0.7])
    assert nms(boxes, scores, 0.7).tolist() == [0, 2]
    assert nms(boxes, scores, 0.76).tolist() == [0, 2, 3]


def dogs():
    """Five detections of three dogs: the first two and the last are right."""
    dog = torch.tensor([[0.0, 0, 10, 10]])
    gt_boxes = torch.cat([dog, dog + 20, dog + 40])
    boxes = torch.cat([dog + 1, dog + 21, dog + 60, dog + 80, dog + 39])
    scores = torch.tensor([0.99, 0.95, 0.9, 0.5, 0.1])
    return boxes, scores, gt_boxes


def test_the_dogs_average_precision_is_13_fifteenths():
    boxes, scores, gt_boxes = dogs()
    hits = match_detections(boxes, scores, gt_boxes)
    assert hits.tolist() == [True, True, False, False, True]
    precision, recall = precision_recall(hits, 3)
    assert precision.tolist() == pytest.approx([1, 1, 2 / 3, 1 / 2, 3 / 5])
    assert recall.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert average_precision(precision, recall) == pytest.approx(float(Fraction(13, 15)))
    assert not perfect_ap(hits.tolist(), 3)


def test_map_of_car_65_cat_80_and_dog_86_is_77():
    # found without a false detection: 13 of 20 cars, 4 of 5 cats, 43 of 50 dogs
    detections, ground_truth = [], []
    for label, found, num_gt in ((1, 13, 20), (2, 4, 5), (3, 43, 50)):
        boxes = dogs()[2][:1] + 20 * torch.arange(num_gt)[:, None]
        labels = torch.full((num_gt,), label)
        scores = torch.linspace(0.9, 0.1, found)
        detections.append({"boxes": boxes[:found], "scores": scores, "labels": labels[:found]})
        ground_truth.append({"boxes": boxes, "labels": labels})
    for image, ap in enumerate((0.65, 0.80, 0.86)):
        own = slice(image, image + 1)
        assert mean_average_precision(detections[own], ground_truth[own], 3) == pytest.approx(ap)
    assert mean_average_precision(detections, ground_truth, 3) == pytest.approx(0.77)


def test_three_by_three_layers_see_1_plus_2l_pixels():
    assert all(receptive_field([(3, 1)] * layers) == 1 + 2 * layers for layers in range(6))


small = torch.tensor([[[1.0, 2], [3, 4]]])


def test_bed_of_nails_and_nearest_neighbour_of_the_slide():
    nails = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    copies = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert bed_of_nails(small, 2)[0].tolist() == nails
    assert nearest_upsample(small, 2)[0].tolist() == copies


def test_max_pooling_and_unpooling_of_the_slide():
    x = torch.tensor([[[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]])
    values, indices = max_pool(x, 2)
    assert values[0].tolist() == [[5, 6], [7, 8]]
    unpooled = [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]
    assert max_unpool(small, indices, (4, 4))[0].tolist() == unpooled


def test_a_transposed_convolution_of_stride_2_gives_5x5_which_is_trimmed_to_4x4():
    weight = normal(1, 1, 3, 3)
    whole = conv_transpose2d(small, weight, stride=2)
    assert whole.shape == (1, 5, 5)
    trimmed = conv_transpose2d(small, weight, stride=2, padding=1, output_padding=1)
    assert torch.equal(trimmed, whole[:, 1:, 1:])


def test_in_one_dimension_copies_of_the_filter_add_up_where_they_overlap():
    x, y, z, a, b = 2.0, 3.0, 5.0, 7.0, 11.0
    spread = conv_transpose1d(torch.tensor([a, b]), torch.tensor([x, y, z]), stride=2)
    assert spread.tolist() == [a * x, a * y, a * z + b * x, b * y, b * z]
