"""What the lesson on R-CNN is given: regions that cover the image, overlaps, a network that learns."""

import pytest
import torch
from torch.nn import functional as F

from course import rcnn
from course.scenes import scene
from course.similarities import all_alike, closer_first, common_contents, fitting_first
from course.similarities import smaller_first as smaller
from solutions.boxes import box_iou
from solutions.losses import rcnn_loss
from solutions.proposals import group_regions, region_boxes, region_neighbours
from solutions.rcnn import crop_and_resize, encode_boxes, label_proposals

PICTURE = scene(20, classes=("circle", "triangle", "cross"), difficulty="easy")


@pytest.fixture(scope="module")
def regions():
    return rcnn.first_regions(PICTURE.image)


def test_first_regions_have_the_boxes_and_neighbours_of_their_segments(regions):
    assert torch.equal(regions.boxes, region_boxes(regions.segments))
    assert regions.neighbours == region_neighbours(regions.segments)
    assert len(regions) == int(regions.segments.max()) + 1


def test_contents_count_every_pixel_once_in_each_channel(regions):
    assert regions.contents[:, 0].sum() == 128 * 128
    channels = regions.contents[:, 1:].view(len(regions), 3, rcnn.COLOUR_BINS).sum(dim=2)
    assert torch.equal(channels, regions.contents[:, :1].expand(-1, 3))


def test_each_merger_leaves_one_region_less(regions):
    def alike(box_a, row_a, box_b, row_b):
        assert len(row_a) == len(row_b) == regions.contents.shape[1]
        return common_contents(box_a, row_a, box_b, row_b)

    maps = rcnn.segments_after(regions, [0, 1, 20], group_regions, alike)
    assert [len(segments.unique()) for segments in maps] == [len(regions) - k for k in (0, 1, 20)]
    assert torch.equal(maps[0], regions.segments)


def test_a_region_in_its_mean_colour_keeps_the_sum_of_the_image(regions):
    shown = rcnn.in_mean_colours(PICTURE.image, regions.segments)
    expected = PICTURE.image.sum(dim=(1, 2))
    torch.testing.assert_close(shown.sum(dim=(1, 2)), expected, rtol=1e-4, atol=0)
    inside = shown[:, regions.segments == 3]
    assert torch.equal(inside, inside[:, :1].expand_as(inside))


def test_overlaps_in_pixels_are_the_iou_of_boxes_at_whole_pixels():
    a = torch.tensor([[0.0, 0, 10, 20], [5, 5, 40, 30], [100, 90, 128, 128]])
    b = torch.tensor([[5.0, 0, 15, 20], [90, 90, 128, 128]])
    torch.testing.assert_close(rcnn.pixel_iou(a, b), box_iou(a, b))


def test_overlaps_of_boxes_without_pixels_are_0():
    assert rcnn.pixel_iou(torch.tensor([[3.1, 3.1, 3.2, 3.2]]), torch.zeros(1, 4)).item() == 0


def test_practice_proposals_are_repeatable_and_of_all_three_kinds():
    def drawn():
        return rcnn.practice_proposals(PICTURE, torch.Generator().manual_seed(1))

    assert torch.equal(drawn(), drawn())
    labels, _ = label_proposals(rcnn.pixel_iou(drawn(), PICTURE.boxes), PICTURE.labels)
    assert all((labels == kind).sum() > 10 for kind in (-1, 0))
    assert (labels > 0).sum() > 10


def test_context_is_added_on_every_side():
    grown = rcnn.with_context(torch.tensor([[10.0, 20, 30, 60]]), 0.1)
    assert grown.tolist() == [[8.0, 16.0, 32.0, 64.0]]


def test_small_boxes_are_left_out():
    boxes = torch.tensor([[0.0, 0, 8, 8], [0, 0, 7, 30], [0, 0, 30, 7.5]])
    assert rcnn.large_enough(boxes).tolist() == [[0.0, 0.0, 8.0, 8.0]]


def test_quick_crops_are_the_exact_ones_also_beyond_the_image():
    boxes = torch.tensor([[10.0, 20, 34, 44], [-6.5, -10, 18, 40.25], [100, 110, 148, 158]])
    image = PICTURE.image[:, :100]
    exact = crop_and_resize(image, boxes, (24, 24))
    torch.testing.assert_close(rcnn.quick_crops(image, boxes), exact, rtol=0, atol=1e-4)


def test_the_network_learns_the_class_of_a_crop():
    torch.manual_seed(0)
    network = rcnn.RegionNetwork(num_classes=6)
    boxes = rcnn.practice_proposals(PICTURE, torch.Generator().manual_seed(0))
    labels, matches = label_proposals(rcnn.pixel_iou(boxes, PICTURE.boxes), PICTURE.labels)
    crops = rcnn.quick_crops(PICTURE.image, boxes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    targets = encode_boxes(boxes, PICTURE.boxes[matches])
    losses = []
    for _ in range(40):
        class_loss, box_loss = rcnn_loss(*network(crops), labels, targets)
        optimizer.zero_grad()
        (class_loss + box_loss).backward()
        optimizer.step()
        losses.append(class_loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_features_do_not_change_with_brightness_or_when_colours_are_inverted():
    network = rcnn.RegionNetwork(num_classes=3)
    crops = rcnn.quick_crops(PICTURE.image, PICTURE.boxes)
    features = network.features(crops)
    torch.testing.assert_close(network.features(1 - crops), features)
    torch.testing.assert_close(network.features(crops + 0.2), features)
    assert features.shape == (len(crops), 144)
    assert F.cosine_similarity(features[:1], features[1:]).max() < 0.999


@pytest.mark.parametrize("similarity", [smaller, closer_first, fitting_first, all_alike])
def test_similarities_are_the_same_for_tensors_lists_and_exchanged_regions(similarity):
    a, b = torch.tensor([1.0, 2, 5, 8]), torch.tensor([4.0, 1, 9, 3])
    value = similarity(a, torch.tensor(7.0), b, torch.tensor(3))
    assert isinstance(value, float)
    assert value == similarity(b.tolist(), 3, a.numpy(), 7.0)


def test_similarities_have_their_values():
    a, b = [0.0, 0.0, 2.0, 4.0], [3.0, 0.0, 5.0, 4.0]
    assert smaller(a, 8, b, 6) == -14
    assert closer_first(a, 8, b, 6) == -20
    assert fitting_first(a, 8, b, 6) == -6
    assert common_contents(a, [1, 3], b, [5, 5]) == 0.75
