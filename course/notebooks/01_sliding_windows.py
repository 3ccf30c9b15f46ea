# %% [markdown]
# # 01 · What a detector answers, and sliding windows
# A classifier says what is in a picture. A detector also says where, for every object, however many
# there are. In this notebook you see what that asks of a network, teach one to find a single
# object, and then let a classifier slide over a picture: first window by window, then all windows
# at once.
#
# **When you are done, you can**
# - say what each of six tasks puts out, and which of them know things, stuff or both;
# - change boxes between centre and corners;
# - write the loss of a network that says *what* and *where*, and train with it;
# - count windows and boxes, and say why nobody tries them all;
# - write a fully connected layer as a convolution, in two ways;
# - turn a classifier into a network that scores all windows of a picture in one pass, and say how
#   much work that saves, and why.
#
# **What you need:** tensors in PyTorch, `nn.Module`, what a convolution and a linear layer do, and
# how to train a classifier with cross-entropy.
#
# **How long:** about two hours. There are ten exercises, four questions and one answer in words: 20
# points.
#
# > **Errata.** Three places in the slides are put right where they come up: what panoptic
# > segmentation labels (section 1), what the (x, y) of a box is (section 2), and a number that is
# > wrong by a factor of a thousand (section 5). Also, they give the size of an image as width x
# > height, 800 x 600: this course writes **(height, width)**, as tensors do, (600, 800).

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# Write the exercises with torch itself. `torchvision` can convert boxes, so an answer to the first
# two exercises that uses it earns nothing.

# %%
import time
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import NotAnswered, check, draw, widgets
from course.scenes import CATEGORIES, dataset, scene

# %% [markdown]
# ## 1. What can one ask of a picture?
# This course has its own pictures: scenes of shapes on sky, ground and road, drawn from a seed, in
# which everything is known. Here is one. What would you like to know about it?

# %%
street = scene(102, size=(96, 128), objects=(3, 4), difficulty="easy")
names = [street.names[label - 1] for label in street.labels]
names

# %% [markdown]
# **Classification** gives the whole picture one label. **Semantic segmentation** gives one to every
# pixel.

# %% show=true
left, right = draw.panels('classification: "triangle"', "semantic segmentation", size=(96, 128))
draw.photo(left, street.image)
draw.segments(right, street.semantic, CATEGORIES)

# %% [markdown]
# The picture has no single right label: there are several objects in it, and a classifier has to
# choose one. And look at the two triangles in the segmentation. They touch, and they have become
# one patch: *how many* triangles there are cannot be read off it.
#
# **Object detection** answers with a list: for every object a class and a box. **Instance
# segmentation** adds the object's own mask, pixel by pixel.

# %% show=true
left, right = draw.panels("object detection", "instance segmentation", size=(96, 128))
places = ["top right", "bottom right", "top left", "bottom left"]
draw.photo(left, street.image)
draw.boxes(left, street.boxes, names, colors=["blue", "purple", "red", "sky"], places=places)
draw.photo(right, street.image)
draw.masks(right, street.masks, names, colors=["blue", "purple", "red", "sky"])

# %% [markdown]
# **Keypoints** add named points of each object: a person's joints, or here corners and tips.
# **Panoptic segmentation** answers for every pixel, as semantic segmentation does, and tells the
# objects apart, as instance segmentation does.

# %% show=true
left, right = draw.panels("keypoints", "panoptic segmentation", size=(96, 128))
draw.photo(left, street.image)
draw.boxes(left, street.boxes, width=1.2)
draw.keypoints(left, street.keypoints)
panoptic = torch.where(street.instance > 0, street.instance + 10, street.semantic)
told = [*CATEGORIES, "", *[f"{name}, object {n}" for n, name in enumerate(names, 1)]]
draw.segments(right, panoptic, told)

# %% [markdown]
# ### Things and stuff
# A **thing** can be counted: a triangle, a car, a sheep. **Stuff** cannot: sky, grass, road. Stuff
# has a region but no number, so a box around it, or "the second sky", would make no sense.
#
# - Detection, instance segmentation and keypoints are about things. Everything else is background.
# - Semantic segmentation covers things and stuff, but does not count the things.
# - Panoptic segmentation covers both, and counts the things.
#
# > **Erratum.** The slides say that panoptic segmentation labels all pixels and tells "each thing"
# > apart, as if only things were labelled. Its output has **every** pixel, stuff included.
#
# **Predict first.** Point at a pixel of the upper triangle, near the lower one. What does each of
# the six answers say about it? Choose a task and drag the point; without the picture behind, you
# see no more than a program that gets the answer.

# %% show=true
widgets.Tasks()

# %% [markdown]
# ### Who answers what?
# A picture has H x W pixels and N objects. These are the answers of the six tasks, mixed up:
#
# | | the answer |
# |---|---|
# | **A** | N times: a class, a box, and a map of H x W zeros and ones |
# | **B** | H x W categories |
# | **C** | N times: a class, a box, and P points, each with a mark whether it is visible |
# | **D** | one category |
# | **E** | H x W categories, and H x W numbers that say to which object a pixel belongs, if to any |
# | **F** | N times: a class and a box |
#
# Write the letters of 1. classification, 2. semantic segmentation, 3. object detection, 4. instance
# segmentation, 5. panoptic segmentation, 6. keypoints, in this order (1 point).

# %% question="task_outputs"
task_outputs = None  # your answer, a list like ["A", "B", "C", "D", "E", "F"]

# %% check="task_outputs" points=1
check("task_outputs")

# %% [markdown]
# Now think of a program that sees nothing of the picture but a task's answer. Of which tasks is the
# answer enough to tell the two touching triangles apart? Of which to find the road? Say yes or no
# for each of the six tasks, in the order above (1 point).

# %% question="enough_to_tell"
enough_to_tell = None  # your answer, a dict like the one in the next line
# {"triangles apart": [True, True, True, True, True, True], "the road": [True, True, ...]}

# %% check="enough_to_tell" points=1
check("enough_to_tell")

# %% [markdown]
# ## 2. Boxes, and how many of them
# Look at the answers again: B, D and E have as many numbers as the picture has pixels, or one. A, C
# and F have as many as there are *objects*. That is the first difficulty of detection: **the number
# of outputs varies** from picture to picture, 4N numbers for the boxes alone, while a network ends
# in a layer of fixed size. Much of this course is about ways around that.
#
# The second: an answer has two kinds of output, *what* (a class: classification) and *where* (four
# numbers: regression). The third: small objects ask for large pictures. A classifier is content
# with 224 x 224; detectors work at 800 x 600 and above.
#
# ### Two formats
# The four numbers of a box come in several formats. Two of them:
#
# | name | numbers | good for |
# |---|---|---|
# | **xyxy** | left, top, right, bottom | areas, overlaps, drawing: most of this course |
# | **cxcywh** | centre x, centre y, width, height | what a network predicts |
#
# x runs to the right and y runs *down*. Coordinates are continuous: pixel number 3 is the stretch
# from 3 to 4, and a box from 20 to 60 is 40 wide. One box, in both formats:

# %% show=true
ax = draw.panels("xyxy (20, 10, 60, 40) is cxcywh (40, 25, 40, 30)", size=(52, 84))
draw.boxes(ax, torch.tensor([[20.0, 10.0, 60.0, 40.0]]))
draw.points(ax, [(20, 10, "x1, y1"), (60, 40, "x2, y2"), (40, 25, "cx, cy")])
draw.arrow(ax, (20, 46), (60, 46), "w = 40")
draw.arrow(ax, (67, 10), (67, 40), "h = 30")

# %% [markdown]
# Why would a network rather predict the second? Because its numbers mean separate things. If an
# object moves, only the centre changes; if it grows, only the size. In xyxy all four numbers change
# in both cases.
#
# > **Erratum.** The slides write (x, y, w, h) throughout. On one slide (x, y) is the centre,
# > elsewhere a corner. Four numbers do not say what they are: this course names the format each
# > time.
#
# ### Exercise: `cxcywh_to_xyxy` (1 point)
# Start at the centre. How far is it to the left edge? Check by hand with the box above before you
# run the check. If you write into a tensor step by step, mind that what you have written over is
# gone, and that the input belongs to somebody else.

# %% solution="cxcywh_to_xyxy"

# %% check="cxcywh_to_xyxy" points=1
check(cxcywh_to_xyxy)

# %% [markdown]
# ### Exercise: `xyxy_to_cxcywh` (1 point)
# And back. The centre lies in the middle between two opposite corners.

# %% solution="xyxy_to_cxcywh"

# %% check="xyxy_to_cxcywh" points=1
check(xyxy_to_cxcywh)

# %% [markdown]
# One after the other they give back what you had. The four boxes of our scene, as centre and size:

# %% show=true
as_centres = xyxy_to_cxcywh(street.boxes)
print(as_centres)
torch.equal(cxcywh_to_xyxy(as_centres), street.boxes)

# %% [markdown]
# ## 3. One object: what and where
# Suppose that every picture has exactly *one* object. Then the number of outputs is fixed, and
# nothing new is needed: **localisation is regression**. Take a classifier, and let its last layer
# give four more numbers. K numbers are the logits of the classes, four are the box.
#
# Both ends share all layers before them, so they are trained together, with one loss. Such a
# **multitask loss** is a weighted sum:
#
# **loss = cross-entropy(logits, label) + box_weight · |box - target|²**
#
# - The **cross-entropy** of an image is -log of the probability that softmax gives to the right
#   class.
# - The **squared L2 distance** is the sum of the squared errors of the four numbers.
# - Both are averaged over the images of a batch.
# - The **weight** is needed since the two have different units. A box in pixels can be wrong by
#   thousands of square pixels, one in units of the image by 0.01 or so; cross-entropy starts at log
#   K. A weight that is too large makes the network forget the class, one that is too small the box.
#   Nothing but trying on pictures kept for it says which is best.
#
# **By hand:** one image, two classes, logits (0, 0), so each has probability 1/2. Box (0.5, 0.5,
# 0.2, 0.4), target (0.4, 0.5, 0.4, 0.4). The cross-entropy is log 2 = 0.693, the squared distance
# 0.1² + 0² + 0.2² + 0² = 0.05, and with weight 10 the loss is 1.193.
#
# ### Exercise: `localization_loss` (2 points)
# Logits come as they are: `F.cross_entropy` applies softmax and the logarithm in one step, which
# also keeps it finite for large logits. Mind two things. `F.mse_loss` averages over *all* numbers,
# four for each image, and here the four are added up. And a mean over no images is 0 / 0: the loss
# of an empty batch is 0, as a result of the inputs, so that `backward` works on it too.

# %% solution="localization_loss"

# %% check="localization_loss" points=2
check(localization_loss)

# %% show=true
localization_loss(
    torch.tensor([[0.0, 0.0]]), torch.tensor([[0.5, 0.5, 0.2, 0.4]]),
    torch.tensor([1]), torch.tensor([[0.4, 0.5, 0.4, 0.4]]), 10.0,
)  # fmt: skip

# %% [markdown]
# ### Let it learn
# Small scenes with one object each: a circle, a triangle or a cross. A network that trains in
# seconds is a very small one, so we make its task easier and point a lamp at the objects. (From
# notebook 05 on, larger networks do without.)

# %%
KINDS = ("circle", "triangle", "cross")


def lit(picture) -> Tensor:
    """Return a scene's image [3, H, W] with a lamp on its objects."""
    return 0.4 * picture.image + 0.6 * (picture.instance > 0)

# %%
def singles(split: str, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return images [N, 3, 32, 32], boxes [N, 4] and labels [N] of scenes with one object."""
    easy = {"size": (32, 32), "classes": KINDS, "objects": (1, 1), "difficulty": "easy"}
    pictures = list(dataset(split, count, **easy))
    labels = [KINDS.index(each.names[each.labels[0] - 1]) for each in pictures]
    images = torch.stack([lit(each) for each in pictures])
    return images, torch.cat([each.boxes for each in pictures]), torch.tensor(labels)

# %% show=true
images, boxes, labels = singles("train", 500)
for ax, label in zip(draw.panels(*KINDS, size=(32, 32)), range(3)):
    first = (labels == label).nonzero()[0]
    draw.photo(ax, images[first[0]])
    draw.boxes(ax, boxes[first])

# %% [markdown]
# The network has seven outputs: three logits and a box. The box is cxcywh in units of the image, so
# that all its numbers lie between 0 and 1.

# %%
@cache  # trained once for each weight and kept: run this cell again to train anew
def train_localizer(box_weight: float, steps: int = 300) -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, 3 + 4),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        rows = torch.randint(len(images), (32,))
        output, targets = network(images[rows]), xyxy_to_cxcywh(boxes[rows]) / 32
        loss = localization_loss(output[:, :3], output[:, 3:], labels[rows], targets, box_weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.requires_grad_(False)

# %% [markdown]
# **Predict first.** We train it twice, with box weight 0 and with 5. With weight 0, does it still
# learn the class? And what do its boxes look like? Decide, then run. (It takes some seconds.)

# %% show=true
new_images, new_boxes, new_labels = singles("val", 200)
for weight in (0, 5):
    output = train_localizer(weight)(new_images)
    right = (output[:, :3].argmax(dim=1) == new_labels).float().mean()
    off = (32 * output[:, 3:5] - xyxy_to_cxcywh(new_boxes)[:, :2]).norm(dim=1).mean()
    print(f"box weight {weight}: class right {right:.0%}, centre off by {off:.1f} pixels")

# %% [markdown]
# With weight 0 the class is learned all the same, and the box lies far outside the picture: its
# numbers changed with the layers that it shares with the class, and nothing ever called them wrong.
# With weight 5 both are learned, and work on pictures that it has never seen. The class has not
# become worse for it: much of what it takes to name an object helps to find it.

# %% show=true
output = train_localizer(5)(new_images[:4])
names = [KINDS[label] for label in output[:, :3].argmax(dim=1)]
found = cxcywh_to_xyxy(32 * output[:, 3:])
for ax, n in zip(draw.panels(*[f'it says "{name}"' for name in names], size=(32, 32)), range(4)):
    draw.photo(ax, new_images[n])
    draw.boxes(ax, new_boxes[n : n + 1], colors="blue")
    draw.boxes(ax, found[n : n + 1], colors="orange", style="--")

# %% [markdown]
# Solid blue is the truth, dashed orange the answer. In practice one does not start from random
# weights: the layers below come from a classifier that was trained on millions of pictures
# (*transfer learning*), and only the two ends are new.
#
# **Predict first.** Now pictures with *two* objects. The network can give one box. Where will it
# be: on one of them, between them, around both? Decide, then run.

# %% show=true
pairs = [scene(seed, (32, 32), classes=KINDS, objects=(2, 2), difficulty="easy")
         for seed in (4, 9, 16, 21)]  # fmt: skip
output = train_localizer(5)(torch.stack([lit(pair) for pair in pairs]))
found = cxcywh_to_xyxy(32 * output[:, 3:])
for ax, pair, box in zip(draw.panels("", "", "", "", size=(32, 32)), pairs, found):
    draw.photo(ax, lit(pair))
    draw.boxes(ax, pair.boxes, colors="blue")
    draw.boxes(ax, box[None], colors="orange", style="--")

# %% [markdown]
# There is one answer to give and there are two right ones. Where nothing decides for one of them,
# the squared distance to both is least in between, and that is where most of the boxes are: between
# the objects, with a bit of each. So regression of one box ends where a second object begins.

# %% [markdown]
# ## 4. Slide a window
# An old way around it: bring the many back to one. Cut a window out of the picture and *classify*
# it, as one of the classes or as background. Then move the window and do it again. Each window
# gives one answer of fixed size, and the number of answers follows from the number of windows.
#
# How many windows is that? The window has height h, the image height H. With its top at row 0 it
# ends at row h. It may move down until it ends at H: that is H - h pixels further. So with steps of
# one pixel its top can be at 0, 1, ..., H - h, which is **H - h + 1** rows; the 1 is the place
# before the first step. With a **stride** of s pixels, there is room for (H - h) / s steps, of
# which only *whole* ones count: (H - h) // s + 1.
#
# A window of 4 pixels in a row of 8, its places one below the other:

# %% show=true
axes = draw.panels("stride 1: 5 places", "stride 2: 3 places", "stride 3: 2 places", size=(6, 8))
for ax, stride in zip(axes, (1, 2, 3)):
    starts = range(0, 5, stride)
    places = [[x, 0.25 + 1.15 * n, x + 4, 1.15 + 1.15 * n] for n, x in enumerate(starts)]
    shown = ["blue", "orange", "green", "purple", "red"][: len(places)]
    draw.boxes(ax, torch.tensor(places), colors=shown)
    ax.set(xticks=range(9), yticks=[])

# %% [markdown]
# With stride 3 the last pixel is never seen: another whole step does not fit.
#
# ### Exercise: `count_positions` (1 point)
# Rows and columns alike; every row goes with every column. By hand first: a window of 14 x 14 in an
# image of 28 x 28, stride 2? In an image of 17 x 30, stride 4? And of 10 x 30, which is too low?
# (There are 64, 5 and 0. For the last one beware of products of negative numbers, and of division
# that rounds towards 0.)

# %% solution="count_positions"

# %% check="count_positions" points=1
check(count_positions)

# %% show=true
by_hand = (((28, 28), 2), ((17, 30), 4), ((10, 30), 4))
[count_positions(image, (14, 14), stride) for image, stride in by_hand]

# %% [markdown]
# **Predict first.** The window below has 8 x 8 places. How many are left with stride 3? And with
# stride 2, if the image becomes one row higher? Two rows? Then drag the window, its lower right
# corner and the sliders. What is hatched lies in no window.

# %% show=true
widgets.SlidingWindow(count_positions)

# %% [markdown]
# ## 5. All boxes
# A window of one size finds objects of one size. To find all of them, try *every* size. How many
# boxes are there in an image of H x W pixels? Sum the positions over all sizes:
#
# **sum over h = 1 ... H and w = 1 ... W of (H - h + 1) · (W - w + 1)**
#
# Nobody wants to add that up. First, each term is a product of something about rows and something
# about columns. So the double sum is a product of two sums:
#
# (sum over h of H - h + 1) · (sum over w of W - w + 1)
#
# Then, the first sum is H + (H - 1) + ... + 1, the numbers from 1 to H in falling order. You may
# know its value; here is why. A box covers a *stretch* of rows, from a first to a last one. Write
# all pairs in a square: in each row a first pixel, in each column a last one, in the cell the
# length.

# %% show=true
lengths = torch.arange(6)[None] - torch.arange(6)[:, None] + 1
ax = draw.panels("columns: last pixel, rows: first pixel, cells: length", size=(6, 6))
draw.numbers(ax, lengths, highlight=lengths > 0)

# %% [markdown]
# Only cells with a positive length are stretches. They fill the upper triangle *with* the diagonal:
# half of the n · n cells, and half of the n cells on the diagonal once more, n² / 2 + n / 2. So a
# side of n pixels has **n (n + 1) / 2** stretches, and the image has
#
# **H (H + 1) / 2 · W (W + 1) / 2** boxes.
#
# ### Exercise: `count_boxes` (1 point)
# As a formula, and exact: Python's whole numbers have as many digits as they need, but `/` makes a
# float, which keeps 16 of them. One of n and n + 1 is even, so `//` loses nothing after you have
# multiplied. By hand: an image of 2 x 3 pixels has 3 · 6 = 18 boxes.

# %% solution="count_boxes"

# %% check="count_boxes" points=1
check(count_boxes)

# %% [markdown]
# **Predict first.** An image of 800 x 600 has half a million pixels. How many boxes: 57 thousand,
# 57 million, or more? Decide, then run.

# %% show=true
print(f"{count_boxes((600, 800)):,} boxes")
years = count_boxes((600, 800)) / 1000 / (60 * 60 * 24 * 365)
print(f"at a thousand a second: {years:.1f} years")

# %% [markdown]
# > **Erratum.** The slide says 57 million. Its formula gives 57,768,120,000: about **58 billion**.
#
# Nearly two years for one picture, and a faster computer does not help much: the number grows with
# the *fourth* power of the side. An image twice as wide and twice as high has sixteen times as many
# boxes.

# %% show=true
sides = [2**k for k in range(3, 11)]
ax = draw.chart("side of the image, in pixels", "boxes")
ax.loglog(sides, [count_boxes((side, side)) for side in sides], "o-", label="boxes of all sizes")
ax.loglog(sides, [side * side for side in sides], "s--", label="pixels")
draw.legend(ax)

# %% [markdown]
# So whoever slides windows takes few sizes and shapes, and a stride. What replaced this, a few
# thousand *proposals* that are likely to hold something, begins in the next notebook. But first let
# us see how far one window size gets, and how fast it can be.

# %% [markdown]
# ## 6. A sliding-window classifier
# We need a classifier for windows of 14 x 14 pixels with four classes: background, circle,
# triangle, cross. It learns from windows of the small scenes: those in which an object lies in the
# middle carry its label, those that are well off it are background.

# %% show=true
windows = images.unfold(2, 14, 2).unfold(3, 14, 2)  # [N, 3, 10, 10, 14, 14]
corners = 2.0 * torch.arange(10)  # of the windows, along each side
middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - 7  # the best corner
off = (corners[None, :, None] - middle[:, None]).abs()  # [N, 10, 2]: x and y
off = torch.maximum(off[:, :, None, 1], off[:, None, :, 0])  # [N, rows, columns]
centred, elsewhere = (off <= 1.5).nonzero(), (off >= 5).nonzero()
len(centred), len(elsewhere)

# %% [markdown]
# There is far more background than anything else. That is so for every detector, and we do what
# most do: a batch takes half of its windows from objects and half from the background.
#
# The network is that of the slides: a 5 x 5 convolution to 16 channels, 2 x 2 pooling, and fully
# connected layers. (Theirs has 400 neurons where ours has 32.)

# %% show=true
torch.manual_seed(0)
classifier = nn.Sequential(
    nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2),  # 3x14x14 to 16x10x10 to 16x5x5
    nn.Flatten(), nn.Linear(16 * 5 * 5, 32), nn.ReLU(), nn.Linear(32, 4),
)  # fmt: skip
optimizer = torch.optim.Adam(classifier.parameters(), lr=2e-3)
for _ in range(200):
    chosen = [places[torch.randint(len(places), (40,))] for places in (centred, elsewhere)]
    n, row, col = torch.cat(chosen).T
    targets = torch.cat([labels[n[:40]] + 1, torch.zeros(40, dtype=torch.int64)])
    loss = F.cross_entropy(classifier(windows[n, :, row, col]), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
classifier.requires_grad_(False)
print(f"loss {loss:.2f}")

# %% [markdown]
# ### Exercise: `sliding_window_scores` (2 points)
# Write the loop: for each row of windows, for each column, cut out the crop, classify it, and apply
# softmax to its logits. The result has the shape [rows, cols, K]; entry [row, col] belongs to the
# window whose upper left corner is `row * stride` pixels down and `col * stride` to the right. A
# window that would hang over the edge is left out. The classifier expects a batch, so `crop[None]`
# is a batch of one. No gradients are needed: `with torch.no_grad():` makes it faster.

# %% solution="sliding_window_scores"

# %% check="sliding_window_scores" points=2
check(sliding_window_scores)

# %% [markdown]
# A scene that is larger than the window, with several objects. Does it find them?

# %% show=true
panorama = scene(100, size=(40, 112), classes=KINDS, objects=(4, 6), difficulty="easy")
wide = lit(panorama)
window_scores = sliding_window_scores(classifier, wide, (14, 14), 2).detach()
print(f"{list(window_scores.shape)}: {window_scores[..., 0].numel()} windows")
top, bottom = (draw.panels(title, size=(40, 112)) for title in ("the scene", "1 - P(background)"))
draw.photo(top, wide)
draw.boxes(top, panorama.boxes, width=1.5)
draw.heat(bottom, 1 - window_scores[..., 0], extent=(6, 106, 34, 6))

# %% [markdown]
# In the map each pixel is a window, drawn where its middle lies. Each object has its bright spot.
# Now take the windows in which some class has a probability above 0.9:

# %% show=true
window_scores = sliding_window_scores(classifier, wide, (14, 14), 2).detach()
sure = window_scores[..., 1:].amax(dim=2) > 0.9
rows, cols = sure.nonzero().T
kinds = window_scores[rows, cols].argmax(dim=1)
fired = 2.0 * torch.stack([cols, rows, cols + 7, rows + 7], dim=1)
title = f"{len(fired)} windows: circle blue, triangle orange, cross purple"
ax = draw.panels(title, size=(40, 112))
draw.photo(ax, wide)
draw.boxes(ax, fired, colors=[["", "blue", "orange", "purple"][kind] for kind in kinds], width=1)

# %% [markdown]
# It works, and it shows everything that is wrong with it.
#
# - **Many answers for each object.** Neighbouring windows see nearly the same. Notebook 03 mends
#   that.
# - **All boxes are alike.** A window is 14 x 14, whatever the object is. Larger objects are found
#   in parts, or not at all; and no box fits. Notebook 02 mends that.
# - **It is slow.** Seven hundred windows for a picture as small as a stamp, one window size, and
#   stride 2.
#
# The last point is about the windows' *overlap*: two neighbours share most of their pixels, and the
# network computes the same things for both. The rest of this notebook removes that waste.

# %% [markdown]
# ## 7. A fully connected layer is a convolution
# A convolution does not care how large its input is. What ties a classifier to 14 x 14 pixels are
# its fully connected layers. But look at what one of their outputs is: all inputs, each times a
# weight, added up, plus a bias. And what is one output of a convolution? The pixels under a kernel,
# each times a weight, added up, plus a bias. If the kernel is as large as the *whole* input there
# is just one place for it, and the two are the same thing.
#
# **By hand.** An input of one channel, 2 x 2, and a linear layer with two outputs:

# %%
small_input = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
weight = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, -1.0]])  # a row for each output

# %% show=true
panels = draw.panels("input", "kernel of output 0", "kernel of output 1", size=(2, 2))
for ax, matrix in zip(panels, (small_input, *weight.view(2, 2, 2))):
    draw.numbers(ax, matrix)

# %% [markdown]
# As a linear layer: the input is flattened to (5, 6, 7, 8), and output 0 is 5 · 1 + 6 · 2 + 7 · 3 +
# 8 · 4 = 70. As a convolution: lay the kernel on the input, multiply what lies on top of each
# other, add up: the same four products. (As everywhere in deep learning, kernels are not flipped.)
#
# Only the *order* needs care. Flatten writes one channel after the other, each row by row. So
# weight number 0 of an output belongs to channel 0, row 0, column 0, and the order of the axes is
# **(C, H, W)**. For two channels of 2 x 3 the twelve weights of one output go here:

# %% show=true
order = torch.arange(12).view(2, 2, 3)
for ax, channel in zip(draw.panels("channel 0", "channel 1", size=(2, 3)), order):
    draw.numbers(ax, channel)

# %% [markdown]
# ### Exercise: `linear_to_conv` (2 points)
# Make an `nn.Conv2d` whose kernel is as large as the input, with one output channel for each output
# of the layer; stride 1 and no padding, as is the default. Then copy the weights in the right
# order, and the bias, if there is one. (`with torch.no_grad(): conv.weight.copy_(...)` copies; the
# layer itself stays as it is.) Make it of the layer's dtype: `.to(linear.weight)` does that. The
# error that the text names is a service to whoever calls it, and not graded.

# %% solution="linear_to_conv"

# %% check="linear_to_conv" points=2
check(linear_to_conv)

# %% [markdown]
# **Predict first.** What does your convolution say about an input that is *larger* than 2 x 2, say
# 3 x 4? An error, one number, or more? Decide, then run.

# %% show=true
layer = nn.Linear(4, 2, bias=False)
layer.weight.data = weight
larger_input = torch.arange(12.0).view(1, 1, 3, 4)
linear_to_conv(layer, (1, 2, 2))(larger_input).shape

# %% [markdown]
# Two outputs at 2 x 3 places: the layer has been applied to every 2 x 2 window. *That* is what we
# are after.
#
# Here is a layer whose weights are numbered, and where your convolution has each of them. **Predict
# first:** where does weight number 7 go, with two channels of 2 x 3, and where with three channels
# of 2 x 2? Then drag the window over the input, and make the input larger and smaller.

# %% show=true
widgets.FCToConv(linear_to_conv)

# %% [markdown]
# ### The other way
# There is a second way to see a linear layer in a convolution. Put the inputs behind one another,
# as *channels* of an image of 1 x 1 pixel. Then a kernel of 1 x 1 sees all of them at once. That is
# what the second and third fully connected layer need: their inputs are the outputs of the layer
# before, which now are channels.
#
# On a larger image, a 1 x 1 convolution is the same linear layer at each place by itself. It mixes
# channels, never neighbours.
#
# ### Exercise: `linear_to_pointwise` (1 point)
# You may call your `linear_to_conv`: what is (C, H, W) here?

# %% solution="linear_to_pointwise"

# %% check="linear_to_pointwise" points=1
check(linear_to_pointwise)

# %% [markdown]
# Both ways turn the same layer into a convolution. What differs is the shape in which it expects
# the numbers:

# %% show=true
layer = nn.Linear(12, 2)
numbers = torch.rand(1, 12)
whole = linear_to_conv(layer, (3, 2, 2))(numbers.view(1, 3, 2, 2))
behind_one_another = linear_to_pointwise(layer)(numbers.view(1, 12, 1, 1))
torch.stack([layer(numbers)[0], whole[0, :, 0, 0], behind_one_another[0, :, 0, 0]]).detach()

# %% [markdown]
# ## 8. All windows at once
# Now rewrite the whole classifier: what stands before Flatten stays, Flatten goes, the first linear
# layer becomes a convolution as large as the features that reach it, the others become 1 x 1.
#
# ### Exercise: `to_fully_convolutional` (3 points)
# The result is a new `nn.Sequential` and gives *logits* of shape [B, K, rows, columns]. The
# classifier that you are given must stay as it was; layers without linear weights may be shared. To
# know how large the features are, send an image of zeros of `in_shape`, in the dtype of the
# weights, through the layers before Flatten. Activations of any kind stay in their places. You may
# call your two functions from above.

# %% solution="to_fully_convolutional"

# %% check="to_fully_convolutional" points=3
check(to_fully_convolutional)

# %% show=true
to_fully_convolutional(classifier, (3, 14, 14))

# %% [markdown]
# **Predict first.** For an image of 14 x 14 it has one result for each class. For 16 x 16? For 28 x
# 28? Follow the sizes: a 5 x 5 convolution takes 4 off, pooling halves, the next 5 x 5 takes 4 off.
# Decide, then run.

# %% show=true
network = to_fully_convolutional(classifier, (3, 14, 14))
for side in (14, 16, 28):
    print(f"{side} x {side} gives", list(network(torch.zeros(1, 3, side, side)).shape))

# %% [markdown]
# 16 becomes 12, 6, then 2. And 28 becomes 24, 12, then 8. So the large image has 8 x 8 = 64
# results. Each of them sees a window of 14 x 14 pixels, and the next one sees the window *two*
# pixels on, because pooling halves the places: **the stride is the network's own**, and not ours to
# choose. That is what `count_positions` says, too: (28 - 14) // 2 + 1 = 8.
#
# Drag a window and see which output looks at it. **Predict first:** how many outputs does an image
# of 15 x 15 have, and one of 17 x 20? Then take the classifier whose convolution pads: about how
# many crops does the one pass say what the classifier says?

# %% show=true
big = {"part": "to_fully_convolutional", "at": [2, 3]}
widgets.FCToConv(linear_to_conv, to_fully_convolutional, linear_to_pointwise, state=big)

# %% [markdown]
# ### Exercise: `dense_scores` (1 point)
# One pass, then softmax over the classes, then the axes in the order of `sliding_window_scores`:
# [rows, cols, K]. Mind which axis holds the classes, and that `reshape` moves no axis.

# %% solution="dense_scores"

# %% check="dense_scores" points=1
check(dense_scores)

# %% [markdown]
# Does one pass over the wide scene really say what the loop said, for all windows?

# %% show=true
network = to_fully_convolutional(classifier, (3, 14, 14))
times = [time.perf_counter()]
looped = sliding_window_scores(classifier, wide, (14, 14), 2)
times.append(time.perf_counter())
at_once = dense_scores(network, wide)
times.append(time.perf_counter())
print(f"largest difference {(at_once - looped).abs().max():.1e}")
print(f"loop {times[1] - times[0]:.4f} s, one pass {times[2] - times[1]:.4f} s")

# %% [markdown]
# To the rounding. One condition is attached: no layer may **pad**. A layer that pads puts zeros
# around a window when the window is cut out, but the pass over the whole image has the window's
# true neighbours there. The results near the edges of a window then differ, and no one is "wrong":
# the network has merely seen something else.
#
# Here are the loop and the pass side by side, with a classifier so small that you can see what it
# looks for: something bright in the middle of a window, and nothing bright at its rim. **Predict
# first:** how many windows does a pixel in the middle of the image lie in, and one in its corner?
# What becomes of the loop's work with stride 1, and when is it no more than that of the pass? Then
# drag: the window, the squares, the stride.

# %% show=true
widgets.SlidingWindow(count_positions, sliding_window_scores, dense_scores, count_boxes)

# %% [markdown]
# ### Where the work goes
# The time above owes much to the loop being Python. What is saved *in principle*? Count the first
# convolution. A **step** is the kernel at one place. A window of 14 x 14 has room for a 5 x 5
# kernel at 10 x 10 places: 100 steps. The window two pixels to the right has 100 steps as well, and
# many of them lie at the very same places of the image. How many of the 100 steps does a window
# share with its neighbour two pixels to the right? How many with the one two pixels to the right
# and two down? Write two numbers (0.5 points).

# %% question="shared_steps"
shared_steps = None  # your answer, a list like [10, 20]

# %% check="shared_steps" points=0.5
check("shared_steps")

# %% [markdown]
# And altogether? How many steps of the first convolution does the loop over all windows need, and
# how many does one pass need? First for an image of 16 x 16, then for 28 x 28. Write four numbers:
# loop and pass for 16 x 16, loop and pass for 28 x 28 (0.5 points).

# %% question="convolution_steps"
convolution_steps = None  # your answer, a list like [10, 20, 30, 40]

# %% check="convolution_steps" points=0.5
check("convolution_steps")

# %% [markdown]
# Every place of the kernel, and how many windows need the step there. One pass does each of them
# once. On the left, the steps of the first window are marked.

# %%
def needed_by(count: int) -> Tensor:
    """Return for each place of the kernel how many of count x count windows need it."""
    each = torch.ones(1, 1, 10, 10)  # the steps of one window; windows are two pixels apart
    return F.conv_transpose2d(torch.ones(1, 1, count, count), each, stride=2)[0, 0]

# %% show=true
left, right = draw.panels("16 x 16: four windows", "28 x 28: 64 windows", size=(24, 24))
draw.numbers(left, needed_by(2), highlight=F.pad(torch.ones(10, 10), (0, 2, 0, 2)))
draw.heat(right, needed_by(8))
draw.boxes(right, torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10]]), colors=["orange", "red"])

# %% [markdown]
# In the middle of the larger image a step is needed by 25 windows, and the loop does it 25 times.
# (The orange square are the steps of one window, the red one those of the next.)
#
# ### And the whole network?
# Let us count multiplications, layer by layer. A convolution does as many for each of its outputs
# as its kernel has weights.

# %%
def multiplications(layers: nn.Sequential, x: Tensor) -> dict[str, int]:
    """Return the multiplications of each layer that has weights, for a batch x of one."""
    counts = {}
    for number, layer in enumerate(layers):
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            counts[f"{number} {type(layer).__name__}"] = x.numel() * layer.weight[0].numel()
    return counts

# %% show=true
network = to_fully_convolutional(classifier, (3, 14, 14))
one = multiplications(classifier, torch.zeros(1, 3, 14, 14))
for side, count in ((16, 4), (28, 64)):
    loop = {name: count * each for name, each in one.items()}
    dense = multiplications(network, torch.zeros(1, 3, side, side))
    print(f"{side} x {side}: {sum(loop.values()) / sum(dense.values()):.1f} times less")
    print(f"   loop     {sum(loop.values()):9,}", loop)
    print(f"   one pass {sum(dense.values()):9,}", dense)

# %% [markdown]
# Look at the lines for each layer. The first convolution is shared, and its work falls to less than
# a tenth. The layers that were fully connected cost *exactly* as much as before: each window has
# its own features, and nothing there overlaps.
#
# So how much is saved depends on where a network has its work. In the network of the slides, with
# two hidden layers of 400, most of it is in fully connected layers:

# %% show=true
slides = nn.Sequential(
    nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 400), nn.ReLU(),
    nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 4),
).requires_grad_(False)  # fmt: skip
loop = 64 * sum(multiplications(slides, torch.zeros(1, 3, 14, 14)).values())
converted = to_fully_convolutional(slides, (3, 14, 14))
dense = sum(multiplications(converted, torch.zeros(1, 3, 28, 28)).values())
print(f"loop {loop:,}, one pass {dense:,}: {loop / dense:.1f} times")

# %% [markdown]
# Hardly anything. Today's networks are the other way round: a deep stack of convolutions and one
# small layer at the end. There, sharing the stack is nearly everything, and this is the idea that
# you will meet again in Fast R-CNN (notebook 05): *compute the features of a picture once, then do
# little for each region*.

# %% [markdown]
# ## 9. In your own words (2 points)
# Somebody reads this notebook and says: "One pass scores all windows. So the 58 billion boxes are
# no problem any more, and we have a detector." Explain in four to six sentences what the pass saves
# and why. Which boxes does it try, and which of the 58 billion does it not? And what is still
# missing between its scores and a list of objects with boxes that fit?

# %% [markdown] written="what_one_pass_saves" points=2
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - Six tasks, six kinds of answers. Things are counted, stuff is not; panoptic segmentation labels
#   both.
# - A detector's answer has a *variable* number of outputs of two kinds, what and where. Name the
#   format of a box.
# - One object is easy: classification and regression with a multitask loss. Its weight balances two
#   units.
# - A window has (H - h) // s + 1 rows of places. All sizes together have H(H+1)/2 · W(W+1)/2 boxes,
#   58 billion at 800 x 600.
# - A linear layer is a convolution: with a kernel as large as its input, in the order (C, H, W), or
#   with 1 x 1 on channels.
# - Rewritten so, a classifier scores all windows of a larger image in one pass. What overlapping
#   windows share is computed once; what each has for itself is not saved. The stride is the
#   network's own.
#
# ## What the professionals' version looks like
# - **Nobody converts by hand.** Modern classifiers are built without Flatten: convolutions, then a
#   mean over all places, then one 1 x 1 layer. Leave out the mean, and it is fully convolutional.
# - **Several sizes.** OverFeat (2013), which made this idea known, ran the network on six scaled
#   copies of the picture, so that one window size served large and small objects, and regressed a
#   box at every place. Later detectors (notebook 05) let every place answer for several *anchor*
#   shapes, which is the same pass with more output channels.
# - **Finer than the stride.** A pooling of 2 halves the places. Some networks drop the stride and
#   spread the later kernels instead (*dilated* convolutions), which gives a score at every pixel.
# - **On a GPU** one large convolution runs far better than many small ones: a call costs some
#   microseconds whatever its size, and only a large one keeps thousands of cores busy. Seven
#   hundred calls against one is what made your loop slow. Where regions must be cut out after all,
#   they are stacked to one batch first.
#
# In the next notebook, somebody *proposes* where to look.
