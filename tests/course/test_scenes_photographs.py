"""Photographs: annotations that fit together, and pictures that need no download."""

import pytest
import torch

from course.scenes import PHOTOGRAPHS, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_masks_boxes_and_maps_say_the_same(name):
    picture = photograph(name)
    assert picture.image.dtype == torch.float32
    assert picture.masks.sum(dim=0).max() == 1
    numbers = torch.arange(1, len(picture.masks) + 1)[:, None, None]
    assert torch.equal((picture.masks * numbers).sum(dim=0), picture.instance)
    for label, box, mask in zip(picture.labels, picture.boxes, picture.masks, strict=True):
        assert (picture.semantic[mask] == label).all()
        assert picture.categories[label] == picture.names[label - 1]
        rows, columns = mask.nonzero().T
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert mask.sum() > 500
    rest = picture.semantic[picture.instance == 0].unique().tolist()
    assert not {picture.categories[number] for number in rest} & set(picture.names)


@pytest.mark.parametrize("name", ["astronaut", "cat"])
def test_the_face_s_keypoints_are_on_the_one_who_has_it(name):
    picture = photograph(name)
    (row,) = (picture.labels == 1).nonzero().flatten().tolist()
    x, y, v = picture.keypoints[row].T
    assert v.min() >= 1
    assert picture.masks[row, y.long(), x.long()].all()
    nose, left, right = x[:3]
    assert right < nose
    assert right < left  # of the one in the picture, who looks at us
    assert not picture.keypoints[torch.arange(len(picture.labels)) != row].any()


def test_what_is_in_the_pictures():
    assert {name: sorted(photograph(name).names) for name in PHOTOGRAPHS} == {
        "astronaut": ["flag", "helmet", "person", "shuttle"],
        "cat": ["cat"],
        "coffee": ["cup", "saucer", "spoon"],
    }


def test_the_astronaut_s_hair_is_hers_and_the_sky_beside_it_the_wall():
    picture = photograph("astronaut")
    assert picture.categories[picture.semantic[20, 120]] == "person"
    assert picture.categories[picture.semantic[20, 165]] == "wall"
    assert picture.categories[picture.semantic[200, 200]] == "helmet"


def test_an_unknown_photograph_says_which_there_are():
    with pytest.raises(ValueError, match="one of astronaut, cat, coffee, got 'dog'"):
        photograph("dog")
