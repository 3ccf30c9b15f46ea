# %% [markdown]
# # 07 · Heads for every task
# A detector says what is where, with boxes. Which *pixels* belong to the object, where its
# parts are, which way it faces: each of these needs only one more small network on the features
# of a region, a **head**. In this notebook you build two of them whole, from the target that they
# learn to the answer that they give in the image, and find the one recipe behind all heads.
#
# **When you are done, you can**
# - say what semantic, instance and panoptic segmentation, detection and keypoints keep of a
#   picture, and what each of them loses;
# - cut the masks that a mask head learns, write the head and its loss, and paste its masks back
#   into the image;
# - do the same for keypoints: targets, loss, decoding;
# - say why the classes of a mask do not compete, and why the bins of a keypoint do;
# - design a head for a task that nobody has thought of yet.
#
# **What you need:** crops of regions (02), region features (05), transposed convolution (06), and
# cross-entropy with softmax and with a sigmoid.
#
# **How long:** about two hours. There are nine exercises, a bonus, two questions and one answer in
# words: 20 points, 2 of them for the bonus.

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# Write the exercises with torch itself. `torchvision` has these very functions and the whole Mask
# R-CNN ready, so an answer that uses it, in any of the exercises, earns nothing.

# %%
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import NotAnswered, check, draw, given, widgets
from course.scenes import CATEGORIES, CLASSES, photograph, scene

# %% [markdown]
# One function of notebook 02 is used again: yours, if it passes its cases, or the course's.

# %% given="crop_and_resize"

# %% [markdown]
# ## 1. One picture, many tasks
# Here is a picture from the course's generator: two stars, of which one hides part of the other,
# and a circle, on sky, ground and a road.

# %%
two_stars = scene(11, (96, 128), objects=(3, 5))
height, width = two_stars.image.shape[1:]
names = [two_stars.names[label - 1] for label in two_stars.labels]
names

# %% [markdown]
# **Things** can be counted: stars, people, cars. **Stuff** cannot: sky, ground, grass, water. What
# do you want to know of a picture? There are four usual answers.

# %% show=true
left, right = draw.panels("detection", "semantic segmentation", size=(height, width))
draw.photo(left, two_stars.image)
places = ["bottom left", "top right", "bottom right"]
draw.boxes(left, two_stars.boxes, names, colors=["orange", "blue", "green"], places=places)
draw.segments(right, two_stars.semantic, CATEGORIES)

# %% [markdown]
# In a panoptic map each pixel has a category and, where it is a thing, the number of its instance.
# Both together make one picture:

# %%
def draw_panoptic(ax, category: Tensor, instance: Tensor) -> None:
    """Draw both maps [H, W] in one: things with their number, stuff without."""
    things = [int(category[instance == n][0]) for n in range(1, int(instance.max()) + 1)]
    names = [*CATEGORIES, "", *(f"{CATEGORIES[c]} #{n}" for n, c in enumerate(things, 1))]
    draw.segments(ax, torch.where(instance > 0, instance + len(CATEGORIES), category), names)

# %% show=true
left, right = draw.panels("instance segmentation", "panoptic segmentation", size=(height, width))
draw.photo(left, two_stars.image)
draw.masks(left, two_stars.masks, names, colors=["orange", "blue", "green"], alpha=0.8)
draw_panoptic(right, two_stars.semantic, two_stars.instance)

# %% [markdown]
# | task | what comes out | things | stuff |
# |---|---|---|---|
# | classification | one label for the whole image | | |
# | detection | a label and a box for each object | yes | no |
# | semantic segmentation | a label for each pixel, [H, W] | as pixels | as pixels |
# | instance segmentation | a label and a mask for each object, [N, H, W] | yes | no |
# | panoptic segmentation | a label *and* an instance for each pixel, [H, W] twice | yes | as pixels |
# | keypoints | P points for each object, [N, P, 3] | yes | no |
#
# Look at the two stars in each of the four pictures. In the semantic map they are a single
# patch: nobody can tell how many there are.
#
# > **Erratum.** The slide says that panoptic segmentation is instance segmentation which also
# > labels the pixels of each *thing*. What it adds is the **stuff**: instance segmentation has the
# > things already.

# %% [markdown]
# ### What is kept, what is lost
# A picture shows two sheep on grass, so close together that they touch. Four people want to know
# something:
#
# - **a** how many sheep are there?
# - **b** how much of the picture is grass?
# - **c** which pixels are the left sheep's?
# - **d** which pixels are sheep, no matter which?
#
# You have the output of *one* task and not the picture. Which of the four can be answered from
# it? Write the letters of each task in order, as a text such as `"ad"` (1 point).

# %% question="kept_by_tasks"
kept_by_tasks = {"semantic": None, "detection": None, "instance": None, "panoptic": None}  # texts

# %% check="kept_by_tasks" points=1
check("kept_by_tasks")

# %% [markdown]
# ### From one task to another
# Whoever has more can always throw something away. A panoptic map, for example, holds all that a
# detector gives: for each instance its label, and the box around its pixels. Here is one, small
# enough to do by hand. In the right map 0 means *no instance*.

# %%
small_category = torch.tensor([[7, 7, 7, 7, 7, 7], [7, 2, 2, 7, 5, 5],
                               [8, 2, 2, 2, 5, 8], [8, 8, 8, 2, 8, 8]])
small_instance = torch.tensor([[0, 0, 0, 0, 0, 0], [0, 4, 4, 0, 1, 1],
                               [0, 4, 4, 4, 1, 0], [0, 0, 0, 4, 0, 0]])

# %% show=true
left, right = draw.panels("category of each pixel", "instance of each pixel", size=(4, 6))
draw.numbers(left, small_category, highlight=small_instance > 0)
draw.numbers(right, small_instance, highlight=small_instance > 0)

# %% [markdown]
# Instance 1 has label 5. Its pixels are in columns 4 and 5 and in rows 1 and 2. Pixel number 5 is
# the stretch from 5 to 6, so its box ends at 6: **(4, 1, 6, 3)**. What is the box of instance 4,
# and what is its label? Write it down before you go on.
#
# ### Exercise: `instances_of` (1 point)
# Return the boxes and the labels of all instances, by rising number. Numbers may have gaps, an
# instance may be in several parts, and its box may hold pixels of others: its label is that of its
# *own* pixels. Boxes are float32.

# %% solution="instances_of"

# %% check="instances_of" points=1
check(instances_of)

# %%
instances_of(small_category, small_instance)

# %% [markdown]
# Instance 4 has label 2 and the box (1, 1, 4, 4). And the two stars?

# %% show=true
boxes, labels = instances_of(two_stars.semantic, two_stars.instance)
ax = draw.panels("what is left for a detector", size=(height, width))
draw.boxes(ax, boxes, [CATEGORIES[label] for label in labels], colors=["orange", "blue", "green"],
           places=places)

# %% [markdown]
# Boxes and labels are there. The sky, the ground, the road, the outlines and who is in front of
# whom are gone, and nobody can get them back from this.
#
# **Predict first.** Below, a star lies in front of another one. Which of the six answers know that
# a pixel in the front star's box belongs to the other one? Choose a task and drag the point. The
# boxes of detection are those of your function; the other examples are small maps for it.

# %% show=true
two = {"seed": 11, "difficulty": "medium", "most": 5, "task": "detection", "point": [100.0, 30.0]}
widgets.Tasks(instances_of, state=two)

# %% [markdown]
# ## 2. Mask R-CNN: a detector and one more head
# Faster R-CNN finds region proposals, cuts the features of each region out of the shared feature
# map, and has two outputs for each: a class and a refined box. **Mask R-CNN**
# (He and others, 2017) adds a third one beside them, a mask, and changes nothing else.

# %% show=true
blocks = {"image": (14, 20), "backbone": (50, 20), "proposals": (86, 6), "RoI align": (122, 20),
          "class": (164, 6), "box": (164, 20), "mask": (164, 34)}
arrows = [("image", "backbone"), ("backbone", "RoI align"), ("backbone", "proposals"),
          ("proposals", "RoI align"), *(("RoI align", name) for name in ("class", "box", "mask"))]
draw.flow(draw.wide((40, 180)), blocks, arrows, colors={"mask": "red"})

# %% [markdown]
# To add a head, one must answer four questions. We go through them in order:
#
# 1. **Target**: what should it say about a region?
# 2. **Network**: which layers turn the region's features into that?
# 3. **Loss**: how far is its answer from the target, and which regions count?
# 4. **Reading off**: what does its answer mean in the image?

# %% [markdown]
# ### The target of a region
# The ground truth has a mask of the whole image for each object. The head sees one region only,
# and gives 28 x 28 numbers. So its target is **the matched object's mask, cropped to the region
# and resized to 28 x 28**. It belongs to the region and not to the image: the same object has
# another target in each proposal around it.

# %%
astronaut = photograph("astronaut")
person = astronaut.names.index("person") + 1
mask = astronaut.masks[astronaut.labels == person]  # [1, H, W]
proposals = torch.tensor([[5.0, 4.0, 185.0, 256.0], [60.0, -10.0, 175.0, 130.0],
                          [110.0, 90.0, 256.0, 250.0]])

# %% show=true
ax = draw.panels("one person, three proposals", size=astronaut.image.shape[1:])
draw.photo(ax, astronaut.image)
draw.masks(ax, mask, colors="orange", alpha=0.4)
draw.boxes(ax, proposals, ["A", "B", "C"], colors=["blue", "red", "green"], style="--",
           places=["bottom left", "bottom right", "bottom right"])

# %% [markdown]
# **Predict first.** All three are matched with the person. Proposal C holds a shoulder, a part of
# the helmet and much background. What is its target: the whole person made small, the shoulder
# alone, or shoulder and helmet? Decide; you will see it after the exercise.
#
# **By hand.** `crop_and_resize` takes a value in the middle of each bin, between the four nearest
# pixels. Below is a mask of 6 x 6 pixels and the box (1, 1, 5, 5), to be resized to 2 x 2. The
# first bin reaches from 1 to 3 in both directions, so its middle is the corner point (2, 2), and
# the four pixels around it are those in rows 1 and 2 and columns 1 and 2. Their mean is
# (0 + 1 + 1 + 1) / 4 = 0.75. What are the other three, and which of the four become 1?

# %%
tiny = torch.tensor([[0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0],
                     [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]).bool()

# %% show=true
ax = draw.panels("a mask, and the box (1, 1, 5, 5)", size=(6, 6))
draw.numbers(ax, tiny.int(), highlight=tiny)
draw.boxes(ax, torch.tensor([[1.0, 1, 5, 5]]))

# %% [markdown]
# The shares are 0.75, 0.25, 0.5 and 0.25. One half is enough, so the target is 1, 0 in the upper
# row and 1, 0 in the lower one. Compare only *after* resizing: a mask that is made smaller by
# picking single pixels jumps about.
#
# ### Exercise: `mask_targets` (2 points)
# `gt_masks` [M, H, W] are True and False (or 1 and 0), `matches` [N] says for each box which of
# them is its object. A match of -1 means that there is none: the target is 0 everywhere. Call
# `crop_and_resize(image, boxes, size)` with an image of floats, [C, H, W], and with
# `size` = (height, width); it gives [N, C, h, w]. The result has the dtype of the boxes.

# %% solution="mask_targets"

# %% check="mask_targets" points=2
check(mask_targets)

# %%
mask_targets(tiny[None], torch.tensor([[1.0, 1, 5, 5]]), torch.tensor([0]), size=2)

# %% [markdown]
# And the three proposals of the astronaut:

# %% show=true
targets = mask_targets(mask, proposals, torch.tensor([0, 0, 0]))
panels = draw.panels("target of A", "target of B", "target of C", size=(28, 28))
for ax, target in zip(panels, targets):
    draw.photo(ax, target)

# %% [markdown]
# C learns *the part of its own object that is inside of it*. The helmet is another object: in this
# region it is background. And all targets are 28 x 28, whatever the shape of the box: the region is
# stretched, and the masks with it.

# %% [markdown]
# ### The network
# A box needs four numbers, which two linear layers can give. A mask has a place for each of its
# pixels, and a convolution keeps places. So the mask head is a small fully convolutional network,
# on features of 14 x 14 (the box head takes 7 x 7):
#
# | layer | output |
# |---|---|
# | features of the region | [N, C, 14, 14] |
# | four times: 3x3 convolution, padding 1, then ReLU | [N, hidden, 14, 14] |
# | 2x2 transposed convolution, stride 2, then ReLU | [N, hidden, 28, 28] |
# | 1x1 convolution, *no ReLU* | [N, K, 28, 28] |
#
# What comes out are **logits**, one map for each of the K classes, and none for background. How
# much does it cost? With C = hidden = 256 and K = 80 the convolutions have 256 · 256 · 9 weights
# each, the transposed one 256 · 256 · 4, the last 256 · 80, and each has biases.

# %%
4 * (256 * 256 * 9 + 256) + (256 * 256 * 4 + 256) + (256 * 80 + 80)

# %% [markdown]
# 2.6 million. A linear layer from the 14 x 14 features to 80 masks of 28 x 28 would have three
# *billion* weights, and it would have to learn each shape anew at each place.
#
# ### Exercise: `MaskHead` (2 points)
# Write the module: layers in `__init__`, their order in `forward`. Remember that a plain Python
# list hides its layers from PyTorch: make them attributes, or use `nn.Sequential` or
# `nn.ModuleList`. All layers have a bias, as they have unless you say otherwise.

# %% solution="MaskHead"

# %% check="MaskHead" points=2
check(MaskHead)

# %%
MaskHead(in_channels=8, num_classes=3, hidden=16)(torch.zeros(2, 8, 14, 14)).shape

# %% [markdown]
# ### The loss, and why classes do not compete
# In the networks of notebook 06 a pixel has K logits, and a softmax makes them compete: what one
# class gains, the others lose. Mask R-CNN leaves that question to the class head, which has seen
# the whole region. The masks answer a smaller one: **if this is a star, which of its pixels are
# star?** So
#
# - each class has its own mask, with a sigmoid for each pixel;
# - for a region whose object has label l, *only* the mask of class l is compared with the target.
#   There is no mask of background, so label l has channel l - 1;
# - the masks of all other classes are asked nothing, and their gradient is 0;
# - regions of background (label 0) and neutral ones (-1) have no mask to learn at all.
#
# With z the logits in that channel, t the target, and over all pixels of the positive regions:
#
# **loss = mean of  -t · log(sigmoid(z)) - (1 - t) · log(1 - sigmoid(z))**
#
# **By hand.** A region of 1 x 2 pixels with label 2 of K = 2 classes; the target is (1, 0).
#
# | | left pixel | right pixel |
# |---|---|---|
# | logit of class 1 | 5 | 5 |
# | logit of class 2 | 2 | -2 |
# | target | 1 | 0 |
#
# Class 2 says sigmoid(2) = 0.88 on the left, where it should say 1, and sigmoid(-2) = 0.12 on the
# right, where it should say 0. Both pixels cost -log 0.88 = 0.127, so the loss is 0.127.
#
# **Predict first.** Class 1 shouts 5 at both pixels. What would the loss be if the two classes
# shared a softmax: smaller, the same, or much larger? Decide, then run.

# %%
two_masks = torch.tensor([[[[5.0, 5.0]], [[2.0, -2.0]]]])  # [N, K, H, W]
target = torch.tensor([[[1.0, 0.0]]])
own, shared = two_masks.sigmoid()[:, 1], two_masks.softmax(dim=1)[:, 1]
[F.binary_cross_entropy(chance, target).item() for chance in (own, shared)]

# %% [markdown]
# About twelve times as large, though the mask of class 2 is good: the softmax would punish it for
# what another class says. In the paper, too, a softmax in the place of the sigmoids costs more than
# five points of mask AP.
#
# A last trap: a float32 sigmoid of 20 *is* 1, and log(1 - 1) is infinite. Go from the logits to
# the loss in one step: `F.binary_cross_entropy_with_logits` does, and so does the formula
# max(z, 0) - t z + log(1 + exp(-|z|)).
#
# ### Exercise: `mask_loss` (2 points)
# Logits [N, K, H, W], targets [N, H, W], labels [N]; H and W are 28 in Mask R-CNN, and smaller in
# some of the cases. Where no region is positive the loss is 0, and still one must be able to call
# `backward` on it: let the 0 come out of the logits, such as the sum of nothing.

# %% solution="mask_loss"

# %% check="mask_loss" points=2
check(mask_loss)

# %%
mask_loss(two_masks, target, torch.tensor([2]))

# %% [markdown]
# ### Does it learn?
# Let us train your head on the objects of one scene. Its features are simply the colours of the
# region: a backbone would give it much better ones. Each object is seen in 6 proposals around it.

# %%
lesson = scene(7, (96, 128), objects=(3, 5))
generator = torch.Generator().manual_seed(0)
size = (lesson.boxes[:, 2:] - lesson.boxes[:, :2]).repeat(6, 2)
jitter = 0.3 * torch.rand(size.shape, generator=generator) - 0.15
around = lesson.boxes.repeat(6, 1) + jitter * size
object_of = torch.arange(len(lesson.boxes)).repeat(6)

# %%
@cache  # it is trained once: run this cell again when you have changed an answer
def trained_head() -> tuple[nn.Module, list[float]]:
    """Return your head after 50 steps, and the loss in each."""
    targets = mask_targets(lesson.masks, around, object_of)
    torch.manual_seed(0)
    head = MaskHead(3, len(CLASSES), hidden=16)
    optimizer, history = torch.optim.Adam(head.parameters(), lr=0.01), []
    for _ in range(50):
        logits = head(crop_and_resize(lesson.image, around, (14, 14)) * 4 - 2)
        loss = mask_loss(logits, targets, lesson.labels[object_of])
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        history.append(loss.item())
    return head, history

# %% show=true
_, history = trained_head()
f"loss: {history[0]:.2f} at the start, {history[-1]:.2f} at the end"

# %% [markdown]
# At the start the loss is about log 2 = 0.69, as always when a yes-or-no question is answered with
# one half. Now look at two of the objects, and for each at *two* channels: the one that was taught
# with it, and another.

# %%
def what_it_says() -> Tensor:
    """Return the probabilities of all classes' masks in the five boxes, [5, K, 28, 28]."""
    with torch.no_grad():
        head, _ = trained_head()
        return head(crop_and_resize(lesson.image, lesson.boxes, (14, 14)) * 4 - 2).sigmoid()

# %% show=true
chances = what_it_says()
crops = crop_and_resize(lesson.image, lesson.boxes, (28, 28))
for name in ("ring", "triangle"):
    n = int((lesson.labels == CLASSES.index(name) + 1).nonzero()[0])
    panels = draw.panels(f"a {name}", "mask of class ring", "mask of class triangle", size=(28, 28))
    draw.photo(panels[0], crops[n])
    draw.photo(panels[1], chances[n, CLASSES.index("ring")])
    draw.photo(panels[2], chances[n, CLASSES.index("triangle")])

# %% [markdown]
# White is 1, black is 0. In its own channel each is cut out well. What the *other* channel says is
# anybody's guess: nobody has ever compared it with anything for such a region. That does no harm,
# since nobody asks: at test time the class head picks the channel.

# %% [markdown]
# ### Back into the image
# At test time the mask head runs last, on the final boxes, after NMS: a hundred boxes and not a
# thousand proposals. Its 28 x 28 probabilities span the box. For a pixel of the image, where in
# the mask is it? The centre of column 3 is at x = 3.5. The box from x1 to x2 is 28 cells wide, and
# the centre of cell j lies at j + 0.5. So the pixel lies at cell
#
# **u = (x - x1) / (x2 - x1) · 28 - 0.5**
#
# that is, between the cells below and above u: interpolate, in both directions. At the rim u can
# be below 0 or above 27: there is no further cell, and the mask goes on with its last one.
#
# **By hand.** A row of 4 cells, 0.2, 0.6, 1.0, 0.4, in a box from 2 to 10. Pixel 3, with centre
# 3.5, is at u = 1.5 / 8 · 4 - 0.5 = 0.25: a quarter of the way from cell 0 to cell 1, so its value
# is 0.75 · 0.2 + 0.25 · 0.6 = 0.3. Pixel 2 is at u = -0.25, before the first cell: 0.2. What is
# the value of pixel 5? (u = 1.25, so 0.75 · 0.6 + 0.25 · 1.0 = 0.7.)
#
# ### Exercise: `paste_masks` (2 points)
# Set the pixels whose centre lies in the box, x1 <= x < x2 and y1 <= y < y2, and whose value is at
# least `threshold`. Boxes may reach beyond the image: the mask still spans the *whole* box. Masks
# are square, 28 x 28 or, in some of the cases, smaller. The result is bool, [N, H, W].

# %% solution="paste_masks"

# %% check="paste_masks" points=2
check(paste_masks)

# %% [markdown]
# What did your head learn? The masks of all five objects in the channels of their classes, pasted
# where their boxes are.

# %% show=true
own = what_it_says()[torch.arange(5), lesson.labels - 1]
titles = ["threshold 0.05", "threshold 0.5", "threshold 0.95"]
for ax, threshold in zip(draw.panels(*titles, size=(96, 128)), (0.05, 0.5, 0.95)):
    draw.photo(ax, lesson.image.mean(dim=0))
    draw.masks(ax, paste_masks(own, lesson.boxes, (96, 128), threshold), alpha=0.7)
    draw.boxes(ax, lesson.boxes, colors="black", width=1)

# %% [markdown]
# There and back on an image of 40 x 30 pixels: a box on an object, the target of its region, what
# a head that is not quite sure might say (the target, blurred), and the mask that is pasted.
#
# **Predict first.** Which way does the outline move when the threshold falls from 0.5 to 0.2, and
# what becomes of the hole in the handle? And if the box cuts the cup in half, can any threshold
# bring the other half back? Then drag.

# %% show=true
widgets.Mask(mask_targets, paste_masks)

# %% [markdown]
# ### How much does 28 x 28 lose?
# **Predict first.** Take the person's *true* mask, make a target of it, paste that back, and
# compare it with what you had by IoU. The person is 160 x 250 pixels large. Which size of target,
# 7, 14, 28 or 56, is needed for an IoU of 0.95? Decide, then run.

# %%
box = astronaut.boxes[astronaut.labels == person]

# %% show=true
sizes, ious = [3, 5, 7, 10, 14, 20, 28, 40, 56], []
for n in sizes:
    target = mask_targets(mask, box, torch.tensor([0]), size=n)
    pasted = paste_masks(target, box, mask.shape[1:])
    ious.append(float((pasted & mask).sum() / (pasted | mask).sum()))
ax = draw.chart("cells of the target in each direction", "IoU with the true mask")
ax.plot(sizes, ious, "o-", label="true mask, target, pasted")
ax.axhline(0.95, color="black", linestyle=":", label="0.95")
ax.set_xticks([7, 14, 28, 56])
draw.legend(ax)

# %% [markdown]
# 14 falls a little short, 28 does it, and 56 gains little more, though it costs four times as much.
# For an outline without thin parts 28 is enough. A bicycle's spokes, or the fingers of a person who
# fills the image, are lost.

# %% [markdown]
# ## 3. Keypoints: the same with points
# Where are the eyes, the shoulders, the knees? A **keypoint** of an object is (x, y, v): v is 0 if
# nobody knows where it is (then x and y mean nothing), 1 if it is marked but hidden, and 2 if it
# is marked and visible. A person in COCO has P = 17 of them. Here are five: nose, eyes and ears.
# Filled dots are visible, hollow ones hidden: the ears, under the hair.

# %%
face = torch.tensor([[80.0, 10.0, 145.0, 75.0]])
points = astronaut.keypoints[astronaut.labels == person]  # [1, 5, 3]
points

# %% show=true
ax = draw.panels("five keypoints of one region", **draw.around(face))
draw.photo(ax, astronaut.image)
draw.boxes(ax, face)
draw.keypoints(ax, points)

# %% [markdown]
# One could let a linear layer guess x and y. Mask R-CNN does better, with a network like the mask
# head: for **each keypoint one map of 56 x 56 bins** over the region, and the question *in which
# bin is it?*
#
# ### The target
# A keypoint is in exactly one bin. So its target is not a map of yes and no but a single number,
# the index of its bin, counted row by row: **bin = row · size + column**.
#
# **By hand.** The box (10, 20, 66, 48) is 56 wide and 28 high. With 4 x 4 bins a bin is 14 wide
# and 7 high. The keypoint (53, 28) lies 43 to the right of the box's left edge, 43 / 14 = 3.07,
# so in column 3; and 8 below its upper edge, 8 / 7 = 1.14, so in row 1. Bin 1 · 4 + 3 = 7. In
# which bin is (24, 47)? It is on the border of columns 0 and 1, and a border belongs to the bin
# that begins there.

# %% show=true
ax = draw.panels("16 bins in the box (10, 20, 66, 48)", size=(40, 70), origin=(3, 14))
columns, rows = 10 + 14 * (torch.arange(16) % 4), 20 + 7 * (torch.arange(16) // 4)
cells = torch.stack([columns, rows, columns + 14, rows + 7], dim=1).float()
draw.boxes(ax, cells, colors="grey", width=1)
draw.boxes(ax, torch.tensor([[10.0, 20, 66, 48]]))
for n, (x1, y1, _, _) in enumerate(cells.tolist()):
    ax.text(x1 + 13, y1 + 1, str(n), va="top", ha="right", color="grey")
draw.points(ax, [(53, 28, "(53, 28)"), (24, 47, "(24, 47)")])

# %% [markdown]
# (24, 47) is in column 14 / 14 = 1 and row 27 / 7 = 3.86, rounded down 3: bin 13.
#
# The right edge needs care. A keypoint at x = 66 would be in column 4, which does not exist. The
# edges belong to the box, so it goes into the last one.
#
# ### Exercise: `keypoint_targets` (2 points)
# Return the bins [N, P] and, as bool [N, P], which of them are **valid**: keypoints with v > 0
# that lie in the box. In a box without width or height none is. Let the bins of all others be 0.

# %% solution="keypoint_targets"

# %% check="keypoint_targets" points=2
check(keypoint_targets)

# %%
keypoint_targets(torch.tensor([[[53.0, 28, 2], [24, 47, 1], [66, 48, 2], [30, 30, 0]]]),
                 torch.tensor([[10.0, 20, 66, 48]]), size=4)

# %% [markdown]
# ### The loss, and why bins do compete
# A pixel can be star or not whatever its neighbour is. But a nose is in *one* bin: if it is here,
# it is not there. That is a choice among 3136 answers, so the bins of a map share a **softmax**,
# and the loss is the cross-entropy with the true bin. The maps of different keypoints do not
# compete: each has its own softmax.
#
# | | mask | keypoint |
# |---|---|---|
# | the question | which pixels? any number of them | which bin? exactly one |
# | compete | nobody: a sigmoid for each pixel | the bins of a map: one softmax |
# | the loss compares | the map of the true class | the maps of all valid keypoints |
# | mean over | the pixels of the positives | the valid keypoints |
#
# **By hand.** A network that knows nothing gives equal logits. What does it pay for a map of
# 2 x 2 bins? Each bin has probability 1/4, whichever is right: -log(1/4) = 1.39. And for 56 x 56?
# -log(1/3136) = 8.05. If your loss starts far from that, something is wrong.
#
# ### Exercise: `keypoint_loss` (1 point)
# Logits [N, P, H, W], 56 x 56 bins or, in some of the cases, fewer. The mean is over the valid
# keypoints of *all* regions together. Where none is valid it is 0, and has a graph.

# %% solution="keypoint_loss"

# %% check="keypoint_loss" points=1
check(keypoint_loss)

# %% show=true
nothing_known = torch.zeros(1, 1, 56, 56)
keypoint_loss(nothing_known, torch.tensor([[123]]), torch.tensor([[True]]))

# %% [markdown]
# ### Reading off
# The way back: the most likely bin, and of that bin the **centre**, turned into coordinates of the
# image. The third number is the bin's probability, from the softmax over the map.
#
# **By hand.** The box is again (10, 20, 66, 48) with 4 x 4 bins, and bin 7 is best: row 1,
# column 3. Its centre is 3.5 bins to the right, x = 10 + 3.5 · 14 = 59, and 1.5 down,
# y = 20 + 1.5 · 7 = 30.5. The keypoint was at (53, 28): six pixels are lost, since a bin is
# 14 wide.
#
# ### Exercise: `decode_keypoints` (1 point)
# Return [N, P, 3]: x, y, probability. Of equally likely bins the first counts.

# %% solution="decode_keypoints"

# %% check="decode_keypoints" points=1
check(decode_keypoints)

# %% show=true
sure = torch.zeros(1, 1, 16)
sure[0, 0, 7] = 5.0
decode_keypoints(sure.reshape(1, 1, 4, 4), torch.tensor([[10.0, 20, 66, 48]]))

# %% [markdown]
# ### How much do the bins lose?
# **Predict first.** A person 280 pixels high, 56 bins: a bin is 5 pixels high. The answer is the
# centre of the right bin. How far is it from the keypoint at worst, and on average? Decide, then
# run.

# %%
generator = torch.Generator().manual_seed(1)
tall = torch.tensor([[0.0, 0.0, 280.0, 280.0]])
many = torch.cat([280 * torch.rand(1, 2000, 2, generator=generator), torch.ones(1, 2000, 1)], dim=2)

# %% show=true
sizes, errors = [7, 14, 28, 56], []
for n in sizes:
    bins, valid = keypoint_targets(many, tall, size=n)
    perfect = 50 * F.one_hot(bins, n * n).float().reshape(1, -1, n, n)
    errors.append((decode_keypoints(perfect, tall)[0, :, 1] - many[0, :, 1]).abs())
for n, error in zip(sizes, errors):
    print(f"{n:2} bins of {280 / n:4.1f} pixels: {error.max():5.2f} at worst, {error.mean():.2f} on average")

# %% [markdown]
# Half a bin at worst and a quarter on average, in each direction: 1.25 pixels at 56 bins. That is
# why the keypoint head has twice the resolution of the mask head: an outline that is off by a
# pixel is still a good mask, but an eye that is off by five pixels is on the cheek.
#
# The five keypoints of the face, through their targets and back, with 8 and with 28 bins:

# %% show=true
titles = ["8 bins", "28 bins"]
for ax, n in zip(draw.panels(*titles, **draw.around(face)), (8, 28)):
    bins, valid = keypoint_targets(points, face, size=n)
    perfect = 50 * F.one_hot(bins, n * n).float().reshape(1, -1, n, n)
    found = decode_keypoints(perfect, face)[0]
    draw.photo(ax, astronaut.image)
    draw.keypoints(ax, points)
    for (x, y, _), (true_x, true_y, _) in zip(found.tolist(), points[0].tolist()):
        ax.plot([x, true_x], [y, true_y], color="black")
        ax.plot(x, y, "x", color="red", markersize=9, markeredgewidth=2.5)

# %% [markdown]
# Dots are the keypoints, crosses what comes back.
#
# Now by yourself. **Predict first.** If you drag a keypoint slowly to the right, how does its cross
# move? And if you make the box larger, do the crosses come nearer to their dots, or not? Then look
# at "two equal peaks": which of the two does your function take?

# %% show=true
widgets.Keypoints(keypoint_targets, decode_keypoints)

# %% [markdown]
# ## 4. Bonus: things and stuff together
# Panoptic segmentation wants *one* answer for each pixel. Two networks offer one: a semantic
# segmentation labels all pixels, stuff and things, and Mask R-CNN gives masks of things, which
# overlap. Merge them, greedily like NMS:
#
# 1. Take the instances by falling score. Each takes the pixels of its mask that are **still free**.
# 2. If those are fewer than `min_area`, it takes none, and gets no number: what is left of it is
#    too little to be believed.
# 3. Accepted instances are numbered 1, 2, 3, ... as they come. Their pixels get their label.
# 4. Every other pixel keeps what the semantic map says, and has instance 0.
#
# **By hand.** Three masks over a row of 8 pixels whose semantic category is 7, with scores .9 for
# A, .8 for B and .7 for C, labels 1, 2, 1, and `min_area` 2.
#
# | pixel | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
# |---|---|---|---|---|---|---|---|---|
# | A (.9, label 1) | | x | x | x | | | | |
# | B (.8, label 2) | | | x | x | x | | | |
# | C (.7, label 1) | | | | | x | x | x | |
# | category | 7 | 1 | 1 | 1 | 1 | 1 | 1 | 7 |
# | instance | 0 | 1 | 1 | 1 | 2 | 2 | 2 | 0 |
#
# B would get pixel 4 only: too little. So pixel 4 is still free for C, which becomes number *2*.
#
# ### Exercise: `panoptic_merge` (bonus, 2 points)
# `semantic` [H, W], `masks` [N, H, W], `scores` [N], `labels` [N]. Of equal scores the lower index
# comes first. Do not write into the semantic map that you were given.

# %% solution="panoptic_merge"

# %% check="panoptic_merge" points=2
check(panoptic_merge)

# %%
row_masks = torch.tensor([[[0, 1, 1, 1, 0, 0, 0, 0]], [[0, 0, 1, 1, 1, 0, 0, 0]],
                          [[0, 0, 0, 0, 1, 1, 1, 0]]]).bool()

# %%
panoptic_merge(torch.full((1, 8), 7), row_masks, torch.tensor([0.9, 0.8, 0.7]),
               torch.tensor([1, 2, 1]), 2)

# %% [markdown]
# In a picture: your head's masks on the scene that it was trained on, and a semantic map that
# knows only stuff. The scores are made up. Where two masks overlap, the surer one has the pixel.

# %% show=true
stuff = torch.where(lesson.instance > 0, lesson.semantic.mode(dim=1, keepdim=True).values,
                    lesson.semantic)
own = what_it_says()[torch.arange(5), lesson.labels - 1]
pasted = paste_masks(own, lesson.boxes, (96, 128))
scores = torch.linspace(0.9, 0.6, len(pasted))
category, instance = panoptic_merge(stuff, pasted, scores, lesson.labels, 20)
left, right = draw.panels("masks and their scores", "merged", size=(96, 128))
draw.photo(left, lesson.image.mean(dim=0))
draw.masks(left, pasted, [f"{score:.2f}" for score in scores])
draw_panoptic(right, category, instance)

# %% [markdown]
# ## 5. One recipe for all heads
# Compare what you have built with what Faster R-CNN had already:
#
# | head | output | target of a region | who counts | loss | reading off |
# |---|---|---|---|---|---|
# | class | [N, K+1] | class of its object, or 0 | all but neutral | cross-entropy | best class |
# | box | [N, K, 4] | transform to its object's box | positives, true class | smooth L1 | decode |
# | mask | [N, K, 28, 28] | its object's mask in the region | positives, true class | binary cross-entropy | paste |
# | keypoint | [N, P, 56, 56] | bins of its object's keypoints | positives, valid keypoints | cross-entropy | decode |
#
# The columns are the recipe. **A head for a new task: say what comes out for a region, make that
# target from the object that the region is matched with, decide which regions count, choose the
# loss for such a target, add it to the others, and turn the answer back into the image's terms.**
# Backbone, proposals and the other heads stay as they are. Heads do not see each other's
# output: they share the region's features, and train the backbone together.

# %% show=true
outputs = ["class [N, K+1]", "box [N, K, 4]", "mask [N, K, 28, 28]", "keypoint [N, P, 56, 56]",
           "your head [N, ?]"]
blocks = {"proposals": (24, 26), "feature map": (24, 46), "RoI align": (82, 36)}
blocks |= {name: (150, 8 + 14 * n) for n, name in enumerate(outputs)}
arrows = [("proposals", "RoI align"), ("feature map", "RoI align")]
arrows += [("RoI align", name) for name in outputs]
draw.flow(draw.wide((72, 180)), blocks, arrows, size=(44, 10), colors={"your head [N, ?]": "red"})

# %% [markdown]
# ### Which head for which task?
# One network has these outputs. N regions, 20 classes of things, 17 keypoints of persons; the last
# output comes from the whole feature map, as in notebook 06, and knows 20 things, 5 kinds of stuff
# and *unlabelled*:
#
# | | output |
# |---|---|
# | **A** | [N, 21] |
# | **B** | [N, 20, 4] |
# | **C** | [N, 20, 28, 28] |
# | **D** | [N, 17, 56, 56] |
# | **E** | [26, H, W] |
#
# Which of them does each goal need, if nothing is to be computed in vain? Goals: `detect` objects;
# cut out `instances`; find the `poses` of persons; find `poses and masks`; a `panoptic` map. Write
# the letters in order, as a text (1 point).

# %% question="heads_for_tasks"
heads_for_tasks = {"detect": None, "instances": None, "poses": None, "poses and masks": None,
                   "panoptic": None}  # texts

# %% check="heads_for_tasks" points=1
check("heads_for_tasks")

# %% [markdown]
# ### All losses together
# The whole network is trained with one number. In Mask R-CNN it is the plain sum of the heads'
# losses (and of the RPN's two). Weights are needed where one loss is much larger than the others,
# and drowns them. Remember the 8.05 of an untrained keypoint head, and the 0.69 of a mask head.
#
# **By hand.** Losses: class 0.5, mask 0.7, keypoint 8. Weights: keypoint 0.1, and none for the
# others. A weight that is missing is 1: 0.5 + 0.7 + 0.1 · 8 = 2.
#
# ### Exercise: `multi_head_loss` (1 point)
# Two dicts, by the names of the heads: losses (tensors) and weights (numbers). Return the weighted
# *sum*, through which every head learns. A weight of 0 switches a head off; a weight for a head
# that has no loss in this batch changes nothing; without any loss the sum is 0.

# %% solution="multi_head_loss"

# %% check="multi_head_loss" points=1
check(multi_head_loss)

# %% show=true
heads = {"class": torch.tensor(0.5), "mask": torch.tensor(0.7), "keypoint": torch.tensor(8.0)}
multi_head_loss(heads, {"keypoint": 0.1})

# %% [markdown]
# Why the sum, and not the mean? With the mean, each new head would make all the others learn more
# slowly, and nobody who adds one expects that.

# %% [markdown]
# ## 6. In your own words (2 points)
# A team has a Mask R-CNN for traffic scenes. It should now say as well, for each car, **in which of
# 8 directions it drives** (the annotations have it for every car). Describe the head that you
# would add: what comes out of it, what is its target and for which regions, which loss, and how is
# the answer read off at test time? What happens to the rest of the network? Four to six
# sentences.

# %% [markdown] written="a_new_head" points=2
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - Detection loses outlines and stuff, semantic segmentation loses who is who, instance
#   segmentation loses stuff; panoptic segmentation keeps all of them: things **and** stuff.
# - Mask R-CNN is Faster R-CNN with one more head. Targets are cut from the ground truth for each
#   *region*: the matched object's mask, cropped, resized, at least one half.
# - The mask head is a small fully convolutional network. Each class has a mask, and only that of
#   the true class is asked: the class head decides what it is, so masks need not compete.
# - Pixel centres are at halves, cells too. The mask spans the box, not the part of it that is in
#   the image.
# - A keypoint is a choice of one bin: softmax over the map, cross-entropy. Bins cost a quarter of a
#   bin on average.
# - Every head follows one recipe: output, target, who counts, loss, reading off. The losses are
#   added up.
#
# ## What the professionals' version looks like
# - **All masks at once.** Instead of a loop over boxes, all N masks are looked up in one call of
#   `F.grid_sample`, N x H x W values. For a hundred boxes in a large image that is a lot of memory,
#   so libraries work on a few boxes at a time on a GPU, and on a CPU box by box, inside each box's
#   own rectangle only.
# - **The mask head runs on few regions.** In training on the positives only, a quarter of the
#   sampled ones at most; at test time on the boxes that are left after NMS. It would otherwise be
#   the most expensive part of the network: compare its 28 x 28 with the 7 x 7 of the box head.
# - **Only the channel that is asked.** At test time the last layer could compute all K masks; only
#   one of them is kept.
# - **Better than bins.** Keypoint heads of today fit a parabola to the best bin and its neighbours
#   and find the place to a fraction of a bin; Mask R-CNN's own code enlarges each map to the size
#   of the box with bicubic interpolation, and takes the best *pixel*.
# - **Borders.** Newer mask heads (PointRend) look again at the pixels near the outline, where
#   28 x 28 is too coarse, and leave the rest alone.
#
# In the last notebook your parts become one network: a Mask R-CNN of your own.
