"""Scenes in COCO's format: as pycocotools reads them, and back; what is wrong with a file is said."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from course.scenes import CocoError, from_coco, photograph, scene, to_coco
from course.scenes.outlines import mask_of_run_lengths, polygon_mask, run_lengths, uncompressed


def loaded(file) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    to_coco([scene(seed, (64, 90)) for seed in range(3)] + [scene(3, objects=(0, 0))], folder)
    return folder


@pytest.fixture
def content(folder, tmp_path):
    """Return what the JSON file of a small data set holds, to be changed and read with `read`."""
    (tmp_path / "images").symlink_to(folder / "images")
    return json.loads((folder / "annotations.json").read_text())


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        (tmp_path / "annotations.json").write_text(json.dumps(content))
        return from_coco(tmp_path)

    return read_content


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # its own
def test_pycocotools_reads_boxes_masks_keypoints_and_categories(folder):
    coco = loaded(folder / "annotations.json")
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())][:2] == [
        "circle",
        "ring",
    ]
    for number in range(1, 4):
        made = scene(number - 1, (64, 90))
        entries = coco.loadAnns(coco.getAnnIds(imgIds=number))
        assert [entry["category_id"] for entry in entries] == made.labels.tolist()
        for n, entry in enumerate(entries):
            x, y, width, height = entry["bbox"]
            assert [x, y, x + width, y + height] == made.boxes[n].tolist()
            assert np.array_equal(coco.annToMask(entry), made.masks[n].numpy())
            assert entry["area"] == made.masks[n].sum()
            assert entry["keypoints"] == made.keypoints[n].flatten().tolist()


def test_scenes_come_back_as_they_were(folder):
    back = from_coco(folder)
    assert len(back) == 4
    for index, made in enumerate([scene(seed, (64, 90)) for seed in range(3)]):
        assert back[index].names == made.names
        for field in ("image", "boxes", "labels", "masks", "keypoints", "instance"):
            assert torch.equal(getattr(back[index], field), getattr(made, field)), field
        things = made.instance > 0
        assert torch.equal(back[index].semantic, made.semantic * things)
    assert back[3].masks.shape == (0, 128, 128)


def test_a_photograph_comes_back_too(tmp_path):
    made = photograph("astronaut")
    back = from_coco(to_coco([made], tmp_path))[0]
    assert back.names == made.names
    assert torch.equal(back.image, made.image)
    assert torch.equal(back.masks, made.masks)


def test_scenes_with_other_names_do_not_go_into_one_data_set(tmp_path):
    with pytest.raises(CocoError, match="equal names"):
        to_coco([scene(0), photograph("cat")], tmp_path)


@given(st.lists(st.booleans(), min_size=6, max_size=60))
def test_run_lengths_are_those_of_pycocotools_and_come_back(bits):
    height, width = len(bits) // 3, 3
    mask = np.array(bits[: height * width]).reshape(height, width)
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    counts = run_lengths(mask)
    assert uncompressed(encoded["counts"].decode()) == counts
    assert np.array_equal(mask_of_run_lengths(counts, height, width), mask)


def test_long_runs_come_out_of_the_compressed_text():
    mask = np.zeros((300, 200), dtype=np.uint8, order="F")
    mask[7:250, 20:60], mask[3:9, 100:190], mask[299, 199] = 1, 1, 1
    encoded = coco_mask.encode(mask)
    assert uncompressed(encoded["counts"].decode()) == run_lengths(mask > 0)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), min_size=3, max_size=7))
def test_a_polygon_has_the_pixels_whose_centre_an_odd_number_of_edges_is_left_of(corners):
    mask = polygon_mask(corners, 30, 40)
    for row, column in [(3, 5), (14, 20), (15, 7), (29, 39)]:
        x, y, inside = column + 0.5, row + 0.5, False
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y1 > y) != (y2 > y):
                crossing = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
                if abs(crossing - x) < 1e-9:
                    return  # on the outline
                inside ^= crossing < x
        assert mask[row, column] == inside


def test_polygons_are_read_and_cover_what_they_enclose(content, read):
    entry = content["annotations"][0]
    entry["segmentation"] = [[10, 20, 30, 20, 30, 40, 10, 40], [50, 5, 52, 5, 52, 8, 50, 8]]
    mask = read(content)[0].masks[0]
    expected = torch.zeros(64, 90, dtype=torch.bool)
    expected[20:40, 10:30] = expected[5:8, 50:52] = True
    assert torch.equal(mask, expected)


def test_compressed_run_lengths_are_read(content, read, folder):
    coco = loaded(folder / "annotations.json")
    for entry in content["annotations"]:
        packed = coco.annToRLE(entry)
        entry["segmentation"] = {"size": packed["size"], "counts": packed["counts"].decode()}
    assert torch.equal(read(content)[1].masks, scene(1, (64, 90)).masks)


def test_crowds_are_left_out_and_categories_are_numbered_in_the_order_of_their_ids(content, read):
    content["categories"] = [{"id": 90, "name": "dog"}, {"id": 18, "name": "cat"}]
    for entry in content["annotations"]:
        entry["category_id"] = 90
        del entry["keypoints"]
    content["annotations"][0]["iscrowd"] = 1
    first = read(content)[0]
    assert first.names == ("cat", "dog")
    assert first.categories == ("void", "cat", "dog")
    assert len(first.labels) == len(scene(0, (64, 90)).labels) - 1
    assert set(first.labels.tolist()) == {2}
    assert first.keypoints.shape[1:] == (0, 3)


def test_boxes_a_little_outside_are_clipped(content, read):
    content["annotations"][0]["bbox"] = [-0.5, 10, 91, 54.3]
    assert read(content)[0].boxes[0].tolist() == [0, 10, 90, 64]


@pytest.mark.parametrize("channels", [(), (4,)])
def test_grey_and_transparent_pictures_become_colour(channels, content, tmp_path, read):
    (tmp_path / "images").unlink()
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(64, 90, *channels), dtype=np.uint8)
    for entry in content["images"]:
        Image.fromarray(pixels).save(tmp_path / "images" / entry["file_name"])
    image = (read(content)[0].image * 255).round().byte().permute(1, 2, 0).numpy()
    expected = pixels[..., :3] if channels else np.stack([pixels] * 3, axis=2)
    assert np.array_equal(image, expected)


def test_pictures_may_lie_elsewhere(folder, tmp_path):
    file = tmp_path / "mine.json"
    file.write_bytes((folder / "annotations.json").read_bytes())
    assert from_coco(file, images=folder / "images")[0].image.shape == (3, 64, 90)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "must have a list 'images', got nothing"),
        (lambda c: c.update(annotations={}), r"must have a list 'annotations', got \{\}"),
        (lambda c: c["images"].append("x"), r"images\[4\] of .* must have a whole number as its id, got 'x'"),
        (lambda c: c["images"][1].update(id=1), "ids of images in .* must differ, got 1 twice"),
        (lambda c: c["images"][0].update(file_name="a.png"), r"file_name of image 1 must be a file in .*images or .*, got 'a.png'; put it there"),
        (lambda c: c["images"][0].update(file_name=7), "file_name of image 1 must be a text, got 7"),
        (lambda c: c["images"][0].update(height=0), "height and width of image 1 must be whole numbers above 0, got 0 and 90"),
        (lambda c: c["categories"][0].pop("name"), "name of category 1 must be a text, got nothing"),
        (lambda c: c["annotations"][0].update(image_id=99), "image_id of annotation 1 must be one of 1, 2, 3, 4, got 99; correct it, or add that image"),
        (lambda c: c["annotations"][0].update(category_id=[7]), r"category_id of annotation 1 must be one of 1, 2, 3, 4, 5, 6, got \[7\]"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"bbox of annotation 1 must be \[x, y, width, height\]"),
        (lambda c: c["annotations"][0].update(bbox=[5, 5, 0, 4]), "sides above 0"),
        (lambda c: c["annotations"][0].update(bbox=[5, 5, float("nan"), 4]), "must be a list of numbers"),
        (lambda c: c["annotations"][0].update(bbox=[60, 30, 80, 50]), r"must lie in its image of 64 x 90 pixels .* to \(140, 80\); it is .*, not two corners"),
        (lambda c: c["annotations"][0].pop("segmentation"), "segmentation of annotation 1 must be a list of polygons or run lengths, got nothing"),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), "three corners at least, got 4 numbers"),
        (lambda c: c["annotations"][0].update(segmentation=[1, 2, 3, 4, 5, 6]), "each polygon of annotation 1 must be a list of numbers, got 1"),
        (lambda c: c["annotations"][0]["segmentation"].update(size=[90, 64]), r"must be that of its image, \[64, 90\] \(height, width\), got \[90, 64\]"),
        (lambda c: c["annotations"][0]["segmentation"].update(counts=[5, 5]), "add up to the image's 5760 pixels, got"),
        (lambda c: c["annotations"][0]["segmentation"].update(counts=[5761, -1]), "add up to the image's 5760 pixels"),
        (lambda c: c["annotations"][0]["segmentation"].update(counts="!!"), "must be COCO's text, got '!'"),
        (lambda c: c["annotations"][0].update(keypoints=[1, 2]), "keypoints of annotation 1 must be three numbers"),
        (lambda c: c["annotations"][0].update(keypoints=[1, 2, 3]), "must be 0 .* got"),
        (lambda c: c["annotations"][0].update(keypoints=[1, 2, 2] * 6), "for each of the categories' 5 keypoints, got 18 numbers"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_when_it_is_opened(change, message, content, read):
    change(content)
    with pytest.raises(CocoError, match=message):
        read(content)


def test_no_file_and_no_json_are_said(tmp_path):
    with pytest.raises(
        CocoError, match="got no such file; give its path, or a folder that has one"
    ):
        from_coco(tmp_path)
    (tmp_path / "annotations.json").write_text('{"images": [')
    with pytest.raises(CocoError, match="must be JSON, got Expecting value"):
        from_coco(tmp_path)
    (tmp_path / "annotations.json").write_text("[1]")
    with pytest.raises(CocoError, match=r"must hold an object, got \[1\]"):
        from_coco(tmp_path)
    (tmp_path / "annotations.json").write_text("{}")
    with pytest.raises(CocoError, match="images must be a folder"):
        from_coco(tmp_path, images=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (b"no picture", "must be a JPEG or PNG file, got one that cannot be read"),
        (np.zeros((90, 64, 3), np.uint8), r"must be 64 x 90 pixels .* got 90 x 64"),
        (np.zeros((64, 90), np.uint16), "of 8 bits, grey or in colour, got the mode I;16"),
    ],
)
def test_a_picture_that_is_not_what_the_file_says_is_refused(
    pixels, message, content, tmp_path, read
):
    (tmp_path / "images").unlink()
    (tmp_path / "images").mkdir()
    for entry in content["images"]:
        path = tmp_path / "images" / entry["file_name"]
        if isinstance(pixels, bytes):
            path.write_bytes(pixels)
        else:
            Image.fromarray(pixels).save(path)
    with pytest.raises(CocoError, match=message):
        read(content)[0]


@pytest.mark.parametrize("index", [-1, 4])
def test_an_index_outside_is_refused(index, folder):
    with pytest.raises(IndexError, match=f"from 0 to 3, got {index}"):
        from_coco(folder)[index]
