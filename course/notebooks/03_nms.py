# %% [markdown]
# # 03 · Overlap and non-maximum suppression
# A detector never answers once. It fires on every window that looks enough like an object, and
# around each object there are many such windows. In this notebook you write the two functions
# that turn this heap of boxes into one box for each object. Nearly every detector ends with them.
#
# **When you are done, you can**
# - read a box in each of the three common formats, and say how large it is;
# - compute how much two boxes overlap (IoU), also where they do not overlap at all;
# - say when a detection counts as right;
# - write non-maximum suppression (NMS), and run it class by class;
# - choose its threshold, and say what a wrong choice costs.
#
# **What you need:** tensors in PyTorch (indexing, broadcasting, `argsort`). If you have never
# written `a[:, None]`, read about broadcasting first.
#
# **How long:** about 75 minutes. There are four exercises, a bonus, two questions and one answer
# in words: 16 points, 2 of them for the bonus.
#
# > **Erratum.** Two slides disagree on when a detection is a match: one says IoU >= 0.5, the
# > other IoU > 0.5. This course uses **>=** to match, as COCO does. NMS is another matter: it
# > drops a box when its IoU is **strictly greater** than the threshold.

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# Write the exercises with torch itself. `torchvision` has these very functions ready, so an answer
# that uses it, in any of the five exercises, earns nothing.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor

from course import NotAnswered, check, draw, widgets

# %% [markdown]
# ## 1. One object, many answers
# Here is about the simplest detector there is. It looks for bright squares of 20 x 20 pixels: the
# score of a window is the mean brightness inside. The image has two such squares and some noise.

# %%
generator = torch.Generator().manual_seed(3)
image = 0.25 * torch.rand(60, 90, generator=generator)
image[14:34, 16:36] += 0.7
image[24:44, 50:70] += 0.6
score_map = F.avg_pool2d(image[None], kernel_size=20, stride=2)[0]

# %% [markdown]
# On the right, each pixel is the score of the window that is centred there. Look at the peaks: do
# they stand alone, or do their neighbours score nearly as high?

# %% show=true
left, right = draw.panels("image", "score of the window around each point", size=(60, 90))
draw.photo(left, image)
draw.heat(right, score_map, extent=(9, 81, 51, 9))

# %% [markdown]
# A window moved by two pixels still sees 90% of the object, so its score is still high. Now call
# every window with a score above 0.6 a detection.

# %%
rows, columns = (score_map > 0.6).nonzero().unbind(dim=1)
detections = torch.stack([columns, rows, columns + 10, rows + 10], dim=1) * 2.0
detection_scores = score_map[rows, columns]
len(detections)

# %% show=true
ax = draw.panels(f"{len(detections)} detections, 2 objects", size=(60, 90))
draw.photo(ax, image)
draw.boxes(ax, detections, colors="orange", width=1.2)

# %% [markdown]
# A real detector does the same, for the same reason: neighbouring windows (or anchors) see nearly
# the same pixels. Taking the single best window would lose the second object. We need a rule
# that says *these two boxes are about the same object*, and for that a measure of overlap.

# %% [markdown]
# ## 2. Boxes
# Three ways to write a box are common:
#
# | name | numbers | used by |
# |---|---|---|
# | **xyxy** | left, top, right, bottom | torchvision, this course |
# | **xywh** | left, top, width, height | COCO's annotation files |
# | **cxcywh** | centre x, centre y, width, height | the regression part of most detectors |
#
# x runs to the right and y runs *down*.
#
# > **Erratum.** The slides write (x, y, w, h) and mean a corner in some places and the centre in
# > others. Four numbers do not say what they are: this course names the format each time.

# %% show=true
ax = draw.panels("one box: xyxy (20, 10, 60, 40)", size=(52, 84))
draw.boxes(ax, torch.tensor([[20.0, 10.0, 60.0, 40.0]]))
draw.points(ax, [(20, 10, "x1, y1"), (60, 40, "x2, y2"), (40, 25, "cx, cy")])
draw.arrow(ax, (20, 46), (60, 46), "w = 40")
draw.arrow(ax, (67, 10), (67, 40), "h = 30")

# %% [markdown]
# Coordinates are continuous: pixel number 3 is the stretch from 3 to 4. A box from 20 to 60 is
# 40 wide. Older code (the one that came with Pascal VOC, for example) takes corners for pixel
# *numbers*, counts both ends, and adds 1. Mixed with the other convention, that shifts every
# overlap a little, most for small objects. Here nothing is added.
#
# ### Exercise: `box_area` (1 point)
# Write the area of each box. `boxes` has shape [N, 4]; the result has shape [N].

# %% solution="box_area"

# %% check="box_area" points=1
check(box_area)

# %% [markdown]
# ## 3. How much do two boxes overlap?
# **Intersection over union**, IoU: the area that both boxes cover, divided by the area that at
# least one of them covers. It is 1 for equal boxes, 0 for boxes that share nothing, and it does
# not change when the whole image is scaled.

# %%
a = torch.tensor([10.0, 10.0, 50.0, 40.0])
b = torch.tensor([30.0, 20.0, 70.0, 50.0])

# %% show=true
ax = draw.panels("hatched: intersection · hatched and grey: union", size=(58, 82))
draw.overlap(ax, a, b)

# %% [markdown]
# **Where does the hatched rectangle begin and end?** Something lies in both boxes only when it is
# to the right of *both* left edges. So the left edge of the intersection is the larger of the two
# left edges: max(10, 30) = 30. In the same way its right edge is the smaller of the two right
# edges: min(50, 70) = 50. Top and bottom go alike: from 20 to 40.
#
# **And the union?** Adding the two areas counts the hatched part twice. Take it off once:
#
# **union = area of A + area of B - intersection**
#
# Here: intersection 20 · 20 = 400, union 1200 + 1200 - 400 = 2000, IoU = 0.2.
#
# **What if they do not meet?** Try it with (10, 10, 30, 30) and (50, 50, 70, 70). The left edge
# comes out as 50 and the right edge as 30: a width of -20. The height is -20 too, and their
# product is +400, an overlap between boxes that are far apart! A negative width means *nothing
# there*: make it 0 before you multiply.
#
# **What if the union is empty?** Two boxes without any area give 0 / 0. We define their IoU as 0.

# %% [markdown]
# Work these three out on paper. After the exercise you can compare.

# %%
first = torch.tensor([[10.0, 10, 50, 50], [10.0, 10, 50, 50], [10.0, 15, 30, 45]])
second = torch.tensor([[30.0, 10, 70, 50], [20.0, 20, 40, 40], [30.0, 15, 60, 45]])

# %% show=true
titles = ["1: side by side", "2: one inside the other", "3: they touch"]
for ax, one, other in zip(draw.panels(*titles, size=(56, 76)), first, second):
    draw.overlap(ax, one, other)

# %% [markdown]
# ### Exercise: `box_iou` (3 points)
# Write the IoU of every box of `a` with every box of `b`: the result has shape [N, M], and entry
# [i, j] belongs to `a[i]` and `b[j]`. A loop over pairs is right. Broadcasting is shorter:
# `a[:, None]` has shape [N, 1, 4] and `b[None]` has shape [1, M, 4], and the maximum of the two
# is taken for every pair at once.

# %% solution="box_iou"

# %% check="box_iou" points=3
check(box_iou)

# %% [markdown]
# Your three results from paper are on the diagonal.

# %%
box_iou(first, second).diag()

# %% [markdown]
# They are 800/2400 = 1/3, then 400/1600 = 1/4, then 0: boxes that only touch share no area.

# %% [markdown]
# **Predict first.** In the figure, box B moves away from A until they do not meet. What does your
# function say then, and what would it say had you not made a negative width 0? Drag B, use the
# arrow keys, or pick an example. Point at a number to see the arithmetic behind it. When you run
# the cell of `box_iou` again, the figure shows the new function.

# %% show=true
widgets.IoU(box_iou)

# %% [markdown]
# ## 4. When is a detection right?
# A detection counts as right when its IoU with the true box is **at least 0.5**. What does an IoU
# of 0.5 look like? The true box is drawn solid, the detection dashed.

# %% show=true
shifts = [2.105, 7.059, 13.333, 21.538]
pairs = [torch.tensor([[10.0, 10, 50, 50], [10.0 + s, 10, 50 + s, 50]]) for s in shifts]
titles = [f"IoU {box_iou(pair, pair)[0, 1]:.2f}" for pair in pairs]
for ax, pair in zip(draw.panels(*titles, size=(60, 82)), pairs):
    draw.overlap(ax, pair[0], pair[1], labels=("", ""))

# %% [markdown]
# **Predict first.** Two equal squares. One moves to the right by a third of its width, so they
# still share two thirds of their area. What is their IoU: 0.67, 0.5 or 0.33? Decide, then run.

# %%
square = torch.tensor([[0.0, 0.0, 30.0, 30.0]])
shifted = square + torch.tensor([10.0, 0.0, 10.0, 0.0])

# %%
box_iou(square, shifted)

# %% [markdown]
# They share 2/3 of a square, and together cover 4/3 of one. So 0.5 is not as strict as
# it looks in one direction; but when the square moves along the diagonal, less than a fifth of
# its width is enough to get there.

# %%
shift = torch.linspace(0, 1, 101)
to_the_right = square + 30 * shift[:, None] * torch.tensor([1.0, 0.0, 1.0, 0.0])
diagonal = square + 30 * shift[:, None]

# %% show=true
falls, falls_faster = box_iou(square, to_the_right)[0], box_iou(square, diagonal)[0]
ax = draw.chart("shift, in widths of the square", "IoU")
ax.plot(shift, falls, label="to the right")
ax.plot(shift, falls_faster, "--", label="right and down")
ax.axhline(0.5, color="black", linestyle=":", label="counts as right from here up")
draw.legend(ax)

# %% [markdown]
# The shift counts in widths of the object. So 5 pixels are nothing for a bus, but for a face of
# 10 pixels they are half a width: IoU 0.33, a miss.

# %% [markdown]
# ## 5. Non-maximum suppression
# NMS is greedy. It needs the boxes, their scores and a threshold:
#
# 1. Of the boxes that are left, take the one with the highest score and **keep** it.
# 2. **Drop** every other box that is left and whose IoU with it is greater than the threshold.
# 3. While there are boxes left, go to 1.
#
# Follow it on three boxes in a chain, with threshold 0.5. A overlaps B by 0.6, and B overlaps C by
# 0.6, but A and C overlap by 0.36 only.

# %%
chain = torch.tensor([[10.0, 10, 50, 50], [18, 12.5, 58, 52.5], [26, 15, 66, 55]])
chain_labels = ["A .9", "B .8", "C .7"]
chain_places = ["top left", "bottom left", "bottom right"]

# %% show=true
steps = draw.panels("keep A: the best", "drop B: 0.6 with A", "keep C: 0.36 with A", size=(66, 78))
for ax, faded in zip(steps, [[1, 2], [1, 2], [1]]):
    shown = [["blue", "grey"][i in faded] for i in range(3)]
    draw.boxes(ax, chain, chain_labels, colors=shown, places=chain_places)
draw.cross(steps[1], chain[1])
draw.cross(steps[2], chain[1])

# %% [markdown]
# Note what did *not* happen: B never had a say about C. A box that is gone drops nobody. Many
# first attempts get exactly this wrong.

# %% [markdown]
# ### By hand
# Four detections of dogs. The threshold is 0.7.
#
# | box | score | IoU with blue | IoU with purple |
# |---|---|---|---|
# | blue | 0.90 | | 0.05 |
# | orange | 0.80 | 0.78 | |
# | purple | 0.75 | 0.05 | |
# | yellow | 0.70 | 0.07 | 0.74 |

# %%
colours = ["yellow", "blue", "purple", "orange"]
dogs = torch.tensor([[92.0, 40, 209, 184], [20, 30, 110, 130],
                     [97, 52, 199, 174], [15, 34, 117, 139]])
dog_scores = torch.tensor([0.70, 0.90, 0.75, 0.80])

# %% show=true
ax = draw.panels("four detections", size=(210, 230))
labels = [f"{colour} {score:.2f}" for colour, score in zip(colours, dog_scores)]
places = ["bottom right", "top left", "top right", "bottom left"]
draw.boxes(ax, dogs, labels, colors=colours, places=places)

# %% [markdown]
# Which boxes are kept, and in which order? Write their colours as a list of strings, the first
# one kept first (1 point).

# %% question="kept_by_hand"
kept_by_hand = None  # your answer, a list like ["green", "red", "white"]

# %% check="kept_by_hand" points=1
check("kept_by_hand")

# %% [markdown]
# And with another threshold? The two IoUs that the table leaves out, of orange with yellow and of
# orange with purple, are about 0.1. How many boxes stay at the thresholds 0, 0.5, 0.76 and 0.8?
# Write four numbers (1 point).

# %% question="kept_counts"
kept_counts = None  # your answer, a list like [4, 4, 4, 4]

# %% check="kept_counts" points=1
check("kept_counts")

# %% [markdown]
# Do the numbers in the table follow from the boxes? Your `box_iou` knows. Rows and columns are in
# the order yellow, blue, purple, orange.

# %%
box_iou(dogs, dogs)

# %% [markdown]
# ### Exercise: `nms` (4 points)
# Now by code. The result is the *indices* of the kept boxes, best first. The scores come in any
# order, so sort first; and remember that a position in the sorted list is not yet an index into
# `boxes`. Of equal scores, the lower index comes first: `argsort(descending=True, stable=True)`
# does that. Drop on IoU **>** threshold. You may call your `box_iou`.

# %% solution="nms"

# %% check="nms" points=4
check(nms)

# %% [markdown]
# Does your function agree with your hand?

# %%
[colours[i] for i in nms(dogs, dog_scores, 0.7)]

# %%
[len(nms(dogs, dog_scores, threshold)) for threshold in (0, 0.5, 0.76, 0.8)]

# %% [markdown]
# Step through your function: each step hands it one more box of the ranking. **Predict first:** in
# the chain, what becomes of C when you lower the threshold to 0.3? And of B when its score is the
# highest? Then move the boxes yourself.

# %% show=true
widgets.NMS(nms, box_iou)

# %% [markdown]
# And the detector from the beginning? Kept boxes are solid and numbered, dropped ones dotted.

# %% show=true
kept = nms(detections, detection_scores, 0.3).tolist()
ax = draw.panels(f"NMS keeps {len(kept)} of {len(detections)}", size=(60, 90))
draw.selected(ax, detections, kept)

# %% [markdown]
# ## 6. The threshold
# **Predict first.** The same detections, with thresholds 0.1, 0.5 and 0.9. Which threshold keeps
# the most boxes? About how many will 0.9 keep: 2, 10 or nearly all? Decide, then run.

# %%
[len(nms(detections, detection_scores, threshold)) for threshold in (0.1, 0.5, 0.9)]

# %% [markdown]
# A *higher* threshold keeps *more*: a box must overlap a better one even more before it goes. The
# windows here move in steps of two pixels, and two neighbours have an IoU of 18/22 = 0.82, so at
# 0.9 nothing is dropped at all. Three values side by side:

# %% show=true
thresholds = (0.1, 0.5, 0.7)
kept = [nms(detections, detection_scores, t).tolist() for t in thresholds]
titles = [f"threshold {t}: {len(k)} kept" for t, k in zip(thresholds, kept)]
for ax, chosen in zip(draw.panels(*titles, size=(60, 90)), kept):
    draw.selected(ax, detections, chosen)

# %% [markdown]
# ### A crowd
# So why not always a low threshold? Because objects overlap too. Five people stand in a queue, and
# a detector fires eight times around each of them. We know whom each box belongs to.

# %%
generator = torch.Generator().manual_seed(7)
jitter = 2 * torch.randn(8, 5, 4, generator=generator)
person = torch.arange(40) % 5
crowd_scores = (0.95 - 0.05 * jitter.abs().mean(dim=2) - 0.04 * torch.arange(5)).flatten()

# %%
def queue(step: float) -> Tensor:
    """Return the 40 boxes [40, 4] when the people stand `step` pixels apart."""
    tops = [10.0, 16, 12, 18, 13]
    people = torch.tensor([[10 + step * k, tops[k], 40 + step * k, 80] for k in range(5)])
    return (people + jitter).reshape(40, 4)

# %% show=true
left, right = draw.panels("12 pixels apart", "3 pixels apart", size=(92, 100))
shown = ["blue", "orange", "green", "purple", "red"]
draw.boxes(left, queue(12), colors=shown * 8, width=1)
draw.boxes(left, queue(12)[:5], ["0", "1", "2", "3", "4"], colors=shown)
draw.boxes(right, queue(3), colors=shown * 8, width=1)

# %% [markdown]
# After NMS we count two things: how many of the five people still have a box, and how many boxes
# are left over, since their person has another one.

# %%
def found_and_left_over(threshold: float, step: float) -> tuple[int, int]:
    kept = nms(queue(step), crowd_scores, threshold)
    found = len(person[kept].unique())
    return found, len(kept) - found

# %% [markdown]
# **Predict first.** A good threshold finds all five and leaves nothing over. Does the loose queue
# have one? Does the tight one? Decide, then run.

# %% show=true
thresholds = [0.1 + 0.05 * i for i in range(18)]
counts = [[found_and_left_over(t, step) for t in thresholds] for step in (12, 3)]
axes = draw.chart("IoU threshold of NMS", "boxes", "12 pixels apart", "3 pixels apart")
for ax, pairs in zip(axes, counts):
    found, left_over = zip(*pairs)
    ax.plot(thresholds, found, "o-", label="people found")
    ax.plot(thresholds, left_over, "s--", label="left over")
    ax.set(ylim=(-0.5, 12), yticks=[0, 5, 10])
    draw.legend(ax)

# %% [markdown]
# In the loose queue every value from about 0.4 to 0.7 does. In the tight queue the second boxes
# begin before the last person is found. Keep the two pictures in mind: in section 9 you explain
# them. Common values are 0.5 to 0.7.

# %% [markdown]
# ## 7. Class by class
# A rider on a bicycle: two boxes that overlap a lot, and both are right. A box should only drop
# boxes of its own class.
#
# ### Exercise: `nms_per_class` (2 points)
# `labels` has the class of each box. Suppress each class by itself, then give the indices of all
# kept boxes, best first *over all classes*. You may call your `nms`. Class numbers may have gaps.

# %% solution="nms_per_class"

# %% check="nms_per_class" points=2
check(nms_per_class)

# %% [markdown]
# Two detections of a rider, class 1, and two of the bicycle, class 2.

# %%
ride = torch.tensor([[30.0, 10, 70, 90], [25, 20, 75, 95], [32, 12, 71, 92], [24, 22, 77, 94]])
ride_scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
ride_labels = torch.tensor([1, 2, 1, 2])

# %% [markdown]
# What remains of them? Left: `nms` without classes. Right: class by class.

# %% show=true
together = nms(ride, ride_scores, 0.5)
apart = nms_per_class(ride, ride_scores, ride_labels, 0.5)
axes = draw.panels("nms", "nms_per_class", size=(105, 100))
for ax, kept in zip(axes, (together, apart)):
    names = [["rider", "bicycle"][ride_labels[i] - 1] for i in kept]
    shown = [["blue", "orange"][ride_labels[i] - 1] for i in kept]
    draw.boxes(ax, ride[kept], names, colors=shown, places=["top left", "bottom right"][: len(kept)])

# %% [markdown]
# The same in a figure. **Predict first:** which boxes go when you untick "class by class"? And when
# all four are of one class?

# %% show=true
rider = widgets.NMS.examples["a rider, class by class"]
widgets.NMS(nms, box_iou, nms_per_class, state=rider)

# %% [markdown]
# ### How the professionals do it, and where it bites
# A loop over 80 classes starts 80 small jobs on the GPU. Libraries therefore often do this
# instead: add a number to all coordinates of a box that depends on its class, so large that boxes
# of different classes lie far apart and cannot overlap. Then one NMS does for all.
#
# It has two traps. The number must exceed the *whole* spread of the coordinates: if it is taken
# from the largest coordinate alone and some coordinates are negative, classes meet again. And a
# float32 has about seven digits: far from zero, little is left for the fraction of a pixel.

# %% show=true
small = torch.tensor([[100.12, 100.0, 100.62, 101.0], [100.3, 100.0, 100.8, 101.0]])
moved = small + 80 * 4096.0  # class 80, images up to 4096 pixels
box_iou(small, small)[0, 1], box_iou(moved, moved)[0, 1]

# %% [markdown]
# The boxes have not moved against each other, yet their IoU has changed: at this distance
# float32 knows coordinates only in steps of 1/32 pixel. Boxes of many pixels take no harm; boxes
# in units of the image, from 0 to 1, would be destroyed.

# %% [markdown]
# ## 8. Bonus: decay instead of drop
# NMS decides all or nothing. **Soft-NMS** (Bodla and others, 2017) keeps every box, but lowers
# its score the more it overlaps a better one: score · exp(-IoU² / sigma). Boxes whose score gets
# too low go at last. A neighbour in a crowd survives with a lower score.

# %% show=true
overlap = torch.linspace(0, 1, 101)
ax = draw.chart("IoU with a better box", "score is multiplied by")
ax.plot(overlap, (overlap <= 0.5).float(), color="black", label="NMS, threshold 0.5")
for sigma, style in ((0.3, "--"), (0.5, "-."), (1.0, ":")):
    ax.plot(overlap, torch.exp(-(overlap**2) / sigma), style, label=f"Soft-NMS, sigma {sigma}")
draw.legend(ax)

# %% [markdown]
# ### Exercise: `soft_nms` (bonus, 2 points)
# Select the best box that is left, with the score that it has *by then*. Multiply the scores of
# all others that are left. Drop what falls below `score_threshold`, also before the first step.
# Give back the indices in the order of selection, and the scores that they were selected with.
# Do not change the scores that you were given.

# %% solution="soft_nms"

# %% check="soft_nms" points=2
check(soft_nms)

# %% [markdown]
# The loose queue again. What are the first eight boxes of Soft-NMS, and with which scores?

# %% show=true
order, decayed = soft_nms(queue(12), crowd_scores)
who = person[order].tolist()
[f"person {who[i]}: {decayed[i]:.2f}" for i in range(8)]

# %% [markdown]
# The first five boxes are five people, and then the second boxes begin, with much lower scores.
# But somebody must still choose the score below which a box does not count: Soft-NMS moves the
# question from the overlap to the score.

# %% [markdown]
# ## 9. In your own words (2 points)
# Somebody in your team wants to set the NMS threshold to 0.1, "so that we never report an object
# twice". Somebody else wants 0.9, "so that we never lose one". Tell each of them, in two or three
# sentences, what happens in a crowded scene and what in a scene with one object. What would you
# look at to choose the value, and are there scenes in which no value does well?

# %% [markdown] written="why_not_lower" points=2
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - A detector fires many times around one object because neighbouring windows see nearly the same.
# - Name the format of a box. Continuous coordinates need no "+1".
# - IoU is intersection over union: max of the left and top edges, min of the right and bottom ones,
#   widths and heights no less than 0.
# - A detection is right from IoU 0.5 up (>=). Equal boxes that are shifted by a third are just there.
# - NMS keeps the best box that is left and drops what overlaps it by more than the threshold (>).
#   Dropped boxes drop nobody. It runs class by class.
# - The threshold trades duplicates against lost neighbours. No value is right in every crowd.
#
# ## What the professionals' version looks like
# The function in torchvision keeps the same boxes as yours. What differs is the work:
#
# - **Sort once.** After that, a box can only be dropped by one that stands before it.
# - **The cost** is one IoU for each pair of a *kept* box and a box after it. With few objects that
#   is little. Where nearly all boxes are kept, it grows with the square of their number: that is
#   why detectors first cut the list to the best 1,000 or 2,000.
# - **On a GPU** the pairs are computed all at once: a block of threads compares 64 boxes
#   with 64 others and writes the answers as the bits of one 64-bit number a box. What remains is
#   a short walk in order of score that joins bit masks, since whether a box counts depends on
#   those before it. That walk is the one part which cannot be done in parallel.
#
# In the next notebook you use `box_iou` again: to say how good a whole detector is.
