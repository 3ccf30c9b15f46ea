# %% [markdown]
# # 02 · R-CNN: from regions to boxes
# Sliding a window over all places and sizes is hopeless. R-CNN (Girshick and others, 2014) looks
# only where something might be, and lets a network correct the box. In this notebook you write
# all parts of it but the network, and run them together at the end.
#
# **When you are done, you can**
# - propose regions without any learning, by grouping similar neighbours (Selective Search);
# - cut a box out of an image and resize it, without losing fractions of a pixel;
# - turn "this box should be there" into four numbers that a network can learn, and back;
# - say for each proposal what the network is taught, and compute the loss;
# - choose proposals at test time.
#
# **What you need:** notebook 01 (formats of boxes), tensors in PyTorch, cross-entropy.
#
# **How long:** about two and a half hours; sections 2 and 3 make a good half. There are eleven
# exercises, three questions and one answer in words: 20 points.
#
# > **Erratum.** A slide lists the transform as (t_x, t_y, t_h, t_w). This course always uses the
# > order of the equations: **(t_x, t_y, t_w, t_h)**.
#
# > **Erratum.** A slide gives positive proposals a class and a box to learn, and negative ones a
# > class. That is right, and something is missing: **neutral** proposals take part in neither.

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# Write the exercises with torch itself. `torchvision` has some of these functions ready, so an
# answer that uses it for crops or transforms earns nothing. Crops are to be read between the
# pixels by your own code: `grid_sample` and `map_coordinates` are not allowed there.

# %%
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from course import NotAnswered, check, draw, given, rcnn, widgets
from course.scenes import photograph, scene
from course.similarities import all_alike, area_around, smaller_first

# %% [markdown]
# ## 1. The plan
# One scene goes with us through the notebook. It has three classes of objects: circles, triangles
# and crosses. Sky, ground and road are background.

# %%
names = ["background", "circle", "triangle", "cross"]
class_of = torch.tensor([0, 1, 0, 2, 0, 0, 3])  # the course has six classes: we take three

def shapes(seed: int):
    return scene(seed, classes=names[1:], difficulty="easy")

picture = shapes(20)
gt_boxes, gt_labels = picture.boxes, class_of[picture.labels]

# %% show=true
ax = draw.panels("six objects", size=(128, 128))
draw.photo(ax, picture.image)
labels = [names[label] for label in gt_labels]
draw.boxes(ax, gt_boxes, labels, places=["top left", "top right"] * 3)

# %% [markdown]
# R-CNN finds them in five steps. You write what stands on the right.
#
# | step | what happens | yours |
# |---|---|---|
# | propose | find about 100 (in photographs 2,000) boxes that may hold something | `group_regions` |
# | crop | cut each box out, warp it to one size | `crop_and_resize` |
# | look | a network gives class logits and a *transform* of the box | |
# | learn | compare with targets | `encode_boxes`, `label_proposals`, `rcnn_loss` |
# | choose | correct the boxes, keep the best | `decode_boxes`, `select_...` |

# %% [markdown]
# ## 2. Region proposals
# Which boxes may hold an object? Objects have many sizes, from a few pixels to the whole image, and
# what holds an object together is not always the same: colour here, texture there. **Selective
# Search** (Uijlings and others, 2013) therefore does not decide. It begins with small regions of
# one colour each and merges the two most similar neighbours, again and again, until the image is
# one region. Somewhere on this way from pixels to the whole image, most objects are a region of
# their own. The boxes of *all* regions on the way are the proposals. Nothing is learned.
#
# The first regions come from a fast classic (Felzenszwalb and Huttenlocher, 2004), which the
# course runs for you. On the right each region has its mean colour.

# %% show=true
regions = rcnn.first_regions(picture.image)
left, right = draw.panels("image", f"{len(regions)} first regions", size=(128, 128))
draw.photo(left, picture.image)
draw.photo(right, rcnn.in_mean_colours(picture.image, regions.segments))

# %% [markdown]
# Stripes, noise and the marks of the road make regions of their own. Which neighbours should merge?
# Selective Search adds up several similarities, each between 0 and 1. Three of them are yours.
#
# ### Colour
# Count which colours a region has: that is its **histogram**. Divide by the number of pixels, so
# that the bins add up to 1. What do two histograms have in common? In each bin the *smaller* of
# both values. For (0.5, 0.25, 0.25, 0) and (0.25, 0.25, 0, 0.5) that is 0.25 + 0.25 + 0 + 0 = 0.5.

# %% show=true
a, b = torch.tensor([0.5, 0.25, 0.25, 0.0]), torch.tensor([0.25, 0.25, 0.0, 0.5])
ax = draw.chart("bin", "share of the pixels")
ax.set_axisbelow(True)
ax.bar(torch.arange(4) - 0.2, a, width=0.4, label="region a", color=draw.COLORS["blue"])
ax.bar(torch.arange(4) + 0.2, b, width=0.4, label="region b", color=draw.COLORS["orange"])
common = torch.minimum(a, b)
ax.bar(torch.arange(4), common, width=0.8, fill=False, hatch="//", label="in common")
ax.set(xticks=[0, 1, 2, 3])
draw.legend(ax)

# %% [markdown]
# ### Exercise: `histogram_intersection` (0.5 points)
# The result lies between 0 and 1. Equal histograms give 1.

# %% solution="histogram_intersection"

# %% check="histogram_intersection" points=0.5
check(histogram_intersection)

# %% [markdown]
# ### Size
# Small regions should merge early. Otherwise one region would grow and swallow all others, one by
# one, and there would be no middle sizes anywhere else in the image. So two regions count as
# similar when both are small: 1 minus the share of the image that they cover together. Two regions
# of 100 and 300 pixels in an image of 1,000 have the similarity 1 - 400/1000 = 0.6.
#
# ### Exercise: `size_similarity` (0.5 points)

# %% solution="size_similarity"

# %% check="size_similarity" points=0.5
check(size_similarity)

# %% [markdown]
# ### Fill
# A wheel and its hub belong together, also when their colours differ: one fills the hole of the
# other. Put a box around both regions. What neither of them fills is the **gap**. The similarity
# is 1 minus the share of the image that is gap. The same two regions, with a box of 600 pixels around
# them: the gap is 600 - 100 - 300 = 200, and the similarity 1 - 200/1000 = 0.8.

# %% show=true
axes = draw.panels("b fills the hole of a: no gap", "a large gap (grey)", size=(50, 70))
pairs = torch.tensor([[[10.0, 10, 40, 40], [18, 18, 32, 32]],
                      [[10.0, 10, 25, 30], [45, 25, 60, 40]]])
axes[1].fill_between([10, 60], 10, 40, color="#CCCCCC")
axes[1].plot([10, 60, 60, 10, 10], [10, 10, 40, 40, 10], ":", color="black")
for ax, pair in zip(axes, pairs):
    for (x1, y1, x2, y2), color in zip(pair, ("#BBDDF3", "#FBE3B5")):
        ax.fill_between([x1, x2], y1, y2, color=color)
    draw.boxes(ax, pair, ["a", "b"], colors=["blue", "orange"], places="top right")

# %% [markdown]
# ### Exercise: `fill_similarity` (0.5 points)

# %% solution="fill_similarity"

# %% check="fill_similarity" points=0.5
check(fill_similarity)

# %% [markdown]
# ### Grouping
# Now merge. In each round:
#
# 1. Of all pairs of **neighbours**, take the most similar one.
# 2. Merge it to a new region, which gets the next free number. Its box is the box around both, its
#    size the sum of both sizes, its neighbours are the neighbours of both (without the two).
# 3. The two old regions are gone, but their boxes stay in the list of proposals.
#
# It ends when no neighbours are left. Follow it on four regions in a row, of 5, 1, 2 and 9 pixels,
# when the smallest pair is always the most similar.

# %%
row = torch.tensor([[0.0, 0, 5, 4], [5, 0, 7, 4], [7, 0, 10, 4], [10, 0, 19, 4]])
row_sizes, row_neighbours = torch.tensor([5.0, 1.0, 2.0, 9.0]), [(0, 1), (1, 2), (2, 3)]

# %% [markdown]
# | round | neighbours, with the size of both | merge | new region |
# |---|---|---|---|
# | 1 | 0-1: 6, **1-2: 3**, 2-3: 11 | 1 and 2 | number 4, size 3, neighbours 0 and 3 |
# | 2 | **0-4: 8**, 3-4: 12 | 0 and 4 | number 5, size 8, neighbour 3 |
# | 3 | **3-5: 17** | 3 and 5 | number 6, size 17, no neighbours |
#
# The result has seven boxes: those of 0 to 3, then those of 4, 5 and 6.

# %% show=true
mergers = torch.tensor([[5.0, 0, 10, 4], [0, 0, 10, 4], [0, 0, 19, 4]])
titles = ["round 1: region 4", "round 2: region 5", "round 3: region 6"]
for k, ax in enumerate(draw.panels(*titles, size=(6, 21), origin=(-1, -1.5))):
    draw.boxes(ax, row, ["0", "1", "2", "3"], colors="grey", width=1.5)
    draw.boxes(ax, mergers[k : k + 1], colors="blue")

# %% [markdown]
# An image falls into 200 first regions, and one can walk from each to every other over neighbours.
# How many boxes does grouping return (0.5 points)?

# %% question="boxes_of_grouping"
boxes_of_grouping = None  # your answer, a number

# %% check="boxes_of_grouping" points=0.5
check("boxes_of_grouping")

# %% [markdown]
# ### Exercise: `group_regions` (3 points)
# Things to think of before you begin:
#
# - **A region that touches both** is a neighbour of the merger once, not twice.
# - **Similarities change**: the merger has another box and another size, so ask anew for each of its
#   neighbours. Call it as `similarity(box_a, size_a, box_b, size_b)`; the order of the two does not
#   matter.
# - **Ties**: of equally similar pairs the lowest (i, j) with i < j merges first, so (0, 7) before
#   (1, 2), and (1, 2) before (1, 3). The pairs you are given may be in any order.
# - **A size may be a row** of several numbers, such as a histogram. Rows add up entry by entry, as
#   tensors do.
# - Leave the list of neighbours that you were given as it is.

# %% solution="group_regions"

# %% check="group_regions" points=3
check(group_regions)

# %% [markdown]
# The four regions in a row. Do you get the three mergers of the table? And which ones do you expect
# when all pairs are equally similar?

# %%
group_regions(row, row_sizes, row_neighbours, smaller_first)[4:]

# %%
group_regions(row, row_sizes, row_neighbours, all_alike)[4:]

# %% [markdown]
# First 0 and 1 become region 4, then 2 and 3 become region 5: the pair (2, 3) is lower than (2, 4).
#
# ### From pixels to objects
# Now on our scene. The size of a region is here a row of numbers: its pixels, and then how many of
# them have which level of red, green and blue. All of these add up when regions merge, so the
# histogram of a merger comes for free. The similarity adds your three.

# %%
IMAGE_AREA = 128 * 128.0

def similarity(box_a, row_a, box_b, row_b) -> float:
    a, b = torch.as_tensor(row_a), torch.as_tensor(row_b)
    colour = histogram_intersection(a[1:] / a[1:].sum(), b[1:] / b[1:].sum())
    size = size_similarity(a[0], b[0], IMAGE_AREA)
    fill = fill_similarity(a[0], b[0], area_around(box_a, box_b), IMAGE_AREA)
    return float(colour + size + fill)

# %% [markdown]
# Three looks at the way of the grouping: at the beginning, when twelve regions are left, and when six
# are left.

# %% show=true
counts = [len(regions), 12, 6]
mergers = [len(regions) - count for count in counts]
maps = rcnn.segments_after(regions, mergers, group_regions, similarity)
titles = [f"{count} regions" for count in counts]
for ax, segments in zip(draw.panels(*titles, size=(128, 128)), maps):
    draw.photo(ax, rcnn.in_mean_colours(picture.image, segments))

# %% [markdown]
# At twelve regions the large circle, the small one and the crosses are regions of their own. The
# triangle on the road has merged with the road by then, and at six the circle with the sky: but their
# boxes were in the list long before. This is the point of keeping *all* boxes: no single level is
# right for all objects.
#
# Step through a smaller scene yourself. **Predict first.** Which regions merge early when all three
# similarities are added, and which when only the size counts? The circle begins in three parts: in
# which round is it a region of its own, and what swallows it later? The tree shows who merged with
# whom.

# %% show=true
widgets.Proposals(group_regions, histogram_intersection, size_similarity, fill_similarity)

# %% [markdown]
# It works on photographs too. Coffee and cup are two regions for a long time, then they are one: the
# boxes of both are proposed.

# %% show=true
photo = photograph("coffee").image[:, :, 30:230]
photo = F.interpolate(photo[None], size=(128, 128), mode="area")[0]
parts = rcnn.first_regions(photo)
counts = [len(parts), 20, 10]
mergers = [len(parts) - count for count in counts]
maps = rcnn.segments_after(parts, mergers, group_regions, similarity)
images = [photo, *[rcnn.in_mean_colours(photo, segments) for segments in maps]]
titles = ["photograph", *[f"{count} regions" for count in counts]]
for ax, image in zip(draw.panels(*titles, size=(128, 128)), images):
    draw.photo(ax, image)

# %% [markdown]
# ### Are the proposals any good?
# From here on we take the boxes of all regions and leave out those with a side below 8 pixels. (While
# `group_regions` is still open, the sections below go on with the first regions only.)

# %%
def propose(image: Tensor) -> Tensor:
    found = rcnn.first_regions(image)
    try:
        boxes = group_regions(found.boxes, found.contents, found.neighbours, similarity)
    except NotAnswered:
        boxes = found.boxes
    return rcnn.large_enough(boxes)

# %% [markdown]
# **Predict first.** An image of 128 x 128 has 68 million boxes. How many proposals are left, and how
# many of the six objects have a proposal that covers them well? Decide, then run.

# %% show=true
proposals = propose(picture.image)
iou = rcnn.pixel_iou(proposals, gt_boxes)
len(proposals), iou.amax(dim=0)

# %% [markdown]
# The numbers say how well the best proposal agrees with each object: pixels that are in both boxes,
# over pixels that are in at least one. This measure is called **IoU**. Here it is found by counting
# pixels; in notebook 03 you compute it.

# %% show=true
best = proposals[iou.argmax(dim=0)]
titles = [f"{len(proposals)} proposals", "the best for each object (dashed)"]
left, right = draw.panels(*titles, size=(128, 128))
for ax in (left, right):
    draw.photo(ax, picture.image)
draw.boxes(left, proposals, colors="orange", width=0.8)
draw.boxes(right, gt_boxes, colors="blue", width=3)
draw.boxes(right, best, colors="orange", style="--", width=2)

# %% [markdown]
# About a hundred boxes instead of 68 million, and each object has a good one. What no proposal
# covers cannot be found by anything that comes after; so proposals are chosen for **recall**. Most
# of them hold no object at all. To tell which, and to mend the boxes, is the work of the network.

# %% [markdown]
# ## 3. Crop and warp
# A network wants images of one size, but proposals come in all sizes. So each region is cut out and
# *warped*: resized to one size (R-CNN took 227 x 227, the lecture says 224 x 224) whatever its
# shape. Boxes have fractions of pixels, so "cutting out" needs thought.
#
# **Where are pixels?** The pixel in column 0 is the stretch from x = 0 to x = 1, so its centre is at
# x = 0.5. The pixel in column c has its centre at c + 0.5. The other way round: what is at x is at
# the *index* x - 0.5.
#
# **Where does the result look?** Cut the box into as many equal bins as the result has columns, and
# look at the centre of each bin. A box from x = 1 to x = 5 with two columns has the bins 1 to 3 and
# 3 to 5, with centres 2 and 4, at the indices 1.5 and 3.5. In a row with the values 0, 10, 20, 30,
# 40, 50 that is halfway between 10 and 20, and halfway between 30 and 40: 15 and 35.

# %% show=true
ax = draw.panels("a box from 1 to 5 in two bins", size=(1, 6))
draw.numbers(ax, torch.tensor([[0.0, 10, 20, 30, 40, 50]]))
bins = torch.tensor([[1.0, 0.05, 3, 0.95], [3.0, 0.05, 5, 0.95]])
draw.boxes(ax, bins, colors=["blue", "orange"])
for x in (2, 4):
    ax.plot(x, 0.5, "v", color="black", markersize=9)

# %% [markdown]
# **Between the pixels** the value goes in a straight line from one centre to the next. At index 1.25
# it is 0.75 · 10 + 0.25 · 20 = 12.5: the nearer pixel counts more. In two dimensions do this along x
# in the row above and in the row below, and then along y between these two values. That is
# *bilinear* interpolation.
#
# **Beyond the image** there are no pixels. An index below 0 becomes 0, one above the last becomes
# the last, *before* anything is read: the border goes on. (Python would take index -1 for the last
# pixel, on the other side of the image.)

# %% show=true
small = torch.tensor([[0.0, 8, 4, 2, 6], [6, 2, 0, 8, 4], [4, 4, 8, 2, 0], [2, 6, 4, 0, 8]])
ax = draw.panels("size (2, 3): six bins, six places", size=(4, 5))
draw.numbers(ax, small)
across, down = torch.linspace(0.75, 4.25, 4), torch.linspace(0.75, 3.25, 3)
bins = [[across[j], down[i], across[j + 1], down[i + 1]] for i in range(2) for j in range(3)]
draw.boxes(ax, torch.tensor(bins), style=":")
draw.boxes(ax, torch.tensor([[0.75, 0.75, 4.25, 3.25]]))
for x1, y1, x2, y2 in bins:
    ax.plot((x1 + x2) / 2, (y1 + y2) / 2, "o", color="black")

# %% [markdown]
# ### Exercise: `crop_and_resize` (2.5 points)
# Each box is cut out of every channel: the result has shape [N, C, height, width]. `size` is (height,
# width), but a box begins with x. A loop over boxes, rows and columns is right; with indexing like
# `image[:, rows, columns]` one can read all places at once.

# %% solution="crop_and_resize"

# %% check="crop_and_resize" points=2.5
check(crop_and_resize)

# %% [markdown]
# The row from above gives 15 and 35. And a box that is at whole pixels and keeps its size is a copy.

# %% show=true
values = torch.tensor([[[0.0, 10, 20, 30, 40, 50]]])
crop_and_resize(values, torch.tensor([[1.0, 0.0, 5.0, 1.0]]), (1, 2))

# %%
crop_and_resize(values, torch.tensor([[1.0, 0.0, 5.0, 1.0]]), (1, 4))

# %% [markdown]
# Six proposals, warped to 24 x 24 as the network will see them. Above each is the size that it had.
# R-CNN adds a little of the surroundings to each box, and so do we: 15% of its size on each side.
# (A crop that loops over pixels takes some seconds here.)

# %% show=true
proposals = propose(picture.image)
shown = proposals[rcnn.pixel_iou(proposals, gt_boxes).argmax(dim=0)]
crops = crop_and_resize(picture.image, rcnn.with_context(shown), (24, 24))
titles = [f"{w:.0f} x {h:.0f}" for w, h in (shown[:, 2:] - shown[:, :2]).tolist()]
for ax, crop in zip(draw.panels(*titles, size=(24, 24)), crops):
    draw.photo(ax, crop)

# %% [markdown]
# The network does not see how large or how wide a region was: a crop of a bus and one of a toy bus
# may be the same picture. Remember this for the next section.

# %% [markdown]
# ## 4. The box transform
# Proposals come from colours, not from objects. Many are a little off: a shadow is in it, or a foot
# is missing. So the network is also asked *how to change the box*. Which numbers should it give?
#
# **First idea: the differences in pixels.** "Move 4 pixels to the right, and make it 6 pixels wider."
# But the network sees the warped crop only. The object may stick out by a fifth of the crop: whether
# that fifth was 4 pixels or 40, nobody can see. The same picture would need different answers.
#
# **So measure in sizes of the proposal.** Let (p_x, p_y) be the centre of the proposal, p_w and p_h
# its width and height, and b_x, b_y, b_w, b_h those of the true box. Then
#
# **t_x = (b_x - p_x) / p_w**  and  **t_y = (b_y - p_y) / p_h**.
#
# "Move by a fifth of your width": the same for 4 of 20 pixels and for 40 of 200.
#
# **And the size?** The ratio b_w / p_w says how many times as wide. But a ratio is never negative,
# while a network gives any number; and twice as wide (2) would be farther from no change (1) than
# half as wide (0.5), although they are the same mistake with the roles exchanged. The logarithm
# cures both: no change is 0, twice is +0.69, half is -0.69, and back by exp every number becomes a
# positive width:
#
# **t_w = log(b_w / p_w)**  and  **t_h = log(b_h / p_h)**.
#
# Solved for the box, which is what we do at test time:
#
# **b_x = p_x + p_w · t_x**,  **b_y = p_y + p_h · t_y**,  **b_w = p_w · exp(t_w)**,  **b_h = p_h · exp(t_h)**.

# %% [markdown]
# Each of the four numbers alone, applied to the same proposal (dotted):

# %% show=true
proposal = torch.tensor([[40.0, 30, 80, 60]])
results = [[60.0, 30, 100, 60], [40, 15, 80, 45], [20, 30, 100, 60], [40, 37.5, 80, 52.5]]
titles = ["t_x = 0.5", "t_y = -0.5", "t_w = 0.69", "t_h = -0.69"]
for ax, result in zip(draw.panels(*titles, size=(80, 120)), results):
    draw.boxes(ax, proposal, colors="grey", style=":")
    draw.boxes(ax, torch.tensor([result]))
    x, y = (result[0] + result[2]) / 2, (result[1] + result[3]) / 2
    ax.plot([60, x], [45, y], "-", color="black")
    ax.plot(x, y, "o", color="black")

# %% [markdown]
# A proposal is (20, 10, 60, 30) as (x1, y1, x2, y2). The network says t = (0.5, -0.5, 0, 0.693), and
# 0.693 is log 2. Which box does that make? Write its corners, four whole numbers (1 point).

# %% question="box_by_hand"
box_by_hand = None  # your answer, a list like [0, 0, 10, 10]

# %% check="box_by_hand" points=1
check("box_by_hand")

# %% [markdown]
# The transform speaks of centres and sizes, our boxes are corners. You wrote the two functions that
# lead from one to the other in notebook 01; here they are again.

# %% given="cxcywh_to_xyxy, xyxy_to_cxcywh"

# %% [markdown]
# ### Exercise: `encode_boxes` (1.5 points)
# From proposals and ground truths, row by row, to transforms. Mind the order: **(t_x, t_y, t_w, t_h)**.
# All boxes that you are given have a width and a height, so you need not check for that.

# %% solution="encode_boxes"

# %% check="encode_boxes" points=1.5
check(encode_boxes)

# %% [markdown]
# **Predict first.** A proposal of 20 x 20 whose object lies 4 pixels further to the right, and one of
# 200 x 200 whose object lies 40 pixels further to the right. What are their transforms? Decide, then
# run.

# %%
two_proposals = torch.tensor([[0.0, 0, 20, 20], [0, 0, 200, 200]])
two_objects = torch.tensor([[4.0, 0, 24, 20], [40, 0, 240, 200]])

# %%
encode_boxes(two_proposals, two_objects)

# %% [markdown]
# Both times 0.2: the same picture, the same answer.
#
# ### Exercise: `decode_boxes` (1.5 points)
# The way back, with one addition. Early in training a network may say t_w = 20, and exp(20) is 485
# million: the loss is ruined, or the width is infinite. So t_w and t_h are limited *above* at
# log(1000 / 16) = 4.14 before exp: no box grows more than 62.5 times, which is a box of 16 pixels to
# one of 1000. There is no limit below, and none for t_x and t_y.

# %% solution="decode_boxes"

# %% check="decode_boxes" points=1.5
check(decode_boxes)

# %% [markdown]
# Your answer from paper, and the round trip: encode, then decode, gives the objects back.

# %%
decode_boxes(torch.tensor([[20.0, 10, 60, 30]]), torch.tensor([[0.5, -0.5, 0.0, math.log(2)]]))

# %%
decode_boxes(two_proposals, encode_boxes(two_proposals, two_objects))

# %% [markdown]
# Below, P is a proposal and G its ground truth; both can be dragged. The small square is all that the
# network sees. **Predict first.** Make P twice as wide without moving its centre: which of the four
# numbers change, and in which direction? Then set the numbers by hand: how far does t_w go before
# the limit cuts in, and does t_x have one?

# %% show=true
widgets.BoxTransform(encode_boxes, decode_boxes)

# %% [markdown]
# Which width comes out for all the numbers that a network may give? Near 0, exp(t_w) and 1 + t_w are
# nearly the same, but one of them becomes negative. Far from 0 the limit cuts in.

# %% show=true
steps, zeros = torch.linspace(-3, 6, 181), torch.zeros(181)
unit = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(181, 4)
grown = decode_boxes(unit, torch.stack([zeros, zeros, steps, zeros], dim=1))
widths = grown[:, 2] - grown[:, 0]
near, far = draw.chart("t_w", "width, in widths of the proposal", "near 0", "all the way")
near.set(xlim=(-3, 1.5), ylim=(-2, 4))
for ax in (near, far):
    ax.plot(steps, widths, label="exp(t_w), limited")
    ax.plot(steps, 1 + steps, "--", label="1 + t_w")
    draw.legend(ax)

# %% [markdown]
# ## 5. What each proposal is taught
# In training we know the objects. Each proposal is compared with all of them, by IoU, and the object
# that it overlaps most is its **match**.
#
# | best IoU | the proposal is | class target | box target |
# |---|---|---|---|
# | at least 0.5 | **positive** | class of its match | transform to its match |
# | from 0.3 up to 0.5 | **neutral** | none | none |
# | below 0.3 | **negative** | background, 0 | none |
#
# A negative proposal has no box target: where should it go? A neutral one has neither. Half a dog
# is not background, and it is not a good example of a dog; to teach one or the other would only
# confuse. We mark it -1 and leave it out of both losses.
#
# By hand: an image has a dog (class 2), a cat (class 1) and another dog (class 2). These are the IoUs
# of six proposals.
#
# | proposal | first dog | cat | second dog |
# |---|---|---|---|
# | A | 0.62 | 0.10 | 0.00 |
# | B | 0.05 | 0.41 | 0.12 |
# | C | 0.20 | 0.55 | 0.58 |
# | D | 0.29 | 0.25 | 0.28 |
# | E | 0.00 | 0.50 | 0.00 |
# | F | 0.35 | 0.30 | 0.00 |
#
# Which label does each proposal get (1 point)?

# %% question="targets_by_hand"
targets_by_hand = None  # your answer, a list like [1, 1, 1, 1, 1, 1]

# %% check="targets_by_hand" points=1
check("targets_by_hand")

# %% [markdown]
# ### Exercise: `label_proposals` (2 points)
# `iou[n, m]` belongs to proposal n and object m, and `gt_labels[m]` is the class of object m. Return
# the labels *and* the index of the best object of every proposal, whatever its label is. Where there
# are no objects at all, every proposal is background, and there is no best object: -1.

# %% solution="label_proposals"

# %% check="label_proposals" points=2
check(label_proposals)

# %% [markdown]
# Your six labels from paper:

# %%
by_hand = torch.tensor([[0.62, 0.10, 0.00], [0.05, 0.41, 0.12], [0.20, 0.55, 0.58],
                        [0.29, 0.25, 0.28], [0.00, 0.50, 0.00], [0.35, 0.30, 0.00]])

# %%
label_proposals(by_hand, torch.tensor([2, 1, 2]))

# %% [markdown]
# Now with boxes. **Predict first.** If the upper threshold goes from 0.5 to 0.75, which proposals
# change, and what do they become? And how must C move to be taught "circle" instead of "triangle"?
# Decide, then drag.

# %% show=true
widgets.LabelAssignment(label_proposals, encode_boxes)

# %% [markdown]
# And the proposals of our scene. **Predict first.** Of about a hundred, how many are positive: most
# of them, a quarter, or fewer? Decide, then run.

# %% show=true
proposals = propose(picture.image)
labels, matches = label_proposals(rcnn.pixel_iou(proposals, gt_boxes), gt_labels)
kinds = {"positive": labels > 0, "neutral": labels < 0, "negative": labels == 0}
titles = [f"{int(chosen.sum())} {kind}" for kind, chosen in kinds.items()]
axes = draw.panels(*titles, size=(128, 128))
for ax, chosen, color in zip(axes, kinds.values(), ("blue", "purple", "orange")):
    draw.photo(ax, picture.image)
    draw.boxes(ax, proposals[chosen], colors=color, width=1.2)

# %% [markdown]
# Look at the middle picture: two objects in one box, half an object, an object with too much around
# it. Most proposals are background, in a photograph with 2,000 proposals even more so. If all of them
# were taught alike, a network could be right nearly always by saying "background". So R-CNN draws
# its batches: 32 positives and 96 negatives in each step.

# %% [markdown]
# ## 6. The loss
# The network gives for each proposal K + 1 logits, background first, and a transform. There are two
# losses.
#
# - **Class loss**: cross-entropy, averaged over all proposals that count, that is, whose label is
#   not -1.
# - **Box loss**: for positives, how far the transform is from its target. The difference d of each
#   of the four numbers costs d²/2 if it is less than 1, and |d| - 1/2 from there on. This is called
#   **smooth L1**: near the target it is soft like a square, far from it one bad proposal does not
#   decide everything. (R-CNN itself used squares; smooth L1 came with Fast R-CNN.)
#
# Add up the box loss and divide by the number of proposals that count, *the same number* as in the
# class loss. If it were divided by the number of positives, a batch with a single positive would
# weigh that one as much as a batch with fifty weighs all of its.

# %% show=true
d = torch.linspace(-3, 3, 121)
ax = draw.chart("difference d", "loss")
ax.plot(d, F.smooth_l1_loss(d, torch.zeros(121), reduction="none"), label="smooth L1")
ax.plot(d, d**2 / 2, "--", label="d²/2")
ax.plot(d, d.abs() - 0.5, ":", label="|d| - 1/2")
ax.set(ylim=(-0.6, 4))
draw.legend(ax)

# %% [markdown]
# By hand: labels 1, 0, -1 and 2, so three proposals count. All four transforms are 0. The first
# target is (0.5, 0, 0, 0), the last one (0, 0, 2, 0), the other two are never looked at. The box loss
# is (0.125 + 1.5) / 3 = 0.54.
#
# ### Exercise: `rcnn_loss` (2 points)
# You may use `F.cross_entropy` and `F.smooth_l1_loss`. `class_logits` are logits: do not apply
# softmax yourself. What if nothing counts, or there are no positives? Then the loss is 0, not 0/0,
# and `backward()` must still work: it has to come out of the inputs. The sum of an empty selection
# is such a 0.

# %% solution="rcnn_loss"

# %% check="rcnn_loss" points=2
check(rcnn_loss)

# %%
hand_labels = torch.tensor([1, 0, -1, 2])
hand_targets = torch.tensor([[0.5, 0, 0, 0], [9.0, 9, 9, 9], [9.0, 9, 9, 9], [0, 0, 2.0, 0]])

# %%
rcnn_loss(torch.zeros(4, 3), torch.zeros(4, 4), hand_labels, hand_targets)

# %% [markdown]
# With logits of 0 all three classes have probability 1/3, so the class loss is log 3 = 1.10. A
# network that has learned nothing has about this loss: a good thing to check before you train.

# %% [markdown]
# ## 7. Training
# Our network is tiny. Its first layer is fixed and measures edges; two small layers learn, from the
# edges, the class and the transform. In R-CNN it was AlexNet with about 60 million numbers, which had
# learned from a million photographs before.

# %%
torch.manual_seed(0)
network = rcnn.RegionNetwork(num_classes=3)
sum(weights.numel() for weights in network.parameters())

# %% [markdown]
# Fifty scenes to learn from. The course brings boxes to practise on: near objects, on parts of them,
# and elsewhere. Their targets come from your functions.

# %%
def examples(count: int):
    generator = torch.Generator().manual_seed(0)
    seen, targets, moves = [], [], []
    for practice in map(shapes, range(1000, 1000 + count)):
        boxes = rcnn.practice_proposals(practice, generator)
        iou = rcnn.pixel_iou(boxes, practice.boxes)
        labels, matches = label_proposals(iou, class_of[practice.labels])
        targets.append(labels)
        moves.append(encode_boxes(boxes, practice.boxes[matches]))
        crops = rcnn.quick_crops(practice.image, rcnn.with_context(boxes))
        seen.append(network.features(crops))
    return torch.cat(seen), torch.cat(targets), torch.cat(moves)

# %% [markdown]
# Each step draws 32 positives and 96 negatives, asks your `rcnn_loss`, and follows the gradient. The
# transforms are small numbers, so the box loss gets a weight of 10.

# %%
def train(features: Tensor, targets: Tensor, moves: Tensor, steps: int = 250):
    generator = torch.Generator().manual_seed(0)
    kinds = [((targets > 0).nonzero()[:, 0], 32), ((targets == 0).nonzero()[:, 0], 96)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.05)
    for _ in range(steps):
        drawn = [of[torch.randint(len(of), (n,), generator=generator)] for of, n in kinds]
        batch = torch.cat(drawn)
        outputs = network.outputs(features[batch])
        class_loss, box_loss = rcnn_loss(*outputs, targets[batch], moves[batch])
        optimizer.zero_grad()
        (class_loss + 10 * box_loss).backward()
        optimizer.step()
        yield class_loss.item(), 10 * box_loss.item()

# %% [markdown]
# Some seconds of work. With four classes, what should the class loss be in the first step?

# %% show=true
features, targets, moves = examples(50)
for label, name in enumerate(["neutral", *names], start=-1):
    print(f"{int((targets == label).sum()):5} x {name}")
ax = draw.chart("step", "loss")
class_losses, box_losses = zip(*train(features, targets, moves))
ax.plot(class_losses, label="class loss")
ax.plot(box_losses, label="10 · box loss")
draw.legend(ax)

# %% [markdown]
# It begins near log 4 = 1.39 and falls.

# %% [markdown]
# ## 8. Test time
# For a new image: propose, crop, ask the network, decode. It gives a hundred boxes with
# probabilities. Which of them do we report? There are several ways; two are yours.
#
# - **By background**: the k proposals with the lowest probability of background.
# - **Per class**: for each class, the k proposals with the highest probability of it.
#
# | proposal | background | circle | triangle |
# |---|---|---|---|
# | 0 | 0.70 | 0.20 | 0.10 |
# | 1 | 0.10 | 0.50 | 0.40 |
# | 2 | 0.25 | 0.70 | 0.05 |
#
# By background with k = 2: proposal 1, then 2. Per class with k = 1: proposal 2 for circles and
# proposal 1 for triangles, although proposal 1 is rather a circle: each class is ranked by itself.

# %% [markdown]
# ### Exercise: `select_by_background` (0.5 points)
# Indices, the least likely background first. Of equal ones the lower index comes first:
# `argsort(stable=True)`. Where there are fewer than k proposals, return all of them.

# %% solution="select_by_background"

# %% check="select_by_background" points=0.5
check(select_by_background)

# %% [markdown]
# ### Exercise: `select_per_class` (1 point)
# A row of indices for each class, the best first. Column 0 is background and has no row.

# %% solution="select_per_class"

# %% check="select_per_class" points=1
check(select_per_class)

# %%
table = torch.tensor([[0.70, 0.20, 0.10], [0.10, 0.50, 0.40], [0.25, 0.70, 0.05]])

# %%
select_by_background(table, 2), select_per_class(table, 1)

# %% [markdown]
# ### Everything together
# Our scene was not among the fifty. Here is the whole of R-CNN, in your functions.

# %%
def ask(image: Tensor, proposals: Tensor) -> tuple[Tensor, Tensor]:
    crops = crop_and_resize(image, rcnn.with_context(proposals), (24, 24))
    with torch.no_grad():
        class_logits, transforms = network(crops)
    return class_logits.softmax(dim=1), decode_boxes(proposals, transforms)

# %% show=true
probabilities, boxes = ask(picture.image, propose(picture.image))
by_background = select_by_background(probabilities, 10)
per_class = select_per_class(probabilities, 3)
titles = ["the 10 least likely background", "the best 3 of each class"]
left, right = draw.panels(*titles, size=(128, 128))
for ax in (left, right):
    draw.photo(ax, picture.image)
draw.boxes(left, boxes[by_background], colors="orange", width=2)
for name, chosen, color in zip(names[1:], per_class, ("blue", "orange", "purple")):
    draw.boxes(right, boxes[chosen], colors=color, width=2)
    draw.boxes(right, boxes[chosen[:1]], [name], colors=color, width=2)

# %% [markdown]
# It finds them, and names them. But several boxes lie on one object, while another one, less easy to
# recognise, has none, since the easy one has taken all the places. No k is right when nobody knows how
# many objects there are. To keep *one* box of each object is the task of notebook 03.
#
# Did the transforms help? The IoU of the positive proposals with their objects, before and after:

# %% show=true
proposals = propose(picture.image)
labels, matches = label_proposals(rcnn.pixel_iou(proposals, gt_boxes), gt_labels)
near, objects = proposals[labels > 0], gt_boxes[matches[labels > 0]]
before = rcnn.pixel_iou(near, objects).diag().mean()
after = rcnn.pixel_iou(ask(picture.image, near)[1], objects).diag().mean()
print(f"before {before:.2f}, after {after:.2f}")

# %% [markdown]
# A network of this size mends a box a little. The original gained 3 to 4 points of average precision
# by its transforms.
#
# **What it costs.** The network ran once for each proposal: a hundred times here, 2,000 times for a
# photograph, though the crops overlap and show the same pixels again and again. With a large network
# (VGG-16) R-CNN took 47 seconds for one image. Notebook 05 computes features once for the whole image.

# %% [markdown]
# ## 9. In your own words (2 points)
# A colleague finds the transform needlessly complicated: "Just let the network predict the four
# differences in pixels: how far to move in x and y, how much to add to width and height." What goes
# wrong? Say why the move is divided by the proposal's size, and give a reason for the logarithm.

# %% [markdown] written="why_relative" points=2
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - Proposals need no learning: merge the most similar neighbours and keep the boxes of all regions.
#   They are chosen for recall.
# - A warped crop is read at the centres of its bins, between pixels whose centres lie at half
#   coordinates, never beyond the border.
# - A transform moves the centre by shares of the proposal's size and scales by exp: the same crop,
#   the same answer. encode and decode undo each other; growth is limited.
# - Positive proposals learn class and box, negative ones the class, neutral ones nothing.
# - Both losses are divided by the number of proposals that count. A loss over nothing is 0, with a
#   graph.
# - At test time one may choose by background or per class; both report objects twice.
#
# ## What the professionals' version looks like
# - **Grouping.** Your loop looks at all pairs in every round. A tuned version keeps pairs in a heap,
#   most similar on top, and throws away those whose region is gone when they come up. It also runs in
#   several colour spaces, with several similarities, and joins all boxes: that is how 2,000 come about.
# - **Crops** are read all at once, without a loop: indices of four pixels for every place of every
#   box, four gathers, three interpolations. On a GPU each output pixel has a thread of its own.
#   Libraries call it *RoIAlign*, when several places in each bin are averaged; you meet it in 05.
# - **Transforms** are usually divided by (0.1, 0.1, 0.2, 0.2) before they are learned, so that
#   numbers of size 1 come out of the network. Our factor of 10 for the box loss does the same work.
# - **Batches.** All proposals of all images go through the network as one tensor. What you wrote takes
#   such tensors already: nothing in it depends on which image a row came from.
