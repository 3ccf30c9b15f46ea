"""Scenes: what is annotated is what is there, and a seed says it all."""

import hashlib

import numpy as np
import pytest
import torch

from course.scenes import CATEGORIES, CLASSES, STUFF, Scene, dataset, scene

SEEDS = range(60)
OPTIONS = [
    {},
    {"size": (64, 96), "objects": (1, 3)},
    {"size": (150, 100), "difficulty": "hard"},
    {"classes": ("star", "circle"), "difficulty": "easy"},
]


def scenes(options: dict, seeds=SEEDS) -> list[Scene]:
    return [scene(seed, **options) for seed in seeds]


def digest(made: Scene) -> str:
    parts = (made.image, made.boxes, made.labels, made.masks, made.keypoints, made.semantic)
    data = b"".join(
        part.numpy().astype(part.numpy().dtype.newbyteorder("<")).tobytes() for part in parts
    )
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.mark.parametrize("options", OPTIONS)
def test_shapes_and_types_are_as_the_contract_says(options):
    height, width = options.get("size", (128, 128))
    for made in scenes(options, range(5)):
        count = len(made.labels)
        fields = {
            "image": ((3, height, width), torch.float32),
            "boxes": ((count, 4), torch.float32),
            "labels": ((count,), torch.int64),
            "masks": ((count, height, width), torch.bool),
            "keypoints": ((count, 5, 3), torch.float32),
            "semantic": ((height, width), torch.int64),
            "instance": ((height, width), torch.int64),
        }
        for name, (shape, dtype) in fields.items():
            value = getattr(made, name)
            assert (name, tuple(value.shape), value.dtype) == (name, shape, dtype)
            assert value.is_contiguous()


@pytest.mark.parametrize("options", OPTIONS)
def test_an_image_has_colours_in_255_steps(options):
    for made in scenes(options, range(10)):
        assert 0 <= made.image.min() < made.image.max() <= 1
        levels = (made.image.double() * 255).round()
        assert torch.equal((levels / 255).float(), made.image)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_box_is_tight_around_the_visible_mask(options):
    for made in scenes(options):
        for box, mask in zip(made.boxes.tolist(), made.masks, strict=True):
            rows, columns = mask.nonzero().T
            assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("options", OPTIONS)
def test_masks_labels_instance_and_semantic_map_say_the_same(options):
    for made in scenes(options):
        assert made.masks.sum(dim=0).max() <= 1
        numbers = torch.arange(1, len(made.masks) + 1)[:, None, None]
        assert torch.equal((made.masks * numbers).sum(dim=0), made.instance)
        for label, mask in zip(made.labels, made.masks, strict=True):
            assert (made.semantic[mask] == label).all()
        rest = made.semantic[made.instance == 0]
        assert {CATEGORIES[number] for number in rest.unique().tolist()} <= set(STUFF)


@pytest.mark.parametrize("options", OPTIONS)
def test_every_scene_has_as_many_objects_as_asked_for_and_none_is_nearly_invisible(options):
    low, high = options.get("objects", (3, 7))
    for made in scenes(options, range(300)):
        assert low <= len(made.labels) <= high
        assert made.masks.sum(dim=(1, 2)).min() >= 24


@pytest.mark.parametrize("options", OPTIONS)
def test_a_keypoint_is_in_the_picture_and_visible_exactly_when_its_pixel_is_the_objects(options):
    hidden = 0
    for made in scenes(options):
        for label, mask, keypoints in zip(made.labels, made.masks, made.keypoints, strict=True):
            slots = {"triangle": 3, "star": 5}.get(CLASSES[label - 1], 4)
            assert keypoints[:, 2].gt(0).tolist() == [slot < slots for slot in range(5)]
            assert not keypoints[slots:].any()
            x, y = keypoints[:slots, :2].floor().long().T
            assert torch.equal(keypoints[:slots, 2], 1.0 + mask[y, x])
            hidden += int(keypoints[:, 2].eq(1).sum())
    assert hidden > 3


def test_keypoints_go_clockwise_from_the_top():
    for made in scenes({"objects": (1, 1)}):
        (label,), (keypoints,) = made.labels.tolist(), made.keypoints
        places = keypoints[keypoints[:, 2] > 0, :2]
        following = places.roll(-1, dims=0)
        turns = places[:, 0] * following[:, 1] - places[:, 1] * following[:, 0]
        assert turns.sum() > 0, "counter-clockwise"  # y points down
        if CLASSES[label - 1] != "rectangle":
            assert places[:, 1].argmin() == 0


def test_equal_seeds_give_equal_scenes_and_others_do_not():
    digests = [digest(scene(seed)) for seed in (0, 0, 1, 2**64 - 1)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {0: "9e059d7f5fed7c69", 1: "64b52c28314585d4", 2**63: "b6569559225d95b5"}),
        (
            {"size": (64, 96), "objects": (1, 3)},
            {0: "e603d3e8be4667c3", 1: "79acfdd89161c796", 2**63: "d391673b9694a22a"},
        ),
        (
            {"difficulty": "hard", "classes": ("star", "ring")},
            {0: "ed0805dd50a4e8b3", 1: "ab9aa6aac2195868", 2**63: "bd7f75e72e1338a1"},
        ),
    ],
)
def test_scenes_are_the_same_on_every_machine(options, expected):
    digests = {seed: digest(scene(seed, **options)) for seed in expected}
    assert digests == expected


def test_all_classes_occur_and_a_choice_of_them_keeps_the_labels():
    seen = torch.cat([made.labels for made in scenes({})])
    assert seen.unique().tolist() == [1, 2, 3, 4, 5, 6]
    seen = torch.cat([made.labels for made in scenes({"classes": ("star", "circle")})])
    assert seen.unique().tolist() == [1, 5]


def test_no_objects_are_a_scene_too():
    made = scene(4, objects=(0, 0))
    assert made.boxes.shape == (0, 4)
    assert made.masks.shape == (0, 128, 128)
    assert made.keypoints.shape == (0, 5, 3)
    assert repr(made) == "Scene(128 x 128: no objects)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.0}, "got 1.0"),
        ({"size": (16, 128)}, r"at least 32, got \(16, 128\)"),
        ({"size": (128,)}, "size must be"),
        ({"classes": ("dog",)}, "classes must be some of circle"),
        ({"classes": "star"}, "classes must be"),
        ({"classes": ()}, "classes must be"),
        ({"objects": (3, 2)}, "objects must be"),
        ({"difficulty": "harder"}, "one of easy, medium, hard, got 'harder'"),
    ],
)
def test_an_option_that_cannot_be_says_what_can(options, message):
    with pytest.raises(ValueError, match=message):
        scene(**{"seed": 0, **options})


def test_splits_share_no_scene_and_are_the_same_each_time():
    items = {
        split: [digest(made) for made in list(dataset(split, 4))]
        for split in ("train", "val", "test")
    }
    assert len({item for split in items.values() for item in split}) == 12
    assert digest(dataset("val", 9)[2]) == items["val"][2]


def test_a_data_set_passes_options_on():
    assert dataset("val", 1, size=(40, 50))[0].image.shape == (3, 40, 50)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_outside_is_refused(index):
    with pytest.raises(IndexError, match=f"from 0 to 2, got {index}"):
        dataset("train", 3)[index]


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="one of train, val, test, got 'valid'"):
        dataset("valid", 3)


def test_colour_does_not_tell_the_class():
    def colors(made: Scene) -> list[np.ndarray]:
        return [made.image[:, mask].mean(dim=1).numpy() for mask in made.masks]

    def examples(split: str) -> tuple[np.ndarray, np.ndarray]:
        items = list(dataset(split, 150, size=(64, 64)))
        return np.stack([c for made in items for c in colors(made)]), np.concatenate(
            [made.labels.numpy() for made in items]
        )

    known, labels = examples("train")
    means = np.stack([known[labels == label].mean(axis=0) for label in range(1, 7)])
    asked, answers = examples("val")
    guessed = np.linalg.norm(asked[:, None] - means, axis=2).argmin(axis=1) + 1
    assert len(answers) > 500
    assert (guessed == answers).mean() < 0.25
