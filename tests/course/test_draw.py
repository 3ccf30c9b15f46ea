"""Pictures of boxes: what stands where."""

from io import BytesIO
from types import SimpleNamespace

import IPython
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from course import NotAnswered, draw

BOXES = torch.tensor([[10.0, 20.0, 30.0, 60.0], [40.0, 20.0, 90.0, 50.0]])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def rectangles(ax) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def pixels(ax) -> np.ndarray:
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())


def color_at(ax, x: float, y: float) -> tuple[int, ...]:
    """Return the (red, green, blue) that is seen at a point of the picture's coordinates."""
    image = pixels(ax)
    column, row = ax.transData.transform((x, y))
    return tuple(int(v) for v in image[image.shape[0] - 1 - int(row), int(column), :3])


def test_panels_show_the_given_size_with_y_down():
    ax = draw.panels("one", size=(60, 90), origin=(5, 7))
    assert ax.get_xlim() == (5, 95)
    assert ax.get_ylim() == (67, 7)
    assert ax.get_title() == "one"


def test_several_titles_give_several_panels():
    panels = draw.panels("a", "b", "c", size=(10, 10))
    assert [ax.get_title() for ax in panels] == ["a", "b", "c"]


def test_boxes_stand_at_their_corners_in_their_colours_with_their_labels():
    ax = draw.panels("", size=(100, 100))
    draw.boxes(ax, BOXES, ["dog", "cat"], colors=["blue", "yellow"])
    first, second = rectangles(ax)
    assert (first.get_xy(), first.get_width(), first.get_height()) == ((10, 20), 20, 40)
    assert to_hex(first.get_edgecolor()).upper() == draw.COLORS["blue"]
    assert to_hex(second.get_edgecolor()).upper() == draw.COLORS["yellow"]
    assert [text.get_text() for text in ax.texts] == ["dog", "cat"]


def test_labels_stand_at_the_corner_that_is_asked_for():
    ax = draw.panels("", size=(100, 100))
    draw.boxes(ax, BOXES[:1].repeat(4, 1), list("abcd"), places=list(draw.PLACES))
    assert [text.get_position() for text in ax.texts] == [(10, 20), (30, 60), (30, 20), (10, 60)]


def test_kept_boxes_are_solid_and_numbered_in_order_and_the_rest_dotted():
    ax = draw.panels("", size=(100, 100))
    draw.selected(ax, torch.cat([BOXES, BOXES + 3]), [3, 0])
    styles = {patch.get_xy(): patch.get_linestyle() for patch in rectangles(ax)}
    assert styles == {(10, 20): "-", (43, 23): "-", (40, 20): ":", (13, 23): ":"}
    assert [(t.get_text(), t.get_position()) for t in ax.texts] == [
        ("1", (43, 23)),
        ("2", (30, 60)),
    ]


def test_nothing_kept_is_drawn_too():
    ax = draw.panels("", size=(100, 100))
    draw.selected(ax, BOXES, [])
    assert [patch.get_linestyle() for patch in rectangles(ax)] == [":", ":"]


def test_only_what_both_boxes_cover_is_green_and_what_one_covers_is_grey():
    ax = draw.panels("", size=(60, 80))
    draw.overlap(ax, torch.tensor([10.0, 10, 50, 40]), torch.tensor([30.0, 20, 70, 50]))
    red, green, blue = color_at(ax, 41, 31)
    assert green > red + 40
    assert green > blue
    assert color_at(ax, 15, 25) == color_at(ax, 65, 45) == (0xDD, 0xDD, 0xDD)
    assert color_at(ax, 60, 12) == (255, 255, 255)


def test_boxes_apart_have_nothing_green():
    ax = draw.panels("", size=(60, 80))
    draw.overlap(ax, torch.tensor([10.0, 10, 30, 30]), torch.tensor([45.0, 35, 65, 50]))
    image = pixels(ax)[..., :3].astype(int)
    assert not (image[..., 1] > image[..., [0, 2]].max(axis=-1) + 20).any()


def test_a_view_around_boxes_holds_them_all_with_a_margin():
    view = draw.around(BOXES, BOXES - 100)
    (height, width), (left, top) = view["size"], view["origin"]
    assert left < -90
    assert top < -80
    assert left + width > 90
    assert top + height > 60


def test_a_view_around_one_point_is_not_empty():
    view = draw.around(torch.tensor([[3.0, 3.0, 3.0, 3.0]]))
    assert min(view["size"]) > 0


def test_a_map_keeps_the_limits_of_its_panel():
    ax = draw.panels("", size=(60, 90))
    draw.heat(ax, torch.rand(21, 36), extent=(9, 81, 51, 9))
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 90), (60, 0))


def test_a_photo_covers_its_pixels_from_edge_to_edge():
    ax = draw.panels("", size=(2, 2))
    draw.photo(ax, torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert color_at(ax, 0.5, 0.5) == (0, 0, 0)
    assert color_at(ax, 1.5, 0.5) == (255, 255, 255)


def test_points_arrows_and_crosses_stand_where_they_are_put():
    ax = draw.panels("", size=(100, 100))
    draw.points(ax, [(20, 10, "x1, y1")])
    draw.arrow(ax, (20, 46), (60, 46), "w = 40")
    draw.cross(ax, BOXES[0])
    assert [text.get_text() for text in ax.texts] == ["x1, y1", "", "w = 40"]
    assert ax.texts[2].xy == (40, 46)
    assert [line.get_xydata().tolist() for line in ax.lines[1:]] == [
        [[10, 20], [30, 60]],
        [[10, 60], [30, 20]],
    ]


def test_a_chart_names_its_axes_and_curves():
    ax = draw.chart("shift", "IoU")
    ax.plot([0, 1], [1, 0], label="to the right")
    draw.legend(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("shift", "IoU")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["to the right"]


def test_several_titles_give_several_charts():
    left, right = draw.chart("x", "y", "before", "after")
    assert (left.get_title(), right.get_title()) == ("before", "after")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_a_colour_photo_has_its_colours():
    ax = draw.panels("", size=(2, 2))
    draw.photo(ax, torch.eye(3)[:, [0, 1, 2, 2]].reshape(3, 2, 2))
    assert color_at(ax, 0.5, 0.5) == (255, 0, 0)
    assert color_at(ax, 1.5, 0.5) == (0, 255, 0)
    assert color_at(ax, 0.5, 1.5) == (0, 0, 255)


def test_a_photo_of_one_channel_is_grey():
    ax = draw.panels("", size=(1, 2))
    draw.photo(ax, torch.tensor([[[0.0, 1.0]]]))
    assert color_at(ax, 1.5, 0.5) == (255, 255, 255)


def masks() -> torch.Tensor:
    two = torch.zeros(2, 20, 30, dtype=torch.bool)
    two[0, 2:12, 3:13] = two[1, 8:18, 16:28] = True
    return two


def test_masks_are_shaded_rimmed_and_named_where_they_are():
    ax = draw.panels("", size=(20, 30))
    draw.masks(ax, masks(), ["cat", "dog"], colors=["blue", "red"], alpha=0.5)
    assert texts(ax) == ["cat", "dog"]
    (x, y), (u, v) = (text.get_position() for text in ax.texts)
    assert masks()[0, int(y), int(x)]
    assert masks()[1, int(v), int(u)]
    rim, inside = color_at(ax, 3.5, 2.5), color_at(ax, 4.6, 10.3)
    assert rim == (0x00, 0x72, 0xB2)
    assert all(abs(a - (b + 255) / 2) <= 2 for a, b in zip(inside, rim, strict=True))
    assert color_at(ax, 14.5, 3.5) == (255, 255, 255)


def test_masks_without_colours_take_turns_and_one_colour_is_for_all():
    ax = draw.panels("", size=(20, 30))
    draw.masks(ax, masks())
    assert color_at(ax, 3.5, 2.5) != color_at(ax, 16.5, 8.5)
    draw.masks(ax, masks(), colors="green")
    assert color_at(ax, 3.5, 2.5) == color_at(ax, 16.5, 8.5) == (0x00, 0x9E, 0x73)


def test_no_masks_and_empty_masks_are_drawn_too():
    ax = draw.panels("", size=(20, 30))
    draw.masks(ax, torch.zeros(0, 20, 30, dtype=torch.bool), [])
    draw.masks(ax, torch.zeros(1, 20, 30, dtype=torch.bool), ["nothing"])
    assert texts(ax) == []


def test_segments_have_their_number_in_the_picture_and_their_name_in_the_legend():
    ax = draw.panels("", size=(20, 30))
    category_map = masks()[0] * 1 + masks()[1] * 2
    category_map[0, 0] = -1
    draw.segments(ax, category_map, ["void", "sky", "road"])
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["-1 does not count", "0 void", "1 sky", "2 road"]
    assert texts(ax) == ["-1", "0", "1", "2"]
    for text in ax.texts:
        x, y = text.get_position()
        assert category_map[int(y), int(x)] == int(text.get_text())
    assert color_at(ax, 4.5, 3.5) == (0x00, 0x72, 0xB2)


def test_a_category_has_the_same_colour_in_every_map():
    left, right = draw.panels("", "", size=(4, 4))
    draw.segments(left, torch.full((4, 4), 2), ["a", "b", "c"])
    draw.segments(
        right,
        torch.tensor([[0, 1], [2, 2]]).repeat_interleave(2, 0).repeat_interleave(2, 1),
        ["a", "b", "c"],
    )
    assert color_at(left, 0.3, 3.7) == color_at(right, 0.3, 3.7)


def test_visible_keypoints_are_filled_hidden_ones_hollow_and_others_left_out():
    ax = draw.panels("", size=(100, 100))
    draw.keypoints(ax, torch.tensor([[[10.0, 20, 2], [30, 40, 1], [50, 60, 0]]]), colors="red")
    filled, hollow = ax.lines
    assert filled.get_xydata().tolist() == [[10, 20]]
    assert hollow.get_xydata().tolist() == [[30, 40]]
    assert to_hex(filled.get_markerfacecolor()).upper() == draw.COLORS["red"]
    assert hollow.get_markerfacecolor() == "none"


def test_numbers_stand_in_their_cells_and_marked_ones_are_bold():
    ax = draw.panels("", size=(9, 9))
    draw.numbers(ax, torch.tensor([[1.0, 2.5, -3], [0.12345, 1e6, 0]]), torch.eye(3)[:2] > 0)
    assert [(t.get_text(), t.get_position()) for t in ax.texts[:4]] == [
        ("1", (0.5, 0.5)),
        ("2.5", (1.5, 0.5)),
        ("-3", (2.5, 0.5)),
        ("0.123", (0.5, 1.5)),
    ]
    assert [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"] == ["1", "1e+06"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 3), (2, 0))
    assert color_at(ax, 0.1, 0.1) == color_at(ax, 1.1, 1.1) != color_at(ax, 1.1, 0.1)


@pytest.mark.parametrize("side", [2, 8, 14])
def test_numbers_stay_inside_of_their_cells(side):
    ax = draw.panels("", "", "", size=(side, side))[1]
    values = torch.rand(side, side, generator=torch.Generator().manual_seed(side))
    draw.numbers(ax, -values / 3, torch.ones(side, side))
    renderer = ax.figure.canvas.get_renderer()
    cell = ax.get_window_extent().width / side
    assert max(text.get_window_extent(renderer).width for text in ax.texts) <= cell


def test_numbers_that_are_not_huge_are_written_without_an_exponent():
    ax = draw.panels("", "", "", size=(1, 8))[2]
    row = [-10.55, 22.66, 99.6, 110.5, 103.5, 100.0, 100.0, 1234.5]
    draw.numbers(ax, torch.tensor([row]))
    assert [text.get_text() for text in ax.texts] == [
        "-11", "23", "100", "110", "104", "100", "100", "1234"
    ]  # fmt: skip


def test_whole_and_true_numbers_are_shown_as_they_are():
    ax = draw.panels("", size=(1, 2))
    draw.numbers(ax, torch.tensor([[7, 123456]]))
    draw.numbers(ax, torch.tensor([[True, False]]))
    assert texts(ax) == ["7", "123456", "1", "0"]


def test_a_map_without_a_place_covers_its_pixels_and_what_is_not_finite_stays_white():
    ax = draw.panels("", size=(2, 3))
    draw.heat(ax, torch.tensor([[1.0, -2, 3], [float("nan"), float("inf"), 0]]))
    assert ax.images[0].get_extent() == [0, 3, 2, 0]
    assert ax.images[0].get_clim() == (-2, 3)
    assert color_at(ax, 0.5, 1.5) == color_at(ax, 1.5, 1.5) == (255, 255, 255)


def test_a_map_takes_the_limits_of_another():
    ax = draw.panels("", size=(2, 3))
    draw.heat(ax, torch.zeros(2, 3) * float("nan"), limits=(-1, 5))
    assert ax.images[0].get_clim() == (-1, 5)


def test_a_flow_names_its_blocks_and_has_an_arrow_for_each_pair():
    ax = draw.wide((40, 100))
    blocks = {"backbone": (20, 20), "head": (80, 20)}
    draw.flow(ax, blocks, [("backbone", "head")], size=(30, 10))
    assert texts(ax)[:2] == ["backbone", "head"]
    arrow = ax.texts[2]
    assert (arrow.xyann, arrow.xy) == ((35, 20), (65, 20))
    assert not ax.axison


def inked(file: bytes) -> np.ndarray:
    """Return which pixels [H, W] of a file are not white."""
    return (np.asarray(Image.open(BytesIO(file)).convert("RGB")) < 255).any(axis=2)


def test_a_file_is_cut_to_what_is_drawn_with_a_margin():
    ax = draw.panels("two boxes", size=(60, 90))
    draw.boxes(ax, BOXES, ["outside", "far outside"], places="top right")
    draw.boxes(ax, torch.tensor([[-20.0, 20, 95, 30]]), ["to the left"])
    ink = inked(draw.png(ax))
    assert plt.get_fignums() == []
    for side in (ink, ink[::-1], ink.T, ink.T[::-1]):
        assert not side[:10].any()
        assert side[10].any()


def test_a_picture_without_ink_is_a_file_too():
    assert not inked(draw.png(draw.wide((2, 3)))).any()


def test_a_notebook_shows_the_picture_that_is_written(monkeypatch):
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    ax = draw.panels("", size=(60, 90))
    draw.boxes(ax, BOXES)
    shown, _ = shell.display_formatter.format(ax.figure)
    assert shown["image/png"] == draw.png(ax)


def test_a_picture_that_waits_for_an_answer_is_not_shown_half_done():
    draw.panels("", size=(60, 90))
    assert NotAnswered("nms")._render_traceback_() == [
        "This cell is waiting for your answer to the exercise `nms`."
    ]
    assert plt.get_fignums() == []
