"""The exercise `group_regions`."""

from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rcnn_transforms.grouping_cases import GROUPS, draw_group_regions
from autograder.exercises.rcnn_transforms.region_grouping import (
    Box,
    Grouping,
    Pairs,
    Similarity,
    Size,
    around,
    as_boxes,
    in_order,
    right,
    total,
)
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
)
from solutions.proposals import group_regions


def _with_itself(boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity) -> Tensor:
    """Keep a common neighbour twice; when it has merged, the second pair is a region and itself."""
    found, amounts = boxes.tolist(), sizes.tolist()
    pairs = [in_order(pair) for pair in neighbours]
    while pairs and len(found) < 3 * len(boxes) + 9:
        a, b = min(
            pairs,
            key=lambda p: (-similarity(found[p[0]], amounts[p[0]], found[p[1]], amounts[p[1]]), p),
        )
        found.append(around(found[a], found[b]))
        amounts.append(total(amounts[a], amounts[b]))
        pairs.remove((a, b))
        pairs = [in_order([len(found) - 1 if i in (a, b) else i for i in pair]) for pair in pairs]
    return as_boxes(found, boxes)


def _pairs_of_the_first_regions(
    boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity
) -> Tensor:
    """Go once through the pairs that were given, the most similar first."""
    found, amounts = boxes.tolist(), sizes.tolist()
    pairs = sorted(
        map(in_order, neighbours),
        key=lambda p: (-similarity(found[p[0]], amounts[p[0]], found[p[1]], amounts[p[1]]), p),
    )
    return as_boxes(found + [around(found[a], found[b]) for a, b in pairs], boxes)


def _without_neighbours(
    boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity
) -> Tensor:
    if not neighbours:
        raise ValueError("max of an empty list")
    return right(boxes, sizes, neighbours, similarity)


def _until_one_is_left(
    boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity
) -> Tensor:
    found = right(boxes, sizes, neighbours, similarity)
    if len(boxes) and len(found) < 2 * len(boxes) - 1:
        raise ValueError("max of an empty list")
    return found


def _area(a: Size, b: Size, box: Box) -> Size:
    return total(a, b) if isinstance(a, list) else (box[2] - box[0]) * (box[3] - box[1])


def _first_in_the_list(
    boxes: Tensor, sizes: Tensor, neighbours: Pairs, similarity: Similarity
) -> Tensor:
    """Take the first of equal pairs in a list to whose end new pairs are added."""
    return Grouping(rank=lambda likeness, pair, names: -likeness)(
        boxes, sizes, neighbours, similarity
    )


GROUP_REGIONS = Exercise(
    name="group_regions",
    reference=group_regions,
    groups=GROUPS,
    draw=draw_group_regions,
    misconceptions=(
        Misconception(
            "least_similar_first",
            "It merges the pair with the lowest similarity: the most similar neighbours come "
            "first.",
            Grouping(rank=lambda likeness, pair, names: (likeness, pair)),
        ),
        Misconception(
            "merges_regions_apart",
            "It merges the two most similar of all regions, wherever they lie: only neighbours "
            "may merge.",
            Grouping(all_pairs=True),
        ),
        Misconception(
            "merger_without_neighbours",
            "A merger has no neighbours, so that it never merges again: it inherits those of both "
            "its regions.",
            Grouping(inherit=lambda old, new: None),
        ),
        Misconception(
            "neighbours_of_one_region",
            "A merger has the neighbours of its first region only: it inherits those of both.",
            Grouping(inherit=lambda old, new: new if "a" in old else None),
        ),
        Misconception(
            "common_neighbours_only",
            "A merger has only the neighbours that both of its regions had: it inherits all "
            "neighbours of either.",
            Grouping(inherit=lambda old, new: new if len(old) == 2 else None),
        ),
        Misconception(
            "merges_with_itself",
            "A neighbour of both regions is noted twice for the merger, and after they have merged "
            "too, the second note pairs a region with itself: keep each pair once.",
            _with_itself,
        ),
        Misconception(
            "pairs_of_the_first_regions",
            "It goes once through the pairs that were given: a merger has neighbours too, so the "
            "pairs change in every round.",
            _pairs_of_the_first_regions,
        ),
        Misconception(
            "keeps_old_similarities",
            "A merger takes over the higher of the two old similarities to a neighbour: compute it "
            "anew from the merger's own box and size.",
            Grouping(inherit=lambda old, new: max(old.values())),
        ),
        Misconception(
            "size_of_the_box",
            "It takes the area of the box around both regions for the merger's size: the size is "
            "the sum of both sizes, since the box may hold pixels of others.",
            Grouping(size=_area),
        ),
        Misconception(
            "size_of_the_larger_region",
            "A merger has the size of the larger of its regions: it has the sum of both sizes.",
            Grouping(size=lambda a, b, box: max(a, b)),
        ),
        Misconception(
            "box_in_common",
            "It takes what the two boxes have in common: the merger's box holds both, so it begins "
            "at the smaller left and upper edge and ends at the larger right and lower one.",
            Grouping(box=lambda a, b: [*map(max, a[:2], b[:2]), *map(min, a[2:], b[2:])]),
        ),
        Misconception(
            "smallest_of_all_coordinates",
            "It takes the smaller of each coordinate, also of the right and the lower edges: the "
            "box around both ends at the larger ones.",
            Grouping(box=lambda a, b: [min(x, y) for x, y in zip(a, b, strict=True)]),
        ),
        Misconception(
            "mergers_only",
            "It returns the boxes of the mergers alone: the first regions are proposals too, and "
            "come first.",
            lambda boxes, *rest: right(boxes, *rest)[len(boxes) :],
        ),
        Misconception(
            "last_region_only",
            "It returns the box of the last merger alone: the boxes of all regions that there ever "
            "were are wanted, small ones and large ones.",
            lambda boxes, *rest: right(boxes, *rest)[-1:],
        ),
        Misconception(
            "highest_of_equal_pairs",
            "Of equally similar pairs it takes the highest: the lowest (i, j) merges first.",
            Grouping(rank=lambda likeness, pair, names: (-likeness, [-i for i in pair])),
        ),
        Misconception(
            "first_of_equals_in_its_list",
            "Of equally similar pairs it takes the one that stands first in its list: the lowest "
            "(i, j) merges first, wherever it stands.",
            _first_in_the_list,
        ),
        Misconception(
            "pair_as_it_is_written",
            "It compares equal pairs as they are written, so that (2, 0) comes after (1, 3): put "
            "the lower index of a pair first before comparing.",
            Grouping(pair=lambda pair: (pair[0], pair[1])),
        ),
        Misconception(
            "reuses_an_index",
            "A merger takes over the index of one of its regions, which counts where similarities "
            "are equal: it gets the next free index, one higher than all before.",
            Grouping(rank=lambda s, pair, names: (-s, in_order((names[pair[0]], names[pair[1]])))),
        ),
        Misconception(
            "joins_rows",
            "It puts the two rows of quantities one after the other, as a plus sign does with "
            "lists: add them entry by entry.",
            Grouping(size=lambda a, b, box: a + b),
        ),
        Misconception(
            "until_one_region_is_left",
            "It goes on until a single region is left and fails where regions lie apart: it ends "
            "when no neighbours are left.",
            _until_one_is_left,
        ),
        Misconception(
            "fails_without_neighbours",
            "It fails where there are no neighbours at all: then nothing merges, and the boxes are "
            "returned as they are.",
            _without_neighbours,
        ),
        changes_its_input(
            right,
            lambda boxes, sizes, neighbours, similarity: neighbours.clear(),
            "the list of neighbours was used up",
        ),
        crashes_on_no_boxes(right),
        returns_float32(right),
    ),
)
