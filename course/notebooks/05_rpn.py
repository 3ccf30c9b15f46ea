# %% [markdown]
# # 05 · Fast, Faster, single stage
# R-CNN finds objects, but it takes most of a minute for one image. In this notebook you follow,
# step by step, how the same idea became two hundred times faster: share the expensive part, cut
# regions out of features instead of pixels, let a network propose the regions, and at last do
# without proposals altogether.
#
# **When you are done, you can**
# - cut regions out of a feature map in two ways, and say what rounding costs;
# - say where to cut a network in two, and what each half costs;
# - count how often each part of a detector runs, and tell which part is worth making faster;
# - place anchors, label them, sample them, and turn a network's answers into proposals;
# - write the four losses that Faster R-CNN is trained with, and say what each of them teaches;
# - build the head of a single-stage detector, and read detections out of it;
# - choose a detector for a job by its accuracy and its speed.
#
# **What you need:** IoU and NMS (notebook 03), box transforms and the labels of proposals
# (notebook 02). Those functions are given below.
#
# **How long:** about three hours; after section 4 is a good place for a break. There are eleven
# exercises, three questions and one answer in words: 20 points.
#
# > **Erratum.** The slides write an image as 3 x 640 x 480 and its features as 512 x 20 x 15, width
# > before height. This course writes **[C, H, W]**: [3, 480, 640] and [512, 15, 20]. A size is
# > (height, width), here (480, 640).
#
# > **Erratum.** The slides say that positive boxes have both losses and negative ones the class
# > loss only. That is right, and there is a third kind: **neutral** boxes, label -1, are in
# > neither.

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# Write the exercises with torch itself. `torchvision` has several of these very functions ready, so
# an answer that uses it earns nothing.

# %%
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import NotAnswered, check, draw, given, widgets
from course.scenes import scene

# %% [markdown]
# These functions come from earlier notebooks. You may call them in all exercises.

# %% given="box_iou, nms, nms_per_class"

# %% given="encode_boxes, decode_boxes, label_proposals"

# %% [markdown]
# ## 1. What R-CNN wastes
# Our picture has five objects. Some method has proposed 60 regions: many around the objects, some
# elsewhere. How they were found does not matter yet.

# %%
picture = scene(24, size=(128, 160), objects=(3, 5), difficulty="easy")
image, objects = picture.image, picture.boxes
generator = torch.Generator().manual_seed(1)
around = objects.repeat(8, 1) + 4 * torch.randn(40, 4, generator=generator)
corner = torch.rand(20, 2, generator=generator) * torch.tensor([110.0, 80.0])
elsewhere = torch.cat([corner, corner + 16 + 32 * torch.rand(20, 2, generator=generator)], dim=1)
regions = torch.cat([around, elsewhere])
regions = torch.stack([regions[:, i].clamp(0, (160, 128)[i % 2]) for i in range(4)], dim=1)

# %% [markdown]
# R-CNN cuts out each region, resizes it, and runs a whole network on it. So how often does it look
# at each pixel?

# %%
looked = torch.zeros(128, 160)
for x1, y1, x2, y2 in regions.long().tolist():
    looked[y1:y2, x1:x2] += 1

# %% show=true
left, right = draw.panels("60 regions", "how often R-CNN looks at each pixel", size=(128, 160))
draw.photo(left, image)
draw.boxes(left, regions, colors="orange", width=1)
draw.heat(right, looked)

# %% [markdown]
# Where there is an object, each pixel is looked at about eight times, in places twelve times, by
# regions that differ by a few pixels. All these crops have nearly the same edges, corners and
# textures in them, and a network computes them anew for each.
#
# The work of a network is counted in **multiply-adds**. A convolution makes one for every output
# value, input channel and place of its kernel; a linear layer makes one for every weight. The
# smallest detector that shows the point: a *backbone* of convolutions that turns pixels into
# features, and a *head* that turns the features of one region, 64 x 8 x 8, into scores and a box.

# %%
torch.manual_seed(0)
widths, strides = [3, 16, 32, 64, 64, 64], [2, 2, 2, 1, 1]
layers = []
for before, after, stride in zip(widths, widths[1:], strides):
    layers += [nn.Conv2d(before, after, 3, stride, padding=1), nn.ReLU()]
backbone = nn.Sequential(*layers)
head = nn.Sequential(nn.Flatten(), nn.Linear(64 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, 7 + 4))

# %%
def multiply_adds(network: nn.Module, x: Tensor) -> int:
    """Return how many multiply-adds the network makes on `x`."""
    total = 0
    for layer in network:
        inputs, x = x, layer(x)
        if isinstance(layer, nn.Conv2d):
            total += x.numel() * layer.weight[0].numel()
        if isinstance(layer, nn.Linear):
            total += x.numel() * inputs.shape[1]
    return total

# %% [markdown]
# **Predict first.** R-CNN resizes each of the 60 regions to 64 x 64 pixels. The whole picture has
# 128 x 160. How many times the work of *one* pass over the whole picture do the 60 crops make?
# Decide, then run.

# %% show=true
on_crops = multiply_adds(backbone, torch.zeros(60, 3, 64, 64))
on_picture = multiply_adds(backbone, image[None])
on_heads = multiply_adds(head, torch.zeros(60, 64, 8, 8))
[f"{work / 1e6:.0f} million" for work in (on_crops, on_picture, on_heads)]

# %% [markdown]
# 60 crops of 64 x 64 have twelve times as many pixels as the picture, so the backbone works twelve
# times as much. The head is light. R-CNN itself took 2000 crops of 227 x 227 from an image of
# perhaps 600 x 800: more than 200 times.

# %% [markdown]
# ## 2. Fast R-CNN: share the features
# **Fast R-CNN** turns the order around:
#
# 1. Run the backbone **once**, on the whole image.
# 2. Cut each region out of the **features**, and bring it to one size.
# 3. Run the light head on each region's features.
#
# Step 2 must know where a box of the image lies in the features. A backbone that halves the size
# four times has a **stride** of 16: one cell of its features stands for 16 x 16 pixels. So
# coordinates are multiplied by the **spatial scale**, here 1/16. A box from x = 37 to 118 goes from
# cell coordinate 2.31 to 7.38: it ends *inside* cells. What to do about that is the whole question
# of this section.

# %%
box = torch.tensor([37.0, 22.0, 118.0, 84.0])
cells = F.avg_pool2d(image.mean(dim=0)[None], 16)[0]  # the simplest features: mean brightness
[round(value / 16, 2) for value in box.tolist()]

# %% [markdown]
# ### RoI pool: round, then take the maximum
# The first way rounds the box to whole cells, halves away from zero. Here 2.31, 1.38, 7.38, 5.25
# become 2, 1, 7, 5. The cell in which the rounded box ends belongs to it: columns 2 to 7 are six,
# rows 1 to 5 are five. Then the cells are dealt out to h x w **bins**, and each bin gives its
# maximum.

# %% show=true
rounded = torch.tensor([[2.0, 1.0, 8.0, 6.0]])  # the last cell, from 7 to 8, belongs to it
titles = ("the box, and what RoI pool makes of it", "in the features")
left, right = draw.panels(*titles, size=(128, 160))
draw.photo(left, image)
draw.boxes(left, torch.stack([box, 16 * rounded[0]]), ["box", "pooled"],
           colors=["blue", "red"], places=["top left", "bottom right"])
draw.heat(right, cells, extent=(0, 160, 128, 0))
right.set(xticks=range(0, 161, 16), yticks=range(0, 129, 16))
right.grid(color="white", linewidth=0.5)
draw.boxes(right, torch.stack([box, 16 * rounded[0]]), colors=["blue", "red"])

# %% [markdown]
# Which cells belong to which bin? Six columns in three bins are two each. Five rows in two bins are
# 2.5 each: the first bin goes from 0 to 2.5, the second from 2.5 to 5. Where an edge falls inside a
# cell, *both* bins get it: a bin begins at its lower edge rounded **down** and ends at its upper
# edge rounded **up**. So the first has the rows 0, 1, 2 of the box, and the second 2, 3, 4.
#
# Work this out on paper. The matrix has the features, the box is the one above, at scale 1/16, and
# the size is (2, 3). One bin is marked. What are the six maxima?

# %%
small = torch.tensor([
    [9.0, 9, 9, 9, 9, 9, 9, 9], [9, 9, 1, 2, 0, 3, 2, 1], [9, 9, 4, 1, 2, 0, 1, 5],
    [9, 9, 2, 3, 7, 1, 0, 2], [9, 9, 0, 6, 1, 2, 3, 1], [9, 9, 1, 0, 2, 4, 8, 0],
])
bin_cells = torch.zeros(6, 8)
bin_cells[3:6, 4:6] = 1  # second row of bins, second column

# %% show=true
draw.numbers(draw.panels("rows 3, 4, 5 and columns 4, 5: one bin", size=(6, 8)), small, bin_cells)

# %% [markdown]
# Two rules for the borders. A box that rounds to less than a cell still has one: every side counts
# at least 1 cell. And a box may reach over the features: what lies outside does not exist, and a
# bin without any cell is 0.
#
# ### Exercise: `roi_pool` (2 points)
# Write RoI pool for features [C, H, W] and boxes [N, 4] in image pixels; the result is [N, C, h,
# w]. Careful with the rounding: `round` of Python and of torch sends 2.5 to 2 and 3.5 to 4. Here
# halves go away from zero: 2.5 to 3, and -2.5 to -3. The bins are what this is about, so an answer
# with torch's `adaptive_max_pool2d`, which cuts into bins too, earns nothing.

# %% solution="roi_pool"

# %% check="roi_pool" points=2
check(roi_pool)

# %% [markdown]
# Your six maxima from paper:

# %%
roi_pool(small[None], box[None], (2, 3), 1 / 16)

# %% [markdown]
# They are 4, 7, 5 and 6, 7, 8. The 7 stands in the row that both bins of a column share, so it
# counts twice. None of the nines outside the box counts.

# %% [markdown]
# ### What rounding costs
# The red box in the picture above is up to 12 pixels off the blue one. For "is it a ring?" that
# hardly matters. For "where exactly is its edge?" it does, and most for small objects: a face of 20
# pixels that is moved by 8 is another face.
#
# A test shows it in numbers. In the features below, each cell holds the x of its own centre. So
# whatever is pooled from a box should be the x of the *box's* centre.
#
# **Predict first.** A box, 32 pixels wide, moves to the right from x = 40 to x = 87, pixel by
# pixel. How many different values does RoI pool give: about 48, about 12, or 3? Decide, then run.

# %%
centres = (torch.arange(10) + 0.5) * 16
ramp = centres.expand(1, 8, 10)
lefts = torch.arange(40, 88)
moving = torch.stack([lefts, 0 * lefts + 32, lefts + 32, 0 * lefts + 64], dim=1).float()

# %% show=true
pooled = roi_pool(ramp, moving, (1, 1), 1 / 16).flatten()
pooled.unique()

# %% [markdown]
# Three values: the box moves on by 47 pixels, and the features of the region jump from one cell to
# the next. No head can say anything about what lies in between, since it does not see it.
#
# ### RoI align: do not round, interpolate
# **RoI align** keeps the box as it is. It divides the *exact* box into h x w equal bins, and puts
# `sampling_ratio` x `sampling_ratio` points into each, evenly: at 2, a quarter and three quarters
# of the way through the bin. The value at a point is interpolated between the four nearest cells,
# and the bin gives the **mean** of its points.
#
# The same box with size (2, 3) and 2 x 2 points in each bin:

# %% show=true
x1, y1, x2, y2 = (box / 16).tolist()
ax = draw.panels("bins of size (2, 3), and their points", size=(8, 10))
draw.heat(ax, cells)
ax.set(xticks=range(11), yticks=range(9))
ax.grid(color="white", linewidth=0.5)
xs, ys = torch.linspace(x1, x2, 4), torch.linspace(y1, y2, 3)
bins = [[xs[j], ys[i], xs[j + 1], ys[i + 1]] for i in range(2) for j in range(3)]
draw.boxes(ax, torch.tensor(bins), colors="blue")
for i in range(4):
    for j in range(6):
        at = x1 + (j + 0.5) * (x2 - x1) / 6, y1 + (i + 0.5) * (y2 - y1) / 4
        ax.plot(*at, "o", color="white", markeredgecolor="black", markersize=5)

# %% [markdown]
# **The half.** A cell's value stands for its *centre*: cell 0 reaches from 0 to 1, and its value
# belongs to 0.5. So the point at x = 2.75 lies between the centres of cells 2 (at 2.5) and 3 (at
# 3.5), a quarter of the way. In a formula: subtract 0.5 first, then take the whole part and the
# fraction. 2.75 - 0.5 = 2.25: cell 2 with weight 0.75, cell 3 with weight 0.25.
#
# **In two directions** the weights multiply. Let the fractions be a in x and b in y:
#
# value = (1-a)(1-b) · upper left + a(1-b) · upper right + (1-a)b · lower left + ab · lower right
#
# **At the border.** After subtracting 0.5, a point before the first centre takes the first cell,
# and one behind the last centre the last cell. A point more than one whole cell outside, that is
# below -1 or above H (or W), counts as 0.
#
# On paper: a row of cells holds 0, 10, 20, 30 (and so does the row below). A box goes from x = 1 to
# x = 3 in cells; its size is (1, 1) and sampling_ratio is 2. Where are the points, and what is
# their mean?

# %%
row = torch.tensor([0.0, 10, 20, 30]).expand(1, 2, 4)
one = torch.tensor([[1.0, 0.0, 3.0, 2.0]])

# %% [markdown]
# ### Exercise: `roi_align` (2 points)
# Write RoI align, with the shift by half a cell. It must be differentiable in the features: a
# backbone learns through it. The blending is yours to write as well: an answer with `grid_sample`
# earns nothing.

# %% solution="roi_align"

# %% check="roi_align" points=2
check(roi_align)

# %% [markdown]
# The points lie at 1.5 and 2.5, which are the centres of the cells that hold 10 and 20. The mean is
# 15:

# %%
roi_align(row, one, (1, 1), 1.0)

# %% [markdown]
# And the moving box?

# %% show=true
aligned = roi_align(ramp, moving, (1, 1), 1 / 16).flatten()
ax = draw.chart("left edge of the box (pixels)", "pooled value")
ax.plot(lefts, aligned, label="RoI align", linewidth=4)
ax.plot(lefts, pooled, "--", label="RoI pool")
ax.plot(lefts, lefts + 16, color="black", linestyle=":", label="centre of the box")
draw.legend(ax)

# %% [markdown]
# RoI align follows the box exactly. RoI pool goes in steps of 16, and lies too high besides,
# because it takes one more cell and of all cells the largest. For boxes the difference is small;
# for masks, where every pixel counts, it decides (notebook 07).

# %% [markdown]
# Cell by cell: the matrix from above without its first column, and one box, pooled by both of your
# functions. Point at a bin to see which cells it is made of, and how much each of them counts.
#
# **Predict first.** Move the box to the right, a quarter of a cell at a time (the arrow keys do
# that). After how many steps does the first number of RoI pool change? And of RoI align? Then look
# at "over the edge": which bins of RoI pool are 0, and why?

# %% show=true
widgets.RoIAlign(roi_pool, roi_align)

# %% [markdown]
# ## 3. Where to cut the network
# A network that was trained to classify images has to be cut in two: what comes before the cut is
# the backbone and runs once, what comes after is the head and runs for each region. Two networks
# and the work of their parts, in millions of multiply-adds on an image of 224 x 224 (the very last
# layer, which names the 1000 classes of ImageNet, is replaced in any case):
#
# | AlexNet | conv1 | conv2 | conv3 | conv4 | conv5 | fc6 | fc7 |
# |---|---|---|---|---|---|---|---|
# | million | 105 | 224 | 150 | 112 | 75 | 38 | 17 |
#
# | ResNet-101 | stage 1 | stage 2 | stage 3 | stage 4 | stage 5 |
# |---|---|---|---|---|---|
# | million | 118 | 668 | 951 | 5099 | 732 |
#
# What does each cut cost, on an image of 600 x 800 with 300 regions?

# %%
alexnet = [105, 224, 150, 112, 75, 38, 17]
resnet = [118, 668, 951, 5099, 732]
area = 600 * 800 / 224**2  # so many times the work, for what runs on the whole image


def cost(parts: list[int], cut: int) -> float:
    """Return billions of multiply-adds when the first `cut` parts are shared by 300 regions."""
    return (area * sum(parts[:cut]) + 300 * sum(parts[cut:])) / 1000

# %% show=true
axes = draw.chart("parts that are shared", "billion multiply-adds", "AlexNet", "ResNet-101")
for ax, parts in zip(axes, (alexnet, resnet)):
    costs = [cost(parts, cut) for cut in range(len(parts) + 1)]
    ax.bar(range(len(costs)), costs)
    ax.set_xticks(range(len(costs)))
    for cut, height in enumerate(costs):
        ax.text(cut, height, f"{height:.0f}", ha="center", va="bottom")

# %% [markdown]
# The later the cut, the cheaper. To share *everything* costs the least. Why does nobody do it?
#
# - A **fully connected layer** needs an input of one fixed size. Regions get one size by RoI pool
#   or RoI align, so these must come before it. And it mixes all places: behind it nobody can say
#   any more what belongs to which region.
# - A region needs **something that looks at it**. If all layers are shared, a region is a few
#   numbers cut out of a map, and a single layer must tell from them what it is and how to move its
#   box. Layers that see the region by itself, brought to a common size, make detectors clearly more
#   accurate.
#
# So the choice is: convolutions are shared. AlexNet's two fully connected layers run for each
# region. ResNet has nothing fully connected but the layer that is replaced, so its last stage is
# given to the regions, although that is most of the work then.
#
# What is the **last part that runs once for the whole image**, in AlexNet and in ResNet-101? Write
# the two names as they stand in the tables (0.5 points).

# %% question="where_to_cut"
where_to_cut = None  # your answer, a list like ["conv1", "stage 1"]

# %% check="where_to_cut" points=0.5
check("where_to_cut")

# %% [markdown]
# ## 4. Slow, fast, faster
# Fast R-CNN still needs somebody to propose regions: Selective Search, from notebook 02. **Faster
# R-CNN** has a small network do it, on the same features that the regions are cut from. It is
# called the region proposal network, RPN, and is the subject of the next section. And a
# **single-stage** detector has no regions at all: it reads the detections directly from the
# features.
#
# | | proposals from | backbone runs on | head runs on |
# |---|---|---|---|
# | R-CNN ("slow") | Selective Search | each region's pixels | each region |
# | Fast R-CNN | Selective Search | the image | each region |
# | Faster R-CNN | an RPN on the features | the image | each region |
# | single stage | none needed | the image | there is no head for regions |
#
# Detectors with a stage for proposals and one for regions, such as Faster R-CNN, are called
# **two-stage** detectors.
#
# ### Exercise: `forward_passes` (0.5 points)
# Write the table as a function: how often do backbone and head run for one image with
# `num_proposals` regions? R-CNN's network counts as a backbone and a head, and both run on each
# crop. A head that takes 300 regions in one batch still computes 300 regions.

# %% solution="forward_passes"

# %% check="forward_passes" points=0.5
check(forward_passes)

# %%
{system: forward_passes(system, 300) for system in ("rcnn", "fast", "faster", "single_stage")}

# %% [markdown]
# Do the counts say anything about time? Let us measure, with the little detector of section 1 and
# its 60 regions, both at test time and in training, where a pass goes forward and backward.
# Proposals are free here: Selective Search and the RPN are left out. `cut` does what
# `crop_and_resize` of notebook 02 does, with functions of torch that are quick: to pixels for
# R-CNN, to features for the others.

# %%
def cut(source: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what is in each box of `source` [C, H, W], resized: [N, C, h, w]."""
    x1, y1, x2, y2 = (2 * boxes / torch.tensor([*source.shape[:0:-1]] * 2) - 1).T
    flat = 0 * x1
    rows = [(x2 - x1) / 2, flat, (x1 + x2) / 2], [flat, (y2 - y1) / 2, (y1 + y2) / 2]
    moved = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)  # [N, 2, 3]
    grid = F.affine_grid(moved, [len(boxes), len(source), *size], align_corners=False)
    return F.grid_sample(source.expand(len(boxes), -1, -1, -1), grid, align_corners=False)

# %%
dense_head = nn.Conv2d(64, 6 * (7 + 4), 3, padding=1)  # of a single stage, 6 anchors a position


def rcnn() -> Tensor:
    return head(backbone(cut(image, regions, (64, 64))))


def fast() -> Tensor:
    return head(cut(backbone(image[None])[0], regions / 8, (8, 8)))


def single_stage() -> Tensor:
    return dense_head(backbone(image[None]))

# %%
def milliseconds(system, training: bool, repeats: int = 5) -> float:
    """Return the median time of a call: one that is disturbed does not count."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with torch.set_grad_enabled(training):
            result = system()
        if training:
            result.square().mean().backward()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)[repeats // 2]

# %% show=true
axes = draw.chart("milliseconds for one image", "", "test", "a training step")
for ax, training in zip(axes, (False, True)):
    measured = [milliseconds(system, training) for system in (rcnn, fast, single_stage)]
    ax.barh(["R-CNN", "Fast R-CNN", "single stage"], measured)
    ax.invert_yaxis()
    for place, value in enumerate(measured):
        ax.text(value, place, f" {value:.0f}", va="center")

# %% [markdown]
# These are times on *your* machine, now, and they differ each time. What stays: R-CNN takes many
# times as long. The other two are close, since the head is light and there are only 60 regions.
#
# The real ones were measured in 2015, with VGG-16 on one GPU:
#
# | | training | test, without proposals | proposals | test, all |
# |---|---|---|---|---|
# | R-CNN | 84 hours | 47 s | about 2 s | 49 s |
# | Fast R-CNN | 9.5 hours | 0.32 s | about 2 s | 2.3 s |
# | Faster R-CNN | | | 0.01 s | 0.2 s |
#
# (Girshick, *Fast R-CNN*, 2015, table 4; Ren and others, *Faster R-CNN*, 2015, table 5.) Training
# got faster for the same reason: hundreds of regions of an image share one pass, forward and
# backward.

# %% [markdown]
# **Predict first.** Fast R-CNN needs 0.32 s for everything but the proposals. Suppose somebody
# makes its network twice as fast. By how much does the whole get faster: a half, a quarter, or less
# than a tenth? Decide, then look at the times of the parts, as the second paper gives them.

# %% show=true
parts = {"shared convolutions": [146, 141], "proposals": [1510, 10], "regions": [174, 47]}
ax = draw.chart("milliseconds for one image, VGG-16 on a K40 GPU", "")
start = torch.zeros(2)
for name, times in parts.items():
    ax.barh(["Fast R-CNN", "Faster R-CNN"], times, left=start, label=name)
    start = start + torch.tensor(times)
ax.invert_yaxis()
draw.legend(ax)

# %% [markdown]
# Less than a tenth: 1510 of 1830 milliseconds are Selective Search, on the CPU. **Fast R-CNN's test
# time is dominated by its proposals.** That is why the next idea was to have a network propose.
# With ten milliseconds for proposals, the shared convolutions are the largest part again.
#
# ### The part that is worth making faster
# Somebody has measured the parts on another machine:
#
# | part | time |
# |---|---|
# | Selective Search, for an image | 2 s |
# | backbone, on a whole image | 0.15 s |
# | backbone, on one crop | 0.02 s |
# | head, on one region | 0.0001 s |
# | the RPN's own layers, for an image | 0.01 s |
#
# R-CNN and Fast R-CNN take 2000 proposals, Faster R-CNN takes 300. Order the three systems, **the
# slowest first**, and name for each the part that takes **most of its time**: `"proposals"`,
# `"backbone"` or `"heads"` (0.5 points).

# %% question="slowest_first"
slowest_first = None  # your answer, a list like [["faster", "heads"], ["rcnn", "proposals"], ...]

# %% check="slowest_first" points=0.5
check("slowest_first")

# %% [markdown]
# ## 5. A network that proposes: anchors
# How can a convolution propose boxes? It gives a fixed number of values at each position of a grid.
# But boxes come in all sizes, and how many there are nobody knows.
#
# The trick: put a box of a *fixed* shape at each position and ask about it. This box is called an
# **anchor**. The network says two things about each:
#
# - **objectness**: does this anchor hold an object? One logit.
# - **transform**: how must it be moved to fit? Four numbers, (t_x, t_y, t_w, t_h) as in
#   notebook 02.
#
# An image of 640 x 480 pixels (width x height) and stride 32 give features [512, 15, 20]. With one
# anchor at each position, objectness is a map [1, 15, 20], from a convolution with one output
# channel, and the transforms are [4, 15, 20].
#
# The centre of cell (x, y) is at ((x + 0.5) · stride, (y + 0.5) · stride) in pixels.

# %% [markdown]
# ### Why several at each position
# Here is a picture with a large circle, and a rectangle inside of it. Both have nearly the same
# centre, and one anchor can stand for one object only. Besides, one size cannot fit a small star
# *and* a large circle, and a square is a poor start for a long thing.

# %%
nested = scene(25, size=(128, 160), objects=(3, 5), difficulty="easy")
[(nested.names[label - 1], box.tolist()) for label, box in zip(nested.labels, nested.boxes)]

# %% [markdown]
# So each position gets **K** anchors of different sizes and shapes. A shape is given by its *size*
# s and its *aspect ratio* r = height / width, such that the area is s² whatever the ratio. Which
# width and height are these? From h = r·w and w·h = s²:
#
# r · w² = s², so **w = s / √r** and **h = s · √r**.
#
# By hand: size 32 and ratio 4 give w = 32 / 2 = 16 and h = 32 · 2 = 64. The area is 1024 = 32².
#
# The order matters, since the network's channels come in it: positions row by row; at each position
# all shapes, sizes in the outer loop and ratios in the inner one.
#
# ### Exercise: `anchor_grid` (1 point)
# Write all anchors of a feature map, [H · W · K, 4], as (x1, y1, x2, y2) in image pixels and
# float32.

# %% solution="anchor_grid"

# %% check="anchor_grid" points=1
check(anchor_grid)

# %% [markdown]
# By hand: features of 1 x 2 cells, stride 16, size 16, ratios 1 and 4. What are the first two
# anchors? They have the centre (8, 8).

# %%
anchor_grid((1, 2), 16, [16], [1, 4])

# %% [markdown]
# Our pictures of 128 x 160 with stride 16 have features of 8 x 10. Two sizes and three ratios make
# K = 6, and 480 anchors.

# %%
def our_anchors() -> Tensor:
    """Return the 480 anchors of a picture of 128 x 160."""
    return anchor_grid((8, 10), 16, [28, 56], [0.5, 1, 2])

# %% show=true
anchors = our_anchors()
left, right = draw.panels("80 positions", "6 anchors at one of them", size=(128, 160))
for ax in (left, right):
    draw.photo(ax, nested.image)
x, y = (anchors[::6, :2] + anchors[::6, 2:]).T / 2
left.plot(x, y, "o", color="white", markeredgecolor="black", markersize=5)
at = (5 * 10 + 7) * 6  # row 5, column 7
draw.boxes(right, anchors[at : at + 6], colors=["yellow"] * 3 + ["red"] * 3, width=1.8)

# %% [markdown]
# **Predict first.** An anchor of size 32 and one of size 64, both of ratio 2: how many times as wide
# is the second, and how many times as large its area? Choose sizes, ratios and the stride below, and
# move from position to position. Which anchors reach beyond the image?

# %% show=true
widgets.Anchors(anchor_grid)

# %% [markdown]
# How well does the best anchor fit each object, with more and more shapes?

# %% show=true
shapes = {"1": ([40], [1]), "3": ([40], [0.5, 1, 2]), "6": ([28, 56], [0.5, 1, 2]),
          "9": ([20, 36, 64], [0.5, 1, 2])}
ax = draw.chart("anchors at each position, K", "best IoU with an anchor")
ax.set(ylim=(0, 1))
for number, (size_list, ratio_list) in shapes.items():
    best = box_iou(anchor_grid((8, 10), 16, size_list, ratio_list), nested.boxes).amax(dim=0)
    ax.plot([number] * len(best), best, "o", color="#0072B2")
    ax.plot(number, best.mean(), "_", color="black", markersize=28)

# %% [markdown]
# Each dot is an object, the line is their mean. Three ratios alone change nothing here, since
# nothing in this picture is long; a second and a third size bring the anchors nearer to the
# objects, so that the transforms have less to do. It costs channels: with K anchors, the slides'
# image has objectness [K, 15, 20] and transforms [4K, 15, 20].

# %%
K = 6
slide_features = torch.zeros(1, 512, 15, 20)
objectness_layer, transform_layer = nn.Conv2d(512, K, 1), nn.Conv2d(512, 4 * K, 1)
objectness_layer(slide_features).shape, transform_layer(slide_features).shape

# %% [markdown]
# ### A trap: which number belongs to which anchor?
# A layer gives [K, H, W]: the *first* axis is the anchor. But the anchors of `anchor_grid` run with
# K *fastest*. **Predict first.** Below, each entry of the map says whose it is. What is the second
# entry of `map.flatten()`: the second anchor of the first position, or the first anchor of the
# second position? Decide, then run.

# %%
whose = [[[f"anchor {k} at ({y}, {x})" for x in range(3)] for y in range(2)] for k in range(2)]
numbers = torch.arange(2 * 2 * 3).reshape(2, 2, 3)  # [K, H, W]
flat = [name for plane in whose for line in plane for name in line]
wrong, right_order = numbers.flatten(), numbers.permute(1, 2, 0).flatten()
[flat[i] for i in wrong[:3]], [flat[i] for i in right_order[:3]]

# %% [markdown]
# A plain `flatten` mixes all anchors up, and no error is raised: shapes fit. First move K to the
# end, `permute(1, 2, 0)`. For the transforms, [4K, H, W] becomes [H, W, 4K] and then [H·W·K, 4].

# %% [markdown]
# ## 6. Training the RPN
# ### Which anchors hold an object?
# Like the proposals of notebook 02, anchors are labelled by their IoU with the objects:
# **positive** (1) from 0.7 up, **negative** (0) below 0.3, **neutral** (-1) between. Two things are
# new:
#
# - The classes do not matter. The RPN asks "object or not?", so a label is 1, 0 or -1.
# - An object may lie so badly between the anchors that none reaches 0.7. It would never be learned.
#   So each object makes **its best anchors positive too**, whatever their IoU is, if it is above 0.
#   If several anchors share the highest IoU, all of them.
#
# Each anchor also needs to know *where* to move: `matches` holds the index of the object that it
# overlaps most, its own best one.
#
# Work this table out on paper: five anchors, two objects, thresholds 0.7 and 0.3. What are the
# labels and the matches?

# %%
table = torch.tensor([[0.80, 0.10], [0.50, 0.20], [0.10, 0.25], [0.45, 0.40], [0.20, 0.05]])

# %% [markdown]
# ### Exercise: `label_anchors` (2 points)
# Write labels and matches for IoUs [N, M]: N anchors, M objects. Without objects all labels are 0
# and all matches -1.

# %% solution="label_anchors"

# %% check="label_anchors" points=2
check(label_anchors)

# %%
label_anchors(table)

# %% [markdown]
# The fourth anchor is the interesting one. Its IoUs are 0.45 and 0.40, neutral both. But object 1
# has no better anchor, so it is positive. Its match is still 0, the object that it overlaps more.
# (That is how most implementations do it, and it happens seldom.)
#
# **Predict first.** Below, no anchor reaches 0.7 with any object. Is none positive, then? Drag
# object 0 halfway between two anchors of one shape: how many positives does it get?

# %% show=true
widgets.Anchors(anchor_grid, label_anchors, state=widgets.Anchors.examples["labels"])

# %% [markdown]
# In our picture: how many anchors are there of each kind, and how many positives would there be
# without the second rule?

# %% show=true
overlap = box_iou(our_anchors(), objects)
labels, _ = label_anchors(overlap)
values = {"positive": 1, "neutral": -1, "negative": 0}
counts = {name: int((labels == value).sum()) for name, value in values.items()}
counts, int((overlap.amax(dim=1) >= 0.7).sum())

# %% show=true
anchors = our_anchors()
labels, _ = label_anchors(box_iou(anchors, objects))
axes = draw.panels("positive", "neutral", "negative", size=(128, 160))
for ax, value, color, every in zip(axes, (1, -1, 0), ("green", "grey", "red"), (1, 2, 20)):
    draw.photo(ax, image)
    draw.boxes(ax, anchors[labels == value][::every], colors=color, width=1.5)
    draw.boxes(ax, objects, colors="black", style=":", width=1.5)

# %% [markdown]
# (Every second neutral anchor and every twentieth negative one is drawn. The objects are dotted.)
#
# ### A sample
# Nearly all anchors are negative. If all of them counted, a network that always says "background"
# would have next to no loss, and would stay there. So the losses look at a **sample** of
# `batch_size` anchors for each image: at most half of them positive, the rest negative. If there
# are too few positives, negatives fill up. All others become -1: neutral for this step.
#
# By hand: 10 positives and 900 negatives, batch size 256, fraction 0.5. At most 128 positives are
# allowed and 10 are there, so the sample has 10 positives and 246 negatives. With 300 positives:
# 128 and 128.
#
# ### Exercise: `sample_anchors` (1 point)
# Write it. The choice must be random, among the positives and among the negatives, and must be the
# same for the same state of `generator`. `torch.randperm(n, generator=generator)` shuffles n
# numbers.

# %% solution="sample_anchors"

# %% check="sample_anchors" points=1
check(sample_anchors)

# %% show=true
labels, _ = label_anchors(box_iou(our_anchors(), objects))
sampled = sample_anchors(labels, 32, generator=torch.Generator().manual_seed(0))
{value: int((sampled == value).sum()) for value in (1, 0, -1)}

# %% [markdown]
# ### Two losses
# For each anchor of the sample there is a **classification** loss: binary cross-entropy. With the
# logit x, the probability is p = 1 / (1 + exp(-x)), and the loss is -log p for a positive and
# -log(1 - p) for a negative. For an x of 800, p is 1 exactly in any float, and log(1 - p) is minus
# infinity. But with a little algebra
#
# -log p = log(1 + exp(-x)) and -log(1 - p) = log(1 + exp(x)) = x + log(1 + exp(-x)),
#
# which is simply x where x is large. Functions that take *logits*, like
# `F.binary_cross_entropy_with_logits`, compute it so. Hand them the logit, not p!
#
# And for each **positive** there is a **box** loss: how far is the predicted transform from the one
# that moves this anchor onto its object? **Smooth L1** of an error d is
#
# d² / (2β) where |d| < β, and |d| - β/2 beyond.
#
# Both pieces meet at β with the value β/2 and the slope 1. Near 0 it is a parabola, so small errors
# pull gently; far out it is straight, so one box that is completely off does not drown all others.
# The RPN of Faster R-CNN's authors has **β = 1/9**, their second stage β = 1.

# %% show=true
d = torch.linspace(-1.5, 1.5, 301)
ax = draw.chart("error of one number", "loss")
for beta, style in ((1.0, "-"), (1 / 9, "--")):
    ax.plot(d, F.smooth_l1_loss(d, 0 * d, reduction="none", beta=beta), style,
            label=f"smooth L1, beta {'1' if beta == 1 else '1/9'}")
ax.plot(d, d**2, ":", label="square")
draw.legend(ax)

# %% [markdown]
# **What to divide by.** Both losses are divided by the *same* number: how many anchors are in the
# sample, positive and negative, neutral ones not counted. The box loss too, although only positives
# have one: then an image with a single positive does not give it the weight of a hundred.
#
# On paper: three anchors have the logits 0, 0 and 5 and the labels 1, 0 and -1. The first one's
# transform is off by (1/18, 1/2, 0, 0). What are the two losses?

# %%
three_logits, three_labels = torch.tensor([0.0, 0.0, 5.0]), torch.tensor([1, 0, -1])
three_transforms = torch.zeros(3, 4)
three_targets = torch.tensor([[1 / 18, 1 / 2, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]])

# %% [markdown]
# ### Exercise: `rpn_loss` (2 points)
# Write both losses; return them as a pair. `F.binary_cross_entropy_with_logits` and
# `F.smooth_l1_loss` are allowed; look up what `reduction` and `beta` do. Where no anchor counts,
# both losses are 0, and one must still be able to call `backward` on them: a 0 that comes out of
# the inputs does that, a new `torch.tensor(0.0)` does not.

# %% solution="rpn_loss"

# %% check="rpn_loss" points=2
check(rpn_loss)

# %%
rpn_loss(three_logits, three_transforms, three_labels, three_targets)

# %% [markdown]
# Two anchors count. Each has p = 1/2 and the loss log 2 = 0.693, so the mean is 0.693. Of the box
# errors, 1/18 is below β: (1/18)² · 9/2 = 0.0139; and 1/2 - 1/18 = 0.4444. Together 0.4583, divided
# by 2: 0.2292.
#
# **Predict first.** A lazy network gives every anchor the logit -3, which is p = 0.05 for "object".
# Is its loss lower over all 480 anchors, or over a sample of 16? Decide, then run.

# %% show=true
labels, _ = label_anchors(box_iou(our_anchors(), objects))
lazy, still = torch.full((480,), -3.0), torch.zeros(480, 4)
even = sample_anchors(labels, 16, generator=torch.Generator().manual_seed(0))
rpn_loss(lazy, still, labels, still)[0], rpn_loss(lazy, still, even, still)[0]

# %% [markdown]
# Over all anchors, laziness nearly pays. In a sample with six positives among sixteen it costs twelve
# times as much: that is what makes the network look.

# %% [markdown]
# ## 7. Proposals
# At test time the RPN's answers for all anchors become a short list of boxes:
#
# 1. Sort the anchors by their logit and take the best `pre_nms_top_n`.
# 2. Move each by its transform (`decode_boxes`).
# 3. Clip the boxes to the image.
# 4. Drop boxes with a side shorter than `min_size`: after clipping, some are mere slivers.
# 5. NMS, which at 0.7 leaves several boxes an object. The second stage will choose among them.
# 6. Take the best `top_n`, about 300.
#
# Each step is there to save work for the next. And go by the *logit*: above about 17, all
# probabilities are exactly 1 in float32, and which of them is the best is lost.
#
# ### Exercise: `propose` (2 points)
# Write it. Return the boxes and their probabilities, best first. You may call `decode_boxes` and
# `nms`.

# %% solution="propose"

# %% check="propose" points=2
check(propose)

# %% [markdown]
# We have no trained RPN yet; that comes in the last notebook. Instead, here is one that is made up:
# it knows the objects, says so with a lot of noise, and moves anchors most of the way to the
# object.

# %%
def made_up_rpn(anchors: Tensor) -> tuple[Tensor, Tensor]:
    """Return objectness and transforms that are right up to noise, the same each time."""
    generator = torch.Generator().manual_seed(4)
    overlap, nearest = box_iou(anchors, objects).max(dim=1)
    objectness = 14 * (overlap - 0.45) + 1.5 * torch.randn(len(anchors), generator=generator)
    exact = encode_boxes(anchors, objects[nearest])
    share = (overlap > 0.2).float()[:, None] * 0.8
    noise = 0.06 * torch.randn(len(anchors), 4, generator=generator)
    return objectness, share * exact + noise

# %%
def made_up_proposals() -> Tensor:
    """Return the proposals [N, 4] of this RPN, best first."""
    anchors = our_anchors()
    return propose(*made_up_rpn(anchors), anchors, (128, 160), pre_nms_top_n=200)[0]

# %% show=true
best, anchors = made_up_proposals()[:12], our_anchors()
objectness, transforms = made_up_rpn(anchors)
first = objectness.argsort(descending=True)[:24]
axes = draw.panels("24 best anchors", "moved", "12 best proposals", size=(128, 160))
shown = (anchors[first], decode_boxes(anchors[first], transforms[first]), best)
for ax, drawn in zip(axes, shown):
    draw.photo(ax, image)
    draw.boxes(ax, drawn, colors="orange", width=1.5)

# %% [markdown]
# The anchors lie in rows and columns; their transforms move them onto the objects, where they pile
# up; NMS clears the piles.
#
# How many proposals are enough? An object counts as found if a proposal has an IoU of 0.5 with it.

# %% show=true
fits = box_iou(made_up_proposals(), objects) >= 0.5
{n: f"{int(fits[:n].any(dim=0).sum())} of {len(objects)} objects" for n in (1, 2, 5, 10, 20)}

# %% [markdown]
# The same with the numbers in your hand, and three objects. **Predict first.** With `top_n` at 3, one
# of them gets no proposal. Which threshold of NMS mends that, a lower one or a higher one?

# %% show=true
widgets.Anchors(anchor_grid, label_anchors, propose, state=widgets.Anchors.examples["proposals"])

# %% [markdown]
# A few good proposals find everything. Fast R-CNN took 2000 from Selective Search to be as sure: that
# is the other half of why Faster R-CNN is faster.

# %% [markdown]
# ## 8. The second stage, and four losses
# From here on it is Fast R-CNN: cut each proposal out of the features, run the head on it. For each
# proposal the head gives logits for background and K classes, and a transform **for each class**,
# [K, 4]: a person's box changes in other ways than a car's.
#
# Its losses are those of R-CNN in notebook 02, but for one question: which of the K transforms has
# to learn? That of the **true** class. Labels count 1 to K since 0 is background, and background
# needs no transform. So the transform of label l stands in row **l - 1**.
#
# By hand: K = 3, label 2. Row 1 is compared with the target. Rows 0 and 2 are left alone, whatever
# they say. A proposal with label 0 has a class loss, and no box loss.
#
# ### Exercise: `detection_loss` (1.5 points)
# Write both losses. Cross-entropy is averaged over all labels that are not neutral; smooth L1
# (β = 1) is added up over the positives and divided by the same number.

# %% solution="detection_loss"

# %% check="detection_loss" points=1.5
check(detection_loss)

# %% [markdown]
# ### All together
# Faster R-CNN is trained with four losses at once:
#
# | | stage | asks | for |
# |---|---|---|---|
# | 1 | RPN, objectness | is there an object in this anchor? | sampled anchors |
# | 2 | RPN, boxes | how does the anchor become a proposal? | positive anchors |
# | 3 | second stage, classes | which class is this proposal, or is it background? | proposals |
# | 4 | second stage, boxes | how does the proposal become the object's box? | positive proposals |
#
# They are added up, and one `backward` goes through everything. Let us do that once, with the
# little backbone and untrained heads. First the RPN's side. Its stride is 8.

# %%
torch.manual_seed(0)
rpn = nn.Conv2d(64, 6 * 5, 1)  # for each of 6 anchors: objectness and a transform
region_head = nn.Sequential(nn.Flatten(), nn.Linear(64 * 4 * 4, 7 + 6 * 4))


def rpn_answers(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return objectness [A] and transforms [A, 4] in the order of the anchors."""
    answers = rpn(features).permute(1, 2, 0).reshape(-1, 5)
    return answers[:, 0], answers[:, 1:]

# %%
def four_losses(image: Tensor, boxes: Tensor, classes: Tensor) -> dict[str, Tensor]:
    """Return the losses of one image."""
    features = backbone(image[None])[0]
    anchors = anchor_grid((16, 20), 8, [28, 56], [0.5, 1, 2])
    objectness, transforms = rpn_answers(features)
    labels, matches = label_anchors(box_iou(anchors, boxes))
    targets = encode_boxes(anchors, boxes[matches])
    first = rpn_loss(objectness, transforms, sample_anchors(labels), targets)
    proposals, _ = propose(objectness.detach(), transforms.detach(), anchors, (128, 160), 100, 12)
    proposals = torch.cat([proposals, boxes])  # so that there are positives from the first step on
    labels, matches = label_proposals(box_iou(proposals, boxes), classes)
    answers = region_head(roi_align(features, proposals, (4, 4), 1 / 8))
    own = answers[:, 7:].reshape(-1, 6, 4)
    targets = encode_boxes(proposals, boxes[matches])
    second = detection_loss(answers[:, :7], own, labels, targets)
    return dict(zip(("RPN objectness", "RPN boxes", "classes", "boxes"), (*first, *second)))

# %% [markdown]
# Look at `detach`: the proposals are *numbers* for the second stage. Sorting, NMS and "the best
# 300" have no useful gradient, so none goes through them. **Predict first.** Which of the three
# parts, backbone, RPN and region head, does each of the four losses teach? Decide, then run.

# %% show=true
modules = {"backbone": backbone, "RPN": rpn, "region head": region_head}
for name, loss in four_losses(image, objects, picture.labels).items():
    taught = []
    for part, module in modules.items():
        weights = list(module.parameters())
        slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        if any(slope is not None and slope.abs().sum() > 0 for slope in slopes):
            taught.append(part)
    print(f"{name:15} {loss.item():6.3f}   teaches {' and '.join(taught)}")

# %% [markdown]
# ### In your own words (2 points)
# Somebody wants to simplify this. "Only the final detections matter in the end. So I train with the
# losses 3 and 4 alone. The RPN will learn to propose what the second stage needs." Say what will
# happen to the RPN and why; what that does to the detector; and what the backbone gains from being
# taught by all four losses. The lines above help.

# %% [markdown] written="four_losses" points=2
# *Your answer.*

# %% [markdown]
# ## 9. One stage
# The RPN looks at each anchor and says "object or not", with a transform. Why not ask "*which*
# object, or background" at once, and stop there? That is a **single-stage** detector, such as SSD,
# YOLO or RetinaNet. It is fully convolutional: one pass, no regions, no head that runs 300 times.
#
# At each position, each of the K anchors now has **C + 1** logits (C classes and background) and a
# transform. Some give each anchor one transform for each class instead: *class-specific* boxes.
# Background needs none.
#
# By hand: 9 anchors and 20 classes make 9 · 21 = 189 channels for the classes, and 9 · 4 = 36 for
# the boxes. With class-specific boxes the latter are 9 · 4 · 20 = 720. On the slides' features
# these are maps [189, 15, 20] and [36, 15, 20].
#
# ### Exercise: `head_channels` (0.5 points)
# `num_classes` leaves background out.

# %% solution="head_channels"

# %% check="head_channels" points=0.5
check(head_channels)

# %%
head_channels(9, 20), head_channels(9, 20, class_specific=True)

# %% [markdown]
# ### From logits to detections
# 1. Softmax over the C + 1 logits of each anchor. Column 0 is background.
# 2. **Every** pair of an anchor and a foreground class whose probability is **above**
#    `score_threshold` is a candidate. One anchor may give two: "0.4 dog, 0.35 cat" is two
#    candidates if the threshold is 0.3. Whether background has more does not matter.
# 3. Move the anchor by its transform, and clip to the image. Then NMS, class by class.
#
# By hand, with a threshold of 0.25: what are the candidates of these three anchors? Their
# probabilities for background and three classes are in the rows. (The logits are the logarithms:
# softmax takes them back.)

# %%
probabilities = torch.tensor([[0.1, 0.5, 0.3, 0.1], [0.6, 0.3, 0.05, 0.05], [0.5, 0.2, 0.2, 0.1]])
apart = torch.tensor([[10.0, 10, 40, 40], [60, 10, 90, 40], [110, 10, 140, 40]])

# %% [markdown]
# ### Exercise: `single_stage_detections` (2 points)
# Return a dict with `boxes`, `scores` and `labels`, best first. Label l belongs to column l. You
# may call `decode_boxes` and `nms_per_class`.

# %% solution="single_stage_detections"

# %% check="single_stage_detections" points=2
check(single_stage_detections)

# %%
single_stage_detections(probabilities.log(), torch.zeros(3, 4), apart, (50, 150), 0.25, 0.5)

# %% [markdown]
# Three candidates: two from the first anchor, one from the second, although background leads there.
#
# In the picture, again with a made-up network: background has the logit 0, and the class of the
# nearest object has a logit that grows with the overlap of the moved anchor.

# %%
def made_up_classes(boxes: Tensor) -> Tensor:
    """Return logits [A, 7] that are right up to noise."""
    generator = torch.Generator().manual_seed(5)
    overlap, nearest = box_iou(boxes, objects).max(dim=1)
    logits = -5 + 0.7 * torch.randn(len(boxes), 7, generator=generator)
    logits[:, 0] = 0
    logits[torch.arange(len(boxes)), picture.labels[nearest]] += 10 * overlap
    return logits

# %% show=true
anchors = our_anchors()
_, transforms = made_up_rpn(anchors)
class_logits = made_up_classes(decode_boxes(anchors, transforms))
axes = draw.panels("score threshold 0.1", "0.5", "0.9", size=(128, 160))
for ax, threshold in zip(axes, (0.1, 0.5, 0.9)):
    draw.photo(ax, image)
    out = single_stage_detections(class_logits, transforms, anchors, (128, 160), threshold, 0.5)
    words = [picture.names[label - 1] for label in out["labels"]]
    draw.boxes(ax, out["boxes"], words if len(words) < 7 else None, colors="orange", width=1.5)

# %% [markdown]
# Without a second stage, nobody looks at a candidate again: the score alone decides. And in
# training it is these layers that meet all the background at once. There are thousands of easy
# negatives for each positive, with no proposals that sort them out before. SSD therefore keeps only
# the hardest negatives, three for each positive; RetinaNet's *focal loss* makes easy examples count
# less.

# %% [markdown]
# ## 10. Accurate or fast?
# Four detectors of 2017. All were trained and measured on the same data and the same GPU; MobileNet
# is a small backbone, Inception v2 a middle one, Inception-ResNet v2 a very large one.
#
# | | detector |
# |---|---|
# | **P** | two-stage, Inception v2 |
# | **Q** | single-stage, MobileNet |
# | **R** | two-stage, Inception-ResNet v2 |
# | **S** | single-stage, Inception v2 |
#
# Order them, **the most accurate first**. The order by time, the slowest first, is the same.
# Between two neighbours write what makes the difference: `"backbone"` if the left one has the
# larger backbone, `"stage"` if it has a second stage. Your list has seven words (0.5 points).

# %% question="most_accurate_first"
most_accurate_first = None  # like ["Q", "stage", "P", "backbone", "R", "stage", "S"]

# %% check="most_accurate_first" points=0.5
check("most_accurate_first")

# %% [markdown]
# Here are seven detectors of that time (TensorFlow's collection of models; milliseconds for an
# image on a Titan X, mAP on COCO).

# %%
models = [
    ("SSD, MobileNet", 30, 21), ("SSD, Inception v2", 42, 24), ("Faster, Inception v2", 58, 28),
    ("Faster, ResNet-50", 89, 30), ("Faster, ResNet-101", 106, 32),
    ("Faster, Inception-ResNet v2", 620, 37), ("Faster, NAS", 1833, 43),
]

# %% [markdown]
# **Predict first.** From the first to the third detector, mAP rises by 7 points for 28
# milliseconds. How much does the last step, from 37 to 43, cost: 30, 100 or more than 1000
# milliseconds? Decide, then run.

# %% show=true
ax = draw.chart("milliseconds for one image (each mark is three times the last)", "COCO mAP")
marks = [27, 81, 243, 729, 2187]
ax.set(xscale="log", xlim=(24, 9000), ylim=(18, 46), xticks=marks, xticklabels=marks)
ax.minorticks_off()
for name, ms, accuracy in models:
    two_stage = name.startswith("Faster")
    ax.plot(ms, accuracy, "s" if two_stage else "o", color="#0072B2" if two_stage else "#D55E00")
    ax.annotate(name, (ms, accuracy), xytext=(6, -11), textcoords="offset points")

# %% show=true
gains = [100 * (b[2] - a[2]) / (b[1] - a[1]) for a, b in zip(models, models[1:])]
[f"{b[0]}: {gain:.1f} points for 100 ms" for b, gain in zip(models[1:], gains)]

# %% [markdown]
# - **Two-stage** detectors (squares) are more accurate and slower, **single-stage** ones (circles)
#   faster and less accurate. The two with Inception v2 differ in this respect only, apart from the
#   size of their input.
# - **Bigger backbones** help, and take time.
# - **The returns diminish**: four points cost 16 milliseconds at the fast end, and six points cost
#   more than a second at the slow one.
#
# This is a picture of 2017. Since then single-stage detectors have caught up, with features at
# several scales and better losses: in the same collection, a single-stage ResNet-50 with both has
# 35 mAP at 76 ms. That an accurate detector needs time, and the last points the most, is as true as
# ever.

# %% [markdown]
# ## What you have learned
# - R-CNN computes the same pixels again and again. Fast R-CNN runs the backbone once and cuts
#   regions out of the features.
# - RoI pool rounds to cells and takes the maximum. RoI align rounds nothing: it interpolates at
#   points and takes their mean. A cell's value stands at its centre, hence the half.
# - Share the convolutions; what sees a region by itself, AlexNet's fully connected layers or
#   ResNet's last stage, runs for each region.
# - Make the largest part faster. In Fast R-CNN that is the proposals, so Faster R-CNN learns them.
# - K anchors at each position; objectness [K, H, W] and transforms [4K, H, W], with K moved to the
#   end before they are flattened.
# - Anchors: positive from 0.7 up or as an object's best, negative below 0.3, neutral in no loss. A
#   sample keeps background from drowning the rest.
# - Losses take logits. Both of a stage are divided by the number of examples that count.
# - Four losses, one backward. Nothing flows through the choice of proposals, so the RPN needs its
#   own two.
# - A single stage has C + 1 classes for each anchor. It is fast; a second look is more accurate.
#
# ## What the professionals' version looks like
# - **RoI align** is one kernel on the GPU: a thread for each number of the result. It finds its
#   points, reads four neighbours for each, and adds up. Backward, the same threads *add* to the
#   four neighbours, with atomic additions, since several regions share cells. A loop over regions
#   in Python starts hundreds of small jobs for the same work.
# - **Several scales.** Feature pyramids give features at strides 4 to 64. Each level has anchors of
#   one size, three ratios, and a region is cut out of the level that fits its size: small objects
#   keep fine cells.
# - **Proposals** are cut to the best 1000 on each level before they are joined, and NMS runs for
#   each level by itself, all in one go: boxes of different levels are moved apart, as classes are
#   in notebook 03.
# - **Anchors** depend on the size of the features only. They are made once and kept.
# - **Batches.** Images of one batch are padded to one size, and every region carries the number of
#   its image. To mix up whose region is whose is an easy error, and with one image at a time it
#   never shows.
#
# In the next notebook classes leave their boxes: every *pixel* gets one.
