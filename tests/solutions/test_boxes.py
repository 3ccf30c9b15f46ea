import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from solutions.boxes import box_area, box_iou, cxcywh_to_xyxy, xyxy_to_cxcywh
from tests.solutions.draw import grid_boxes, random_boxes


def slow_iou(a, b):
    """IoU of two boxes on whole numbers, by counting unit squares."""

    def squares(box):
        x1, y1, x2, y2 = (int(side) for side in box)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    union = squares(a) | squares(b)
    return len(squares(a) & squares(b)) / len(union) if union else 0.0


@given(grid_boxes(), grid_boxes())
def test_iou_is_the_share_of_unit_squares_in_both(a, b):
    expected = [[slow_iou(p, q) for q in b.tolist()] for p in a.tolist()]
    expected = torch.tensor(expected, dtype=torch.float64).reshape(len(a), len(b))
    assert_close(box_iou(a, b), expected)


@given(grid_boxes())
def test_a_box_overlaps_itself_fully_unless_it_is_empty(boxes):
    diagonal = box_iou(boxes, boxes).diagonal()
    assert torch.equal(diagonal, (box_area(boxes) > 0).double())


@given(grid_boxes())
def test_the_two_formats_convert_into_each_other(boxes):
    assert torch.equal(cxcywh_to_xyxy(xyxy_to_cxcywh(boxes)), boxes)


def test_a_centred_box_has_half_its_size_on_each_side():
    box = torch.tensor([[10.0, 20.0, 4.0, 6.0]])
    assert torch.equal(cxcywh_to_xyxy(box), torch.tensor([[8.0, 17.0, 12.0, 23.0]]))


def test_area_has_no_plus_one():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 3.0], [5.0, 5.0, 5.0, 9.0], [-3.0, -3.0, -1.0, -1.0]])
    assert box_area(boxes).tolist() == [6.0, 0.0, 4.0]


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        ([2.0, 0.0, 4.0, 2.0], 0.0),  # touches
        ([5.0, 5.0, 7.0, 7.0], 0.0),  # apart in both axes: the negative sides do not multiply
        ([0.0, 0.0, 1.0, 1.0], 0.25),  # inside
        ([1.0, 1.0, 3.0, 3.0], 1 / 7),
    ],
)
def test_iou_of_a_pair(other, iou):
    box = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    assert_close(box_iou(box, torch.tensor([other])), torch.tensor([[iou]]))


def test_iou_of_far_away_boxes_is_as_exact_as_near_the_origin():
    boxes = random_boxes(20, dtype=torch.float64).round()
    assert_close(box_iou(boxes + 2**20, boxes + 2**20), box_iou(boxes, boxes))
