import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from solutions.boxes import box_iou
from solutions.proposals import (
    directional_derivatives,
    fill_similarity,
    group_regions,
    histogram_intersection,
    region_boxes,
    region_contents,
    region_neighbours,
    region_similarity,
    selective_search,
    size_similarity,
)
from tests.solutions.draw import random_boxes


def nearness(box_a, size_a, box_b, size_b):
    """A symmetric similarity: near and small regions are alike."""
    distance = (box_a[:2] + box_a[2:] - box_b[:2] - box_b[2:]).abs().sum()
    return -float(distance) - 0.1 * float(size_a + size_b)


def plain_grouping(boxes, sizes, neighbours, similarity):
    """Grouping from its definition: alive regions and pairs of them, searched anew each time."""
    boxes, sizes = [b.tolist() for b in boxes], sizes.tolist()
    pairs = {tuple(sorted(pair)) for pair in neighbours}
    while pairs:
        ranked = sorted(
            pairs,
            key=lambda p: (
                -similarity(*(torch.tensor(x) for i in p for x in (boxes[i], sizes[i]))),
                p,
            ),
        )
        a, b = ranked[0]
        new = len(boxes)
        (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = boxes[a], boxes[b]
        boxes.append([min(ax1, bx1), min(ay1, by1), max(ax2, bx2), max(ay2, by2)])
        sizes.append(sizes[a] + sizes[b])
        renamed = {tuple(sorted(new if i in (a, b) else i for i in p)) for p in pairs}
        pairs = {p for p in renamed if p[0] != p[1]}
    return torch.tensor(boxes)


def test_histograms_intersect_in_their_smaller_bins():
    a, b = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.125, 0.875, 0.0])
    assert float(histogram_intersection(a, b)) == 0.375
    assert float(histogram_intersection(a, a)) == 1.0


def test_small_regions_are_more_similar():
    assert size_similarity(10.0, 15.0, 100.0) == 0.75


def test_regions_that_fill_their_box_are_more_similar():
    assert fill_similarity(10.0, 15.0, 25.0, 100.0) == 1.0
    assert fill_similarity(10.0, 15.0, 75.0, 100.0) == 0.5


@given(st.integers(0, 10_000), st.integers(1, 8), st.data())
def test_grouping_agrees_with_its_definition(seed, count, data):
    boxes, sizes = random_boxes(count, seed), torch.arange(1.0, count + 1)
    ends = st.integers(0, count - 1)
    pairs = st.tuples(ends, ends).filter(lambda pair: pair[0] != pair[1])
    neighbours = data.draw(st.lists(pairs, max_size=12) if count > 1 else st.just([]))
    grouped = group_regions(boxes, sizes, neighbours, nearness)
    assert_close(grouped, plain_grouping(boxes, sizes, neighbours, nearness))


def test_the_most_similar_pair_merges_first_and_the_lowest_pair_of_equals():
    boxes = torch.tensor([[0.0, 0, 1, 1], [1, 0, 2, 1], [2, 0, 3, 1], [3, 0, 4, 1]])
    chain = [(2, 3), (1, 2), (1, 0)]
    grouped = group_regions(boxes, torch.ones(4), chain, lambda *_: 0.5)
    expected = torch.tensor([[0.0, 0, 2, 1], [2, 0, 4, 1], [0, 0, 4, 1]])
    assert torch.equal(grouped, torch.cat([boxes, expected]))


def test_regions_that_do_not_touch_stay_apart():
    boxes = random_boxes(3)
    grouped = group_regions(boxes, torch.ones(3), [(0, 1)], lambda *_: 1.0)
    assert len(grouped) == 4


def test_a_merger_has_the_sum_of_the_sizes():
    sizes = []

    def similarity(box_a, size_a, box_b, size_b):
        sizes.append({int(size_a), int(size_b)})
        return 0.0

    group_regions(random_boxes(3), torch.tensor([1, 2, 4]), [(0, 1), (1, 2)], similarity)
    assert sizes == [{1, 2}, {2, 4}, {4, 3}]


segments = torch.tensor([[0, 0, 1], [0, 2, 1], [0, 2, 2]])


def test_boxes_of_segments_end_after_their_last_pixel():
    expected = torch.tensor([[0.0, 0, 2, 3], [2, 0, 3, 2], [1, 1, 3, 3]])
    assert torch.equal(region_boxes(segments), expected)


def test_segments_that_share_a_side_are_neighbours():
    assert region_neighbours(segments) == [(0, 1), (0, 2), (1, 2)]
    corners_only = torch.tensor([[0, 1], [1, 2]])
    assert region_neighbours(corners_only) == [(0, 1), (1, 2)]


def test_contents_of_segments_add_up_to_those_of_the_image():
    image = torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(0))
    contents = region_contents(image, segments)
    assert contents.shape == (3, 1 + 3 * 25 + 3 * 8 * 10)
    whole = region_contents(image, torch.zeros_like(segments))
    assert_close(contents.sum(dim=0), whole[0])
    assert contents[:, 0].tolist() == [4.0, 2.0, 3.0]
    assert contents[:, 1:76].sum(dim=1).tolist() == [12.0, 6.0, 9.0]


def test_a_slope_rises_in_its_own_direction():
    slope = torch.arange(12.0).expand(1, 10, 12) / 12
    rises = directional_derivatives(slope)[0, :, 5, 6]
    assert_close(rises[0], torch.tensor(1 / 12), rtol=0.02, atol=0)
    assert int(rises.argmax()) == 0
    assert rises[4].item() == 0.0


def test_equal_halves_of_a_plain_image_have_full_similarity():
    image = torch.full((3, 4, 4), 0.5)
    halves = torch.tensor([[0, 0, 1, 1]] * 4)
    a, b = region_contents(image, halves)
    box_a, box_b = region_boxes(halves)
    similarity = region_similarity(channels=3, image_area=16.0)(box_a, a, box_b, b)
    assert_close(float(similarity), 1.0 + 1.0 + 0.0 + 1.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_selective_search_finds_the_objects_of_a_plain_scene(channels, device):
    image = torch.full((channels, 60, 80), 0.2)
    image[:, 10:30, 10:40] = 0.9
    image[:, 35:55, 20:30] = 0.6
    image[:, 35:55, 30:45] = 0.65  # two parts of one object
    noise = torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    boxes = selective_search((image + 0.02 * noise).to(device))
    objects = torch.tensor([[10.0, 10, 40, 30], [20, 35, 45, 55], [0, 0, 80, 60]], device=device)
    assert (box_iou(objects, boxes).max(dim=1).values > 0.9).all()
    assert len(boxes) == len({tuple(box) for box in boxes.tolist()})
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= torch.tensor([80, 60], device=device)).all()
