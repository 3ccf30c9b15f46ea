import torch
from hypothesis import given
from hypothesis import strategies as st

from solutions.panoptic import instances_of, panoptic_merge
from tests.solutions.draw import random_labels


def rectangle(top, left, bottom, right):
    mask = torch.zeros(6, 8, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def plain_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.tolist(), [[0] * 8 for _ in range(6)]
    count = 0
    for n in sorted(range(len(masks)), key=lambda n: (-float(scores[n]), n)):
        free = [
            (y, x) for y in range(6) for x in range(8) if masks[n, y, x] and instance[y][x] == 0
        ]
        if len(free) >= min_area:
            count += 1
            for y, x in free:
                category[y][x], instance[y][x] = int(labels[n]), count
    return category, instance


@given(st.integers(0, 10_000), st.integers(1, 10))
def test_merging_agrees_with_a_loop_over_pixels(seed, min_area):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 6, (5, 2), generator=generator).tolist()
    masks = torch.stack([rectangle(y, x, y + 3, x + 4) for y, x in corners])
    scores = torch.randint(0, 3, (5,), generator=generator) / 4
    labels, semantic = random_labels(5, 9, seed), random_labels(48, 3, seed).reshape(6, 8)
    category, instance = panoptic_merge(semantic, masks, scores, labels, min_area)
    expected = plain_merge(semantic, masks, scores, labels, min_area)
    assert (category.tolist(), instance.tolist()) == expected


def test_an_instance_with_too_little_left_leaves_its_pixels_to_the_next():
    masks = torch.stack([rectangle(0, 0, 4, 4), rectangle(0, 3, 4, 5), rectangle(0, 4, 4, 7)])
    scores, labels = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([1, 2, 3])
    semantic = torch.full((6, 8), 7)
    category, instance = panoptic_merge(semantic, masks, scores, labels, min_area=5)
    assert instance[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 0]
    assert category[0].tolist() == [1, 1, 1, 1, 3, 3, 3, 7]


def test_instances_are_read_back_as_boxes_of_what_is_visible():
    masks = torch.stack([rectangle(0, 0, 4, 4), rectangle(2, 2, 6, 8)])
    merged = panoptic_merge(
        torch.zeros(6, 8).long(), masks, torch.tensor([0.2, 0.9]), torch.tensor([4, 5]), 1
    )
    boxes, labels = instances_of(*merged)
    assert boxes.tolist() == [[2.0, 2, 8, 6], [0, 0, 4, 4]]
    assert labels.tolist() == [5, 4]


def test_a_map_without_instances_has_no_boxes():
    boxes, labels = instances_of(torch.ones(6, 8).long(), torch.zeros(6, 8).long())
    assert (boxes.shape, labels.shape) == ((0, 4), (0,))
    assert (boxes.dtype, labels.dtype) == (torch.float32, torch.int64)
