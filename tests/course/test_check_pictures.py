"""The picture of a failing check: what it shows of which result, and that nothing makes it raise."""

import matplotlib.pyplot as plt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course import draw
from course.check_pictures import picture
from course.outcome import RAISED, VALUE, Case, Outcome

BOXES = torch.tensor([[10.0, 20, 50, 60], [30, 30, 90, 70], [60, 10, 80, 90]])
SHIFTED = BOXES + torch.tensor([[0.0, 0, 0, 0], [5, -3, 5, -3], [0, 0, 0, 0]])
MAP = torch.arange(24.0).reshape(2, 3, 4) / 2
LARGE = torch.linspace(-1, 1, 1800).reshape(30, 30, 2).permute(2, 0, 1)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def axes(monkeypatch):
    """Return a function that gives the axes of a picture, before they are a PNG."""
    shown = []
    monkeypatch.setattr(draw, "png", lambda ax: shown.extend(ax.figure.axes) or b"PNG")

    def axes_of(exercise, right, wrong, arguments=(BOXES, MAP), **options):
        case = Case("group", arguments, **options)
        made = picture(exercise, case, Outcome(VALUE, right), Outcome(VALUE, wrong))
        assert (made is None) == (not shown)
        return [ax for ax in shown if ax.get_title()]

    return axes_of


def rectangles(ax) -> dict[tuple, str]:
    return {
        (*box.get_xy(), box.get_width(), box.get_height()): box.get_linestyle()
        for box in ax.patches
    }


def test_boxes_are_expected_ones_solid_and_those_that_came_dashed(axes):
    (ax,) = axes("decode_boxes", BOXES, SHIFTED)
    assert rectangles(ax)[30, 30, 60, 40] == "-"
    assert rectangles(ax)[35, 27, 60, 40] == "--"
    assert "wrong in row 1" in ax.get_title()


def test_boxes_in_a_dict_and_in_a_tuple_are_found_behind_parts_that_are_right(axes):
    right, wrong = ({"scores": torch.ones(3), "boxes": boxes} for boxes in (BOXES, SHIFTED))
    (ax,) = axes("single_stage_detections", right, wrong)
    assert "(boxes)" in ax.get_title()


def test_boxes_far_away_or_without_numbers_are_counted_not_drawn(axes):
    wrong = torch.tensor([[1e9, 0, 2e9, 5], [0, 0, float("nan"), 5], [60, 10, 80, 90]])
    (ax,) = axes("decode_boxes", BOXES, wrong)
    assert "2 not in view" in ax.get_title()
    assert ax.get_xlim()[1] < 200


def test_numbers_that_look_like_boxes_are_not_drawn_as_boxes(axes):
    """Centres and sizes are rows of four as well: they are shown as numbers."""
    left, right = axes("xyxy_to_cxcywh", BOXES, SHIFTED)
    assert (left.get_title(), right.get_title()) == ("expected", "got")
    assert [text.get_text() for text in right.texts][4:8] == ["35", "27", "95", "67"]


def test_a_small_map_is_shown_as_numbers_with_the_wrong_ones_marked(axes):
    wrong = MAP.clone()
    wrong[1, 2, 3] = 99
    left, right = axes("nearest_upsample", MAP, wrong, (MAP, 2))
    assert left.get_title() == "expected[1]"
    assert [text.get_text() for text in left.texts] == [
        f"{v:.3g}" for v in MAP[1].flatten().tolist()
    ]
    bold = [text.get_text() for text in right.texts if text.get_fontweight() == "bold"]
    assert bold == ["99"]


def test_a_later_part_that_is_wrong_is_shown_and_named(axes):
    indices = torch.arange(8).reshape(2, 2, 2)
    left, _ = axes("max_pool", (MAP, indices), (MAP + 1e-8, indices + (indices == 5)), (MAP, 2))
    assert left.get_title() == "expected[1] (part 2)"
    assert [text.get_text() for text in left.texts] == ["4", "5", "6", "7"]


def test_the_outputs_of_a_module_are_maps_of_an_object_and_a_channel(axes):
    right = {"outputs": [torch.zeros(2, 3, 4, 4)], "parameters": [[1]]}
    wrong = {"outputs": [torch.zeros(2, 3, 4, 4)], "parameters": [[1]]}
    wrong["outputs"][0][1, 2, 0, 0] = 1
    left, _ = axes("MaskHead", right, wrong, (8,))
    assert left.get_title() == "expected[1, 2] (outputs, part 1)"


def test_a_large_map_is_shown_in_colours_with_one_scale(axes):
    left, right = axes("bilinear_upsample", LARGE, 2 * LARGE, (MAP, 2))
    assert left.images[0].get_clim() == right.images[0].get_clim()
    assert left.images[0].get_clim() == pytest.approx((-2, 2), abs=0.01)


def test_maps_of_another_size_are_shown_beside_each_other(axes):
    left, right = axes("max_pool", torch.ones(2, 3, 3), torch.ones(2, 2, 4), (MAP, 2))
    assert (len(left.texts), len(right.texts)) == (9, 8)


def test_overlaps_below_one_are_never_taken_for_boxes(axes):
    overlaps = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.5, 0.6]])
    assert axes("label_proposals", torch.tensor([1, 0]), torch.tensor([0, 0]), (overlaps,)) == []


def test_four_rows_of_transforms_are_not_taken_for_overlaps_of_four_boxes(axes):
    four = torch.cat([BOXES, BOXES[:1] + 7])
    left, _ = axes("encode_boxes", torch.eye(4), torch.ones(4, 4), (four, four))
    assert left.get_title() == "expected"


def test_an_element_is_shown_by_its_own_boxes(axes):
    (ax,) = axes("box_iou", torch.eye(3), torch.ones(3, 3), (BOXES, BOXES))
    assert ax.get_title() == "element [0, 1]: expected 0, got 1"
    assert [text.get_text() for text in ax.texts] == ["a[0]", "b[1]"]


@pytest.mark.parametrize(
    ("right", "wrong", "options"),
    [
        (0.5, 0.7, {}),
        (torch.ones(3), torch.zeros(3), {"arguments": (MAP,)}),
        (MAP, None, {}),
        (MAP, "map", {}),
        (MAP, MAP[0, 0], {}),
        (MAP, torch.zeros(2, 0, 4), {}),
        (LARGE, torch.zeros(2, 30, 5000), {}),
        ({"value": torch.tensor(1.0), "gradients": [MAP]}, {"value": torch.tensor(1.0), "gradients": [2 * MAP]}, {}),
        (MAP, 2 * MAP, {"view": "shapes"}),
        ([MAP], [2 * MAP], {"seeds": (1,)}),
        (MAP, MAP.double(), {}),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_has_no_picture(right, wrong, options, axes):
    assert axes("some", right, wrong, **options) == []


def test_a_call_that_raised_has_no_picture():
    case = Case("group", (BOXES,))
    assert picture("nms", case, Outcome(VALUE, BOXES), Outcome(RAISED, error="E")) is None


ODD = [float("nan"), float("inf"), -float("inf"), 1e30, -1e30, 0.0, 1.0]


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(0, 12), max_size=4),
    values=st.lists(st.sampled_from(ODD), min_size=1, max_size=5),
    exercise=st.sampled_from(["decode_boxes", "nms", "max_pool"]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bool, torch.complex64]),
)
def test_no_result_makes_it_raise(shape, values, exercise, dtype):
    count = int(torch.tensor(shape).prod()) if shape else 1
    wrong = torch.tensor(values).repeat(count // len(values) + 1)[:count].reshape(shape).to(dtype)
    for right in (BOXES, MAP):
        made = picture(
            exercise, Case("g", (BOXES, MAP)), Outcome(VALUE, right), Outcome(VALUE, wrong)
        )
        assert made is None or made.startswith(b"\x89PNG")
    assert not plt.get_fignums(), "a figure stays open"


def test_a_picture_that_fails_on_the_way_closes_its_figure_and_no_other(monkeypatch):
    mine = plt.figure()
    monkeypatch.setattr(draw, "png", lambda ax: 1 / 0)
    case = Case("group", (MAP, 2))
    assert picture("max_pool", case, Outcome(VALUE, MAP), Outcome(VALUE, 2 * MAP)) is None
    assert plt.get_fignums() == [mine.number]
