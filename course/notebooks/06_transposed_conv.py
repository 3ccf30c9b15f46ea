# %% [markdown]
# # 06 · A class for every pixel: down, and up again
# A detector answers with boxes. Here the network answers for every single pixel: sky, road,
# triangle. To do that it first makes its maps smaller, so as to see far at little cost, and then
# larger again, so that every pixel gets an answer. In this notebook you write all the ways up.
#
# **When you are done, you can**
# - say what semantic segmentation outputs, and write its loss, pixel by pixel;
# - compute how far one output of a stack of layers sees, and say why networks go down first;
# - enlarge a map by a bed of nails, by nearest neighbour, and by bilinear interpolation (bicubic
#   as a bonus);
# - pool so that the places of the maxima are remembered, and unpool with them;
# - write the transposed convolution in one and in two dimensions, and as a matrix;
# - predict which kernels and strides leave a checkerboard;
# - put it together to a fully convolutional network, a FCN.
#
# **What you need:** convolutions with stride and padding, tensors in PyTorch. From notebook 01: a
# network without fully connected layers takes images of any size.
#
# **How long:** about two and a half hours. There are eleven exercises here (one of them a bonus),
# a network, two questions and one answer in words: 20 points, 1.5 of them for the bonus.

# %% [markdown]
# Run each cell with Shift+Enter, from top to bottom. A cell that needs an exercise which you have
# not written yet says what it waits for.
#
# **What must not be used.** Each exercise builds something that PyTorch has ready. An answer that
# uses the very thing, directly or through something that it calls, earns nothing:
#
# | where | not |
# |---|---|
# | loss | `cross_entropy`, `nll_loss` and their modules |
# | upsampling | `interpolate`, `grid_sample`, `upsample` and their modules |
# | max pooling | `max_pool2d`, `max_pool3d`, the adaptive ones and their modules |
# | max unpooling | `max_unpool1d`, `2d`, `3d` and their modules |
# | transposed convolution, matrix | the library's `conv_transpose1d`, `2d`, `3d` and their modules |
#
# `torchvision`, `scipy` and `skimage` have some of them too. Everything else is yours, the
# ordinary convolution included; and outside an answer you may compare with whatever you like. In
# the network at the end all of PyTorch is allowed.

# %%
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import NotAnswered, check, draw, training, widgets
from course.scenes import CATEGORIES, scene

# %% [markdown]
# ## 1. What comes out
# **Semantic segmentation** gives each pixel the number of a class. Left: a scene. Right: the map
# that a perfect network would answer with.

# %%
street = scene(57, size=(96, 128))

# %% show=true
left, right = draw.panels("image [3, 96, 128]", "semantic map [96, 128]", size=(96, 128))
draw.photo(left, street.image)
draw.segments(right, street.semantic, CATEGORIES)

# %% [markdown]
# Two things to notice. *Everything* gets a class, the sky and the ground as well: background is
# one of the K classes here. And both triangles get the same number. Which pixel belongs to which
# triangle is not asked; that would be instance segmentation (notebook 07).
#
# The network's output has shape [K, H, W]: at each pixel one logit for each class. The class with
# the largest logit is the answer.

# %% [markdown]
# ## 2. The loss, pixel by pixel
# At a single pixel this is plain classification. Softmax turns the K logits there into
# probabilities, and the loss is minus the logarithm of the probability of the true class. Say the
# logits at some pixel are (2, 1, 0):
#
# | class | logit | exp | probability | loss, if this class is the true one |
# |---|---|---|---|---|
# | 0 | 2 | 7.39 | 0.665 | 0.41 |
# | 1 | 1 | 2.72 | 0.245 | 1.41 |
# | 2 | 0 | 1.00 | 0.090 | 2.41 |
#
# The loss of the image is the **mean over the pixels**. Three things go wrong easily:
#
# - **The classes are the first axis.** Softmax runs over K numbers that belong to *one* pixel. To
#   make a table [pixels, K] of [K, H, W], move the axis (`permute`); a mere `reshape` to that
#   shape mixes numbers of different pixels.
# - **Some pixels do not count.** Where an annotator could not tell, often along the rims of
#   objects, the target holds a number that means *ignore*: -1 here, 255 in Pascal VOC. Such a
#   pixel is neither in the sum nor in the number that you divide by.
# - **Where nothing counts** there is no mean: 0 / 0 is NaN, and one NaN ruins all weights in the
#   next step. The loss is then 0. It must still come out of the logits, so that `backward` works.
#
# By hand: two pixels with the logits above. The true class is 0 at the first pixel and 2 at the
# second: (0.41 + 2.41) / 2 = 1.41. If the second is to be ignored: 0.41 / 1 = 0.41.
#
# ### Exercise: `pixel_cross_entropy` (1.5 points)
# Start from `log_softmax`: it takes softmax and logarithm in one step. One after the other,
# they fail for large logits, where a probability rounds to 0.

# %% solution="pixel_cross_entropy"

# %% check="pixel_cross_entropy" points=1.5
check(pixel_cross_entropy)

# %% [markdown]
# The two results from above, and the loss where both pixels are ignored:

# %%
two_pixels = torch.tensor([[2.0, 2.0], [1.0, 1.0], [0.0, 0.0]]).reshape(3, 1, 2)

# %%
[pixel_cross_entropy(two_pixels, torch.tensor([pair])) for pair in ([0, 2], [0, -1], [-1, -1])]

# %% [markdown]
# Where does a network that is mostly right lose? This one knows the true map, but blurred: a
# class's logit is 8 times the share that it has of the 9 x 9 pixels around.

# %%
one_hot = F.one_hot(street.semantic, len(CATEGORIES)).permute(2, 0, 1).float()
shares = F.avg_pool2d(one_hot[None], 9, stride=1, padding=4, count_include_pad=False)[0]
blurred = 8 * shares
losses = blurred.logsumexp(dim=0) - (one_hot * blurred).sum(dim=0)

# %% show=true
left, right = draw.panels("where its classes meet", "loss at each pixel", size=(96, 128))
left.contour(blurred.argmax(dim=0), levels=len(CATEGORIES), colors="black", linewidths=0.8)
draw.photo(left, street.image)
draw.heat(right, losses)

# %% [markdown]
# It loses along the edges, and at small things that the blur swallows. That is typical, and the
# reason for half of this notebook: *what* is there is the easy part, *where exactly* is hard.

# %% [markdown]
# ## 3. The first idea: a window around every pixel
# Cut a window around a pixel, let a classifier say what its **centre** is, and go on to the next.

# %% show=true
windows = torch.tensor([[30.0, 30, 63, 63], [32.0, 30, 65, 63]])
ax = draw.panels("two windows of 33 x 33, two pixels apart", size=(96, 128))
draw.photo(ax, street.image)
draw.boxes(ax, windows, colors=["blue", "orange"])
draw.points(ax, [(46.5, 46.5, ""), (48.5, 46.5, "")])

# %%
pixels, window = 96 * 128, 33 * 33
{"windows": pixels, "pixels looked at": pixels * window, "times too many": window}

# %% [markdown]
# It works, and it wastes: neighbouring windows share 32 of 33 columns, and all that the first
# layers compute there is computed again. Notebook 01 has the cure. A network of convolutions only,
# with padding so that maps keep their size, gives the answers of all windows in **one pass**, and
# shares whatever windows share.
#
# Two problems are left. Such a network sees only a little around each pixel, and at full size
# every layer is dear. Both in turn.

# %% [markdown]
# ## 4. How far does it see?
# The **receptive field** of an output is the part of the image that it depends on. With one 3 x 3
# layer: 3 pixels along each axis. A second layer looks at three outputs of the first, each of
# which sees 3 pixels; but they are neighbours, and their windows overlap. Together they see 5, not
# 6 or 9. Each further layer adds one pixel on each side, so that after L layers of 3 x 3
#
# **receptive field = 1 + 2L.**
#
# The 1 is the pixel itself: without layers, an output is a pixel.
#
# **With strides.** After a layer of stride 2, neighbours in its output lie *two* pixels apart in
# the image. A later kernel takes the same k - 1 steps, but each of them is two pixels long; after
# another stride of 2, four. So keep two numbers, the field and the length of a step. For each
# layer (kernel k, stride s), in this order:
#
# 1. field grows by (k - 1) · step,
# 2. step is multiplied by s.
#
# The layer's own stride comes *second*: how far away the next output lies does not change what
# this one sees. Pooling counts like a convolution, since only kernel and stride matter. By hand:
#
# | layer | adds | field | step after it |
# |---|---|---|---|
# | none | | 1 | 1 |
# | 3 x 3, stride 1 | 2 · 1 | 3 | 1 |
# | 3 x 3, stride 2 | 2 · 1 | 5 | 2 |
# | 3 x 3, stride 1 | 2 · 2 | 9 | 2 |
# | pooling 2 x 2, stride 2 | 1 · 2 | 11 | 4 |
# | 3 x 3, stride 1 | 2 · 4 | 19 | 4 |
#
# ### Exercise: `receptive_field` (1 point)
# `layers` is a list of (kernel, stride), the first one nearest to the image.

# %% solution="receptive_field"

# %% check="receptive_field" points=1
check(receptive_field)

# %% [markdown]
# One dimension, all layers, and one output's view of them. Your function is called on every
# beginning of the list. The blue bracket does not use it: it asks real convolutions.
#
# **Predict first:** set the stride of layer 1 to 2. By how much does each later layer's share grow?
# And which field changes if you change the stride of the *last* layer?

# %% show=true
widgets.ReceptiveField(receptive_field)

# %% [markdown]
# How does the figure know? It asks the gradient. In two dimensions: a pixel that the middle output
# depends on has a gradient, all others have 0. (All weights are 1, so the gradient counts the ways
# from a pixel to the output: the more, the brighter.)

# %%
def ways_to_the_middle(layers: list[tuple[int, int]]) -> Tensor:
    """Return for each pixel of a 41 x 41 image how often it enters the middle output."""
    picture = torch.zeros(1, 1, 41, 41, requires_grad=True)
    maps = picture
    for kernel, stride in layers:
        maps = F.conv2d(maps, torch.ones(1, 1, kernel, kernel), stride=stride)
    maps[0, 0, maps.shape[2] // 2, maps.shape[3] // 2].backward()
    return picture.grad[0, 0]

# %% show=true
stacks = {"3 layers": [(3, 1)] * 3, "6 layers": [(3, 1)] * 6, "3 of stride 2": [(3, 2)] * 3}
titles = [f"{name}: {receptive_field(stack)} pixels" for name, stack in stacks.items()]
for ax, stack in zip(draw.panels(*titles, size=(41, 41)), stacks.values()):
    ways = ways_to_the_middle(stack)
    draw.photo(ax, (ways / ways.max()).sqrt())

# %% [markdown]
# Three layers of stride 2 see farther than six of stride 1. Look also at how the light fades
# towards the rim: the middle has far more ways to the output than the corners. What a network
# really uses, its *effective* receptive field, is smaller than what it can reach.

# %% [markdown]
# ### How many layers?
# One output is to see at least 101 pixels, say, because objects are that large. How many 3 x 3
# layers does that take, if all have stride 1? And how many, if all have stride 2? Work it out on
# paper (0.5 points).

# %% question="layers_needed"
layers_needed = None  # your answer, a list like [10, 3]

# %% check="layers_needed" points=0.5
check("layers_needed")

# %% [markdown]
# ### What does it cost?
# A 3 x 3 layer from 64 to 64 channels does 9 · 64 · 64 multiplications for each output pixel. On
# 480 x 640 pixels that makes 11.3 billion, *for one layer*. Halve both sides and it is a quarter;
# at an eighth it is a sixty-fourth. Many networks spend the saving: they double the channels when
# they halve the sides, and the cost of a layer stays the same.
#
# Compare twelve layers at full size with twelve of which every second one has stride 2.

# %% show=true
depths, stacks = range(1, 13), ([(3, 1)] * 12, [(3, 1), (3, 2)] * 6)
seen = [[receptive_field(stack[:n]) for n in depths] for stack in stacks]
sizes = [[1 / math.prod(s for _, s in stack[:n]) ** 2 for n in depths] for stack in stacks]
ax_field, ax_work = draw.chart("layers", "", "pixels seen", "work, in layers at full size")
for n, name in enumerate(("stride 1", "every second one stride 2")):
    ax_field.plot(depths, seen[n], ["o--", "s-"][n])
    ax_work.plot(depths, [sum(sizes[n][:m]) for m in depths], ["o--", "s-"][n], label=name)
draw.legend(ax_work)

# %% [markdown]
# Going down wins twice: the network sees 253 pixels instead of 25, for a seventh of the work.
# What it loses is *where*: its last map has one value for 64 x 64 pixels.

# %% [markdown]
# ## 5. Down, then up
# So a **fully convolutional network** for segmentation has two halves. The first goes down, by
# pooling or by strides, until an output sees enough to know *what* is there. The second goes up
# again, until each pixel has its logits. And since the way down has forgotten where edges were,
# maps of the way down are often carried over to the way up, past the bottleneck.

# %% show=true
ax = draw.panels("each block is a map, its height the map's size", size=(116, 250), origin=(0, -4))
ax.set(xticks=[], yticks=[])
for n, y in enumerate((28, 46, 52)):
    dotted = {"arrowstyle": "->", "linestyle": ":"}
    ax.annotate("", (8 + 34 * (6 - n), y), (24 + 34 * n, y), arrowprops=dotted)
sides = [96, 48, 24, 12, 24, 48, 96]
tops = [(8.0 + 34 * n, 56 - side / 2) for n, side in enumerate(sides)]
blocks = torch.tensor([[x, y, x + 16, 112 - y] for x, y in tops])
draw.boxes(ax, blocks, [f"1/{96 // s}" for s in sides], colors=["blue"] * 4 + ["orange"] * 3)

# %% [markdown]
# You know everything about the way down. The rest of this notebook is about the orange blocks: how
# does a small map become a large one?

# %% [markdown]
# ## 6. Zeros or copies
# The two simplest ways, for factor 2. The **bed of nails** puts each value into the upper left
# corner of a 2 x 2 block and leaves the rest 0. **Nearest neighbour** copies it over the block.

# %%
small = torch.tensor([[5.0, 6], [7, 8]])
nails = torch.tensor([[5.0, 0, 6, 0], [0, 0, 0, 0], [7, 0, 8, 0], [0, 0, 0, 0]])
copies = torch.tensor([[5.0, 5, 6, 6], [5, 5, 6, 6], [7, 7, 8, 8], [7, 7, 8, 8]])

# %% show=true
axes = draw.panels("input", "bed of nails", "nearest neighbour", size=(4, 4))
for ax, matrix in zip(axes, (small, nails, copies)):
    draw.numbers(ax, matrix, highlight=matrix > 0)

# %% [markdown]
# Other factors go alike: blocks of factor x factor, also behind the last row and column, so that
# [C, H, W] becomes [C, H · factor, W · factor]. Every channel by itself.
#
# ### Exercise: `bed_of_nails` (0.5 points)
# Mind the dtype: a map of zeros that you make yourself is float32 unless you say otherwise.

# %% solution="bed_of_nails"

# %% check="bed_of_nails" points=0.5
check(bed_of_nails)

# %% [markdown]
# ### Exercise: `nearest_upsample` (0.5 points)
# Copies of a value lie *together*. Setting copies of the whole map side by side is something else.

# %% solution="nearest_upsample"

# %% check="nearest_upsample" points=0.5
check(nearest_upsample)

# %% [markdown]
# **Predict first.** Let a network be *perfect*, but its map eight times too small along each axis:
# it knows the class at the middle of each 8 x 8 block, and nearest neighbour does the rest. Of
# 100 pixels, how many are right: 99, 90 or 60? Decide, then run.

# %% show=true
def enlarged(step: int) -> Tensor:
    coarse = street.semantic[step // 2 :: step, step // 2 :: step]
    return nearest_upsample(coarse[None].float(), step)[0].long()

answers = [enlarged(step) for step in (4, 8)]
right = [f"{(answer == street.semantic).float().mean():.1%} right" for answer in answers]
for ax, answer in zip(draw.panels(f"1/4: {right[0]}", f"1/8: {right[1]}", size=(96, 128)), answers):
    draw.segments(ax, answer, CATEGORIES)
    ax.get_legend().remove()

# %% [markdown]
# The large areas are right, which is most pixels. Every edge is a staircase, and thin things are
# gone or torn. Counting pixels flatters, by the way: segmentation is therefore judged class by
# class, by the IoU of the pixels, and averaged over classes (mean IoU). There the loss is larger.

# %% [markdown]
# ## 7. Bilinear interpolation
# Copies make staircases. Smoother: let an output pixel **mix** the input pixels around it, the
# closer ones more. For that we must know *where* an output pixel lies among the input pixels.
#
# A pixel is a little square, and its value belongs to its **centre**. Lay the large row over the
# small one so that their outer edges agree:

# %% show=true
ax = draw.panels("a row of 3 pixels, and the same row with 6", size=(2.2, 3.2), origin=(-0.1, 0))
wide = torch.tensor([[n, 0.3, n + 1.0, 0.9] for n in range(3)])
narrow = torch.tensor([[n / 2, 1.3, n / 2 + 0.5, 1.9] for n in range(6)])
ax.set(yticks=[])
draw.boxes(ax, wide, colors="blue")
ax.plot([n / 2 + 0.25 for n in range(6)], [1.6] * 6, "s", color="black", markersize=4)
ax.plot([0.5, 1.5, 2.5], [0.6] * 3, "o", color="black")
draw.boxes(ax, narrow, colors="orange", style="--")

# %% [markdown]
# In pixels of the small row, the centre of its pixel n lies at n + 0.5, and the centre of output i
# at (i + 0.5) / factor. Counted in input *indices*, where pixel n lies at n, output i is at
#
# **(i + 0.5) / factor - 0.5.**
#
# For factor 2: -0.25, 0.25, 0.75, 1.25, ... No output falls onto an input. Output 1, at 0.25, lies
# between the pixels 0 and 1, three times as close to 0: it is 0.75 of pixel 0 and 0.25 of pixel 1.
# In general a place p takes 1 - share of the pixel before it and share of the one after,
# share = p - floor(p).
#
# **At the border** the place -0.25 lies before the first centre: there is no pixel -1. The border's
# value goes on, that is, places are limited to 0 ... size - 1.
#
# By hand, factor 2: the row (10, 20) becomes (10, 12.5, 17.5, 20). Copies would give
# (10, 10, 20, 20).
#
# **In two dimensions** do first the rows' axis, then the columns'. The order does not matter. Each
# output then mixes four pixels, and the weight of each is the product of its weights along the
# two axes.
#
# > Two other conventions are about. `align_corners=True` lays the outermost *centres* upon each
# > other, so that the scale is (H - 1) / (H · factor - 1) and depends on the size. And i / factor
# > without the halves moves the whole picture up and left. A network that is trained with one and
# > used with another answers with a shifted map.
#
# ### Exercise: `bilinear_upsample` (1.5 points)
# Maps may have a single row or column; then both neighbours are the same pixel.

# %% solution="bilinear_upsample"

# %% check="bilinear_upsample" points=1.5
check(bilinear_upsample)

# %% [markdown]
# The row from above, and then a corner of the scene, 16 x 16 pixels, enlarged eight times.

# %%
bilinear_upsample(torch.tensor([[[10.0, 20.0]]]), 2)

# %%
corner = street.image[:, 10:26, 34:50]

# %% show=true
ways = [bed_of_nails(corner, 8), nearest_upsample(corner, 8), bilinear_upsample(corner, 8)]
axes = draw.panels("bed of nails", "nearest neighbour", "bilinear", size=(128, 128))
for ax, enlarged_corner in zip(axes, ways):
    draw.photo(ax, enlarged_corner)

# %% [markdown]
# Whom does an output pixel mix? Point at one below: × marks where its centre lies in the small map,
# the dots are the small map's centres, and the weights come out of your function, called on maps in
# which a single pixel is 1.
#
# **Predict first:** with factor 3, which outputs lie exactly upon an input's centre? Which do with
# factor 2? Then move the slider.

# %% show=true
widgets.Upsampling(bed_of_nails, nearest_upsample, bilinear_upsample)

# %% [markdown]
# One row, factor 8:

# %% show=true
row = torch.tensor([[[10.0, 30, 30, 15, 40]]])
places = (torch.arange(40) + 0.5) / 8
ax = draw.chart("place, in pixels of the small row", "value")
ax.plot([0.5, 1.5, 2.5, 3.5, 4.5], row[0, 0], "ko", label="small row")
ax.plot(places, nearest_upsample(row, 8)[0, 0], drawstyle="steps-mid", label="nearest")
ax.plot(places, bilinear_upsample(row, 8)[0, 0], ".-", label="bilinear")
draw.legend(ax)

# %% [markdown]
# ## 8. Bonus: bicubic interpolation
# Bilinear has kinks at the pixels' centres. For smooth curves, mix **four** neighbours along each
# axis, by weights that are a cubic of the distance d. What do we ask of such a weight function?
#
# - It is 1 at d = 0 and 0 at d = 1 and d = 2: at a centre, only that pixel counts.
# - It is smooth: where its two pieces meet, at d = 1, they have the same slope; at d = 2 it ends
#   with slope 0.
#
# That leaves one number free, the slope a at d = 1 (Keys, 1981):
#
# | distance | weight |
# |---|---|
# | d <= 1 | (a + 2) d³ - (a + 3) d² + 1 |
# | 1 < d < 2 | a d³ - 5a d² + 8a d - 4a |
#
# Put 0, 1 and 2 in and see that it holds. PyTorch takes a = -0.75; other programs take -0.5, which
# is why their pictures differ a little.

# %% show=true
distance = torch.linspace(0, 2, 201)
ax = draw.chart("distance from the pixel, d", "weight")
ax.plot(distance, (1 - distance).clamp(min=0), ":", color="black", label="bilinear")
for slope, style in ((-0.75, "-"), (-0.5, "--")):
    inner = 1 - distance**2 * ((slope + 3) - (slope + 2) * distance)
    outer = slope * (distance - 1) * (distance - 2) ** 2
    ax.plot(distance, torch.where(distance < 1, inner, outer), style, label=f"bicubic, a = {slope}")
draw.legend(ax)

# %% [markdown]
# **Weights below 0!** Halfway between two pixels the four weights are -0.094, 0.594, 0.594, -0.094
# (they add up to 1). Beside an edge, where the values are 0, 100, 100, 100, that gives
# 59.4 + 59.4 - 9.4 = 109.4: more than any pixel has. Bicubic **overshoots**, which makes edges look
# crisp; an image may need clipping afterwards, a map of logits does not.
#
# ### Exercise: `bicubic_upsample` (bonus, 1.5 points)
# The places are those of bilinear: (i + 0.5) / factor - 0.5. But here the place itself is **not**
# limited to the map. Instead, each of the four pixels that lies beyond the border is replaced by
# the border's. (For bilinear both come to the same. Why not here?)

# %% solution="bicubic_upsample"

# %% check="bicubic_upsample" points=1.5
check(bicubic_upsample)

# %% [markdown]
# An edge: which outputs leave the range of the inputs, and which weights are to blame?

# %% show=true
edge = widgets.Upsampling.examples["an edge"]
ways = [bed_of_nails, nearest_upsample, bilinear_upsample, None, None, bicubic_upsample]
widgets.Upsampling(*ways, state=edge)

# %% [markdown]
# The mask of the ring in the same corner, 0 and 1, enlarged; and the range of each result.

# %% show=true
shape = (street.semantic == CATEGORIES.index("ring"))[None, 10:26, 34:50].float()
ways = [nearest_upsample(shape, 8), bilinear_upsample(shape, 8), bicubic_upsample(shape, 8)]
axes = draw.panels("nearest neighbour", "bilinear", "bicubic", size=(128, 128))
for ax, enlarged_shape in zip(axes, ways):
    draw.photo(ax, enlarged_shape)
[f"{way.min():.2f} to {way.max():.2f}" for way in ways]

# %% [markdown]
# ## 9. Max pooling that remembers
# All ways so far treat every place alike. But the way down knew more. When max pooling took the
# largest value of a block, it knew *where* in the block it was, and forgot. **DeconvNet** (Noh and
# others, 2015) remembers the place, and on the way up puts the value back exactly there.
#
# A map of 4 x 4, blocks of 2 x 2. The largest value of each block is marked:

# %%
activity = torch.tensor([[4.0, 1, 0, 2], [3, 2, 5, 1], [0, 6, 1, 3], [2, 1, 7, 4]])
largest = torch.tensor([[4.0, 5], [6, 7]])
remembered = torch.tensor([[0, 6], [9, 14]])
later = torch.tensor([[1.0, 2], [3, 4]])
put_back = torch.tensor([[1.0, 0, 0, 0], [0, 0, 2, 0], [0, 3, 0, 0], [0, 0, 4, 0]])

# %% show=true
axes = draw.panels("map", "values", "places", size=(4, 4))
draw.numbers(axes[0], activity, highlight=torch.isin(activity, largest))
draw.numbers(axes[1], largest)
draw.numbers(axes[2], remembered)

# %% [markdown]
# A place is **row · W + column**, with the W of the map that was pooled: the 5 stands in row 1,
# column 2, so its place is 1 · 4 + 2 = 6. Then the rest of the network works on the small map.
# When it comes up again, with other values by then, each goes to its remembered place:

# %% show=true
axes = draw.panels("values, later", "places", "unpooled", size=(4, 4))
draw.numbers(axes[0], later)
draw.numbers(axes[1], remembered)
draw.numbers(axes[2], put_back, highlight=put_back > 0)

# %% [markdown]
# Each unpooling belongs to one pooling, like brackets: the last map that was pooled is the first
# that is unpooled. So the two halves of a DeconvNet mirror each other.
#
# ### Exercise: `max_pool` (1.5 points)
# Give back both, values and places. Each channel has its own plane, and its places begin at 0. Of
# equal values the first counts, read row by row. If the size does not divide H or W, the rest at
# the right and below is left out; places still count in the whole map. Values may all be negative.

# %% solution="max_pool"

# %% check="max_pool" points=1.5
check(max_pool)

# %% [markdown]
# ### Exercise: `max_unpool` (1 point)
# `output_size` = (H, W) is the size of the map that was pooled. (The values alone do not tell it:
# a remainder may have been left out.)

# %% solution="max_unpool"

# %% check="max_unpool" points=1
check(max_unpool)

# %% [markdown]
# **Predict first:** if you raise the 1 beside the 4 to 9, which place changes, and what moves below?
# Then click it and use its slider. Take also a block of 3: what is left out?

# %% show=true
start = widgets.Upsampling.examples["pool and unpool"]
ways = [bed_of_nails, nearest_upsample, bilinear_upsample, max_pool, max_unpool]
widgets.Upsampling(*ways, state=start)

# %% [markdown]
# What is it good for? Take a part of the map of losses from section 2, whose ridges follow the
# edges of the objects. It is pooled by 4, and comes up again by a bed of nails and by unpooling.

# %%
ridges = losses[None, 40:88, :64] / losses.max()

# %% show=true
values, spots = max_pool(ridges, 4)
titles = ["map", "pooled, bed of nails", "pooled, unpooled"]
maps = [ridges, bed_of_nails(values, 4), max_unpool(values, spots, (48, 64))]
for ax, shown in zip(draw.panels(*titles, size=(48, 64)), maps):
    draw.photo(ax, shown.sqrt())

# %% [markdown]
# The nails stand in rank and file. The unpooled values lie on the ridges, to the pixel, though all
# came through a map with a sixteenth of the pixels. It is still full of holes; convolutions after
# it fill them.

# %% [markdown]
# ## 10. Strided convolution, recalled
# Unpooling copies, interpolation mixes by fixed weights. Nothing in them is *learned*. The
# learnable way up is best understood from the way down. A convolution with kernel 3, stride 2 and
# padding 1 makes 4 x 4 to 2 x 2: lay the kernel over the padded input, multiply, add up: one
# output. Move by **two** pixels in the input for **one** pixel in the output.

# %% show=true
padded = F.pad(torch.arange(1.0, 17).reshape(4, 4), (1, 1, 1, 1))
axes = draw.panels("output 1", "output 2", "output 3", "output 4", size=(6, 6))
for ax, (top, left) in zip(axes, [(0, 0), (0, 2), (2, 0), (2, 2)]):
    seen = torch.zeros(6, 6)
    seen[top : top + 3, left : left + 3] = 1
    draw.numbers(ax, padded, highlight=seen)

# %% [markdown]
# A whole window gives one number. Turn that round: **one number gives a whole window.**

# %% [markdown]
# ## 11. Transposed convolution
# In one dimension first. Each input value lays down a **copy of the kernel, scaled by the value**.
# The next copy begins `stride` places further on. Where copies overlap, they **add up**. Here the
# input is (1, 2, 3), the kernel (1, 10, 100) and the stride 2:

# %%
laid_down = torch.tensor([[1.0, 10, 100, 0, 0, 0, 0],
                          [0, 0, 2, 20, 200, 0, 0],
                          [0, 0, 0, 0, 3, 30, 300]])
table = torch.cat([laid_down, laid_down.sum(dim=0, keepdim=True)])

# %% show=true
ax = draw.panels("three copies, and their sum", size=(4, 7))
draw.numbers(ax, table, highlight=torch.cat([laid_down > 0, torch.zeros(1, 7) > 0]))
names = ax.set_yticks([0.5, 1.5, 2.5, 3.5], ["1 ·", "2 ·", "3 ·", "sum"])

# %% [markdown]
# Look at place 2: the end of the first copy (100) and the beginning of the second (2) make 102.
# Nothing is overwritten, nothing is averaged, and the kernel is not turned round.
#
# **How long is it?** The last of L copies begins at (L - 1) · stride and has k values, so the
# result has **(L - 1) · stride + k**: here 2 · 2 + 3 = 7. A stride larger than the kernel leaves
# zeros between the copies. No input, no copies, no output.
#
# ### Exercise: `conv_transpose1d` (1 point)

# %% solution="conv_transpose1d"

# %% check="conv_transpose1d" points=1
check(conv_transpose1d)

# %%
conv_transpose1d(torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 10, 100]), 2)

# %% [markdown]
# The next figure calls your function: once with all values, and once for each value alone, the
# others set to 0. Step through the copies; point at a number to see its sum.
#
# **Predict first:** at which stride do the copies stop overlapping, and from which on are there
# gaps? Then move the slider.

# %% show=true
widgets.TransposedConv(conv_transpose1d)

# %% [markdown]
# ### In two dimensions
# The same with windows. Input (1 2 / 3 4), a kernel of 3 x 3, stride 2: the copy of the pixel in
# row i and column j begins at row 2i and column 2j. After the first, the second and the last copy,
# the new one marked:

# %%
hill = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
after_one = torch.tensor([[1.0, 2, 1, 0, 0], [2, 4, 2, 0, 0], [1, 2, 1, 0, 0], [0] * 5, [0] * 5])
after_two = torch.tensor([[1.0, 2, 3, 4, 2], [2, 4, 6, 8, 4], [1, 2, 3, 4, 2], [0] * 5, [0] * 5])
after_all = torch.tensor([[1.0, 2, 3, 4, 2], [2, 4, 6, 8, 4], [4, 8, 10, 12, 6],
                          [6, 12, 14, 16, 8], [3, 6, 7, 8, 4]])

# %% show=true
axes = draw.panels("kernel", "1 ·", "then 2 ·", "then 3 · and 4 ·", size=(5, 5))
draw.numbers(axes[0], hill)
stages = [(after_one, 0, 0), (after_two, 0, 2), (after_all, 2, 2)]
for ax, (canvas, top, left) in zip(axes[1:], stages):
    newest = torch.zeros(5, 5)
    newest[top : top + 3, left : left + 3] = 1
    draw.numbers(ax, canvas, highlight=newest)

# %% [markdown]
# The 10 in the middle is where all four copies meet: 1 · 1 + 2 · 1 + 3 · 1 + 4 · 1.
#
# **Trimming.** Two pixels gave five, by (2 - 1) · 2 + 3. Wanted are usually four: twice as many.
# Which row and column go? Think of the convolution that it is to undo: 4 x 4 to 2 x 2 with
# **padding** 1. Its outermost kernels stuck out over the map by one pixel, into the zeros. So copies
# stick out as well, and what sticks out is cut off: padding in a transposed convolution
# **trims** that much from *every* side. That leaves 3 x 3.
#
# And the fourth? With stride 2 a convolution cannot tell 3 pixels from 4: both give 2, since the
# last place of the kernel is left out when it does not fit. So the way back must be told which one
# is meant. **Output padding** makes the sum longer by that much at its lower and right end,
# *before* trimming. With 1 of each, 5 x 5 becomes 6 x 6, then 4 x 4. In effect the top row and the
# left column are cut off, which is how the slides have it.
#
# **side = (n - 1) · stride + k - 2 · padding + output padding**

# %% show=true
longer, kept = F.pad(after_all, (0, 1, 0, 1)), torch.zeros(6, 6)
kept[1:5, 1:5] = 1
axes = draw.panels("the sum: 5 x 5", "one longer: 6 x 6", "trimmed by one: 4 x 4", size=(6, 6))
draw.numbers(axes[0], after_all)
draw.numbers(axes[1], longer, highlight=kept)
draw.numbers(axes[2], longer[1:5, 1:5], highlight=kept[1:5, 1:5])

# %% [markdown]
# **Channels.** The weights have shape **[C_in, C_out, k, k]**: the first axis is that of the
# *input*. (For an ordinary convolution it is [C_out, C_in, k, k]. The weights are the same; who is
# input and who is output has been exchanged.) Pixel (i, j) of input channel c lays down a copy of
# `weight[c, d]` in every output channel d, and all input channels add up.
#
# ### Exercise: `conv_transpose2d` (2 points)
# First lay down all copies, then see to output padding and padding. You may call your
# `conv_transpose1d`, though a loop over pixels is simpler.

# %% solution="conv_transpose2d"

# %% check="conv_transpose2d" points=2
check(conv_transpose2d)

# %% [markdown]
# Your function on the example, and the library's beside it:

# %% show=true
numbers = torch.tensor([[[1.0, 2], [3, 4]]])
library = F.conv_transpose2d(numbers, hill[None, None], stride=2, padding=1, output_padding=1)
conv_transpose2d(numbers, hill[None, None], 2, 1, 1), library

# %% [markdown]
# **Predict first:** what does the result become with padding 0, and which numbers come back? What
# with output padding 0? Then use the sliders. Hatched is what padding cuts off.

# %% show=true
start = widgets.TransposedConv.examples["2D: 2 x 2 to 4 x 4"]
widgets.TransposedConv(conv_transpose1d, conv_transpose2d, state=start)

# %% [markdown]
# ### One for all
# **Predict first.** Which kernel of 2 x 2, with stride 2, makes a transposed convolution a bed of
# nails? Which makes it nearest neighbour? Decide, then run.

# %% show=true
nail, block = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
nail[..., 0, 0] = 1
shown = [conv_transpose2d(small[None], kernel, 2)[0] for kernel in (nail, block)]
axes = draw.panels("input", "kernel with a single 1", "kernel of ones", size=(4, 4))
for ax, matrix in zip(axes, (small, *shown)):
    draw.numbers(ax, matrix)

# %% [markdown]
# Bilinear is one too, up to the border: kernel 4, stride 2, padding 1, weights falling like a tent.

# %% show=true
tent = torch.tensor([0.25, 0.75, 0.75, 0.25])
tent = (tent[:, None] * tent)[None, None]
ramp = torch.rand(1, 6, 8, generator=torch.Generator().manual_seed(0))
apart = conv_transpose2d(ramp, tent, 2, 1) - bilinear_upsample(ramp, 2)
apart[0, 1:-1, 1:-1].abs().max()

# %% [markdown]
# So a network with transposed convolutions can start as bilinear interpolation and *learn* to do
# better where it pays. The first FCN did exactly that.
#
# ### Its names
# | name | why |
# |---|---|
# | transposed convolution | its matrix is the transpose of a convolution's: the next section |
# | up-convolution | it makes maps larger |
# | fractionally strided convolution | for one pixel of output it moves by 1/stride pixel of input |
# | deconvolution | common, and misleading: it does not undo a convolution, as you will see |

# %% [markdown]
# ## 12. As a matrix
# A convolution multiplies and adds, so it is a matrix times a vector. In one dimension, with kernel
# (1, 2, 3) and five values, each **row belongs to one output**: the kernel, where it lies, and zeros
# elsewhere.

# %%
slow = torch.tensor([[1.0, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])
fast = torch.tensor([[1.0, 2, 3, 0, 0], [0, 0, 1, 2, 3]])

# %% show=true
axes = draw.panels("stride 1", "stride 2", "stride 2, transposed", size=(5, 5))
for ax, matrix in zip(axes, (slow, fast, fast.T)):
    draw.numbers(ax, matrix, highlight=matrix > 0)

# %% [markdown]
# A stride makes the kernel move faster from row to row, so there are fewer rows:
# (n + 2 · padding - k) / stride + 1, rounded down. **Padding** lets kernels begin before and end
# behind the sequence. It gives more rows, but no more columns: what would multiply a padded zero is
# cut off. With padding 1 and stride 2 the rows are (2, 3, 0, 0, 0), (0, 1, 2, 3, 0) and
# (0, 0, 0, 1, 2).
#
# Now look at the transpose, on the right. Each **column** is a kernel, two places below the one
# before. Times a vector of two values: a copy of the kernel for each, scaled, two places apart,
# added up. That *is* the transposed convolution, and where its name comes from.
#
# ### Exercise: `convolution_matrix` (1.5 points)

# %% solution="convolution_matrix"

# %% check="convolution_matrix" points=1.5
check(convolution_matrix)

# %% [markdown]
# The matrix and its transpose, beside the functions:

# %% show=true
kernel, sequence = torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 0, 1, 1, 4, 0, 3])
matrix = convolution_matrix(kernel, 7, 2)
down = matrix @ sequence
{
    "down, by the matrix": down,
    "down, by F.conv1d": F.conv1d(sequence[None], kernel[None, None], stride=2)[0],
    "up, by the transpose": matrix.T @ down,
    "up, by your function": conv_transpose1d(down, kernel, 2),
}

# %% [markdown]
# The same to play with. **Predict first:** what happens to the rows of the matrix when the stride
# grows by one, and what to its columns when the padding does?

# %% show=true
start = widgets.TransposedConv.examples["matrix"]
widgets.TransposedConv(conv_transpose1d, conv_transpose2d, convolution_matrix, state=start)

# %% [markdown]
# **Down and up again is not back**: `sequence` was (2, 0, 1, 1, 4, 0, 3). The transpose has the
# shape of an inverse, and it is none. That is what is wrong with the name deconvolution.
#
# ### It was there all along
# You have run transposed convolutions whenever you trained a network. Let g be the gradient of the
# loss for a convolution's outputs. Output i is a sum of matrix[i, j] · x[j], so the gradient for
# x[j] is the sum over i of matrix[i, j] · g[i], which is the **transpose** times g. Going backward
# through a convolution is a transposed convolution. Does autograd agree?

# %% show=true
signal = torch.zeros(7, requires_grad=True)
gradient = torch.tensor([1.0, -1.0, 2.0])
F.conv1d(signal[None], kernel[None, None], stride=2)[0].backward(gradient)
signal.grad, conv_transpose1d(gradient, kernel, 2)

# %% [markdown]
# (And the other way round: going backward through a transposed convolution is a convolution.)

# %% [markdown]
# ## 13. The checkerboard
# Let every input and every weight be 1. Then each output simply counts how many copies reach it.
# Kernel 3 and stride 2 on the left, kernel 4 and stride 2 on the right.
#
# **Predict first.** In which of them is the count the same for all pixels, away from the border?

# %% show=true
counts = [conv_transpose2d(torch.ones(1, 3, 3), torch.ones(1, 1, k, k), 2)[0] for k in (3, 4)]
axes = draw.panels("kernel 3, stride 2", "kernel 4, stride 2", size=(8, 8))
for ax, count in zip(axes, counts):
    draw.numbers(ax, count, highlight=count == 4)

# %% [markdown]
# Kernel 3: 1, 2 and 4 copies by turns. Where two copies meet along both axes there are four. The
# network would have to learn weights that even this out; where it does not quite manage, its maps
# show a **checkerboard**.
#
# **Why?** Copies begin at 0, s, 2s, ... and are k long. Output o is reached by those that begin at
# most k - 1 before it. Along one axis that makes k / s copies, if s divides k. If not, some outputs
# get one more than others. So: **even, exactly when the stride divides the kernel.**
#
# Try other kernels and strides. The figure finds each copy by a call of your function with all values
# but one 0.

# %% show=true
start = widgets.TransposedConv.examples["2D: checkerboard"]
widgets.TransposedConv(conv_transpose1d, conv_transpose2d, state=start)

# %% [markdown]
# A flat grey area of 12 x 12, enlarged with equal weights:

# %% show=true
flat_area, mean = torch.full((1, 12, 12), 0.5), torch.full((1, 1, 3, 3), 1 / 9)
smooth = F.conv2d(nearest_upsample(flat_area, 2)[None], mean, padding=1)[0]
shown = [conv_transpose2d(flat_area, torch.full((1, 1, k, k), 4 / k**2), 2) for k in (3, 4)]
axes = draw.panels("kernel 3, stride 2", "kernel 4, stride 2", "nearest, then 3 x 3", size=(26, 26))
for ax, values in zip(axes, [*shown, smooth]):
    draw.photo(ax, values)

# %% [markdown]
# (At the rim copies are missing in all three; there it gets darker.) Two cures are in use: a kernel
# that the stride divides (4 and 2, or 2 and 2), or enlarging by nearest neighbour or bilinear
# first, and an ordinary convolution after it (right). An even count does not *force* an even map, since weights differ; but the geometry no longer works against it.
#
# ### By hand
# Which of these leave a checkerboard, even when all weights are equal?
#
# | letter | kernel | stride |
# |---|---|---|
# | A | 3 | 2 |
# | B | 4 | 2 |
# | C | 2 | 2 |
# | D | 5 | 3 |
# | E | 6 | 3 |
# | F | 3 | 1 |
#
# Write their letters, in alphabetical order (1 point).

# %% question="checkerboard"
checkerboard = None  # your answer, a list like ["A", "B", "C"]

# %% check="checkerboard" points=1
check("checkerboard")

# %% [markdown]
# ## 14. The whole: a fully convolutional network
# Now put it together: a network that takes images [B, C, H, W], for any H and W that 8 divides, and
# gives logits [B, K, H, W]. Down and up, as in the picture of section 5. What goes into it:
#
# - **Down**: 3 x 3 convolutions with padding 1, each followed by batch normalisation and ReLU; three
#   times one of them has stride 2 (or is followed by pooling). More channels as maps get smaller,
#   say 16, 32, 64, 96.
# - **Up**: three times a factor of 2. `nn.ConvTranspose2d` with kernel 4, stride 2 and padding 1 is
#   even and doubles the size exactly: (n - 1) · 2 + 4 - 2 = 2n. Interpolation and a convolution do
#   as well.
# - **Across**: add the map of the same size from the way down (or `torch.cat` it along the channels
#   and convolve). It knows where the edges are. Without it the network finds the objects, and
#   answers with blobs.
# - **Last** a convolution to K channels, *without* ReLU: logits may be negative.
#
# No fully connected layer anywhere, since that would fix the size of the image.
#
# **What it is trained on.** Scenes of 48 x 48 pixels, and four categories: sky, ground, road, and
# object, whatever shape it has. All four have random colours and patterns in each scene, so the
# colour of a pixel says next to nothing about its category. What says it is the surroundings.

# %% show=true
images, categories = training.scenes((training.TRAINING_SEED + 1, training.TRAINING_SEED))
axes = draw.panels("image", "categories", "image", "categories", size=(48, 48))
for n in (0, 1):
    draw.segments(axes[2 * n + 1], categories[n], ("sky", "ground", "road", "object"))
    draw.photo(axes[2 * n], images[n])
axes[1].get_legend().remove()

# %% [markdown]
# A network of 1 x 1 convolutions sees one pixel, and fails. Three strides of 2, with a layer
# between, see 45:

# %% show=true
going_down = [(3, 1), (3, 2), (3, 1), (3, 2), (3, 1), (3, 2), (3, 1)]
[receptive_field(going_down[:n]) for n in range(1, 8)]

# %% [markdown]
# ### Exercise: `build_fcn` (3 points)
# The function returns an `nn.Module`, not yet trained. You may define its class inside the function
# or in the same cell above it. `in_channels` and `num_classes` may be any numbers. No softmax at the
# end, and no `Linear`.
#
# **How it is judged.** First untrained: shapes, other sizes, other numbers of channels and classes,
# and whether a change some pixels away reaches a pixel. Then the grader trains it, always by the
# same recipe:
#
# | | |
# |---|---|
# | images | 200 scenes of 48 x 48 |
# | steps | 300, each with 4 scenes at random |
# | loss | per-pixel cross-entropy |
# | optimiser | AdamW; the learning rate rises to 0.004, then falls to 0 (one cycle) |
# | seed | 7, for the first weights and the order of the scenes |
#
# On a single core that takes some ten seconds, half a minute at most. Then 60 scenes that nobody
# has seen are segmented, and the **mean IoU** counts: for each category the pixels that both maps
# give it, over those that at least one of them does; the mean of the four.
#
# | mean IoU | |
# |---|---|
# | below 0.30 | no points: not clearly better than colour alone |
# | 0.30 and more | 60% of the points, if shapes and surroundings are right too |
# | 0.34, 0.38, 0.42 | each step a part of the other 40%, as do sizes, channels and logits |
#
# A network as above passes the last step. If yours does not: does it see far enough, and does
# something carry the edges across? Many channels are slow, and help less than one would think.

# %% solution="build_fcn"

# %% check="build_fcn" points=3
check(build_fcn)

# %% [markdown]
# This check trains nothing. To train by the recipe here, run `check(build_fcn, train=True)` in a cell
# of your own.

# %% [markdown]
# ## 15. In your own words (1.5 points)
# Somebody looks at the picture of section 5 and says: "Leave out the downsampling. All it does is
# to throw away detail, which the upsampling then has to invent." Tell them, in four to six
# sentences, what such a network would lack and what it would cost (with numbers, as far as you
# can), and also what is *right* about the remark and what is done about it.

# %% [markdown] written="why_down" points=1.5
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - Semantic segmentation is classification at every pixel. Its loss is the mean cross-entropy over
#   the pixels that count.
# - L layers of 3 x 3 see 1 + 2L pixels. Behind strides the steps grow longer: networks go down to
#   see far, and to save work.
# - Up by fixed rules: zeros, copies, mixtures of two or four neighbours along each axis. Pixel
#   centres lie at halves.
# - Max pooling may remember its places, and unpooling puts values back there, to the pixel.
# - A transposed convolution lays down a scaled copy of its kernel for each input value and adds up
#   overlaps. Stride spreads the copies, padding trims, output padding settles which size was meant.
# - It is the product with the transposed matrix of a convolution, and the gradient of one. It is
#   not its inverse.
# - It is even only where the stride divides the kernel.
#
# ## What the professionals' version looks like
# - **No loop over pixels.** A transposed convolution is one product of matrices: the weights, as
#   [C_out · k · k, C_in], times the map, as [C_in, H · W], give all copies at once. A second step,
#   often called col2im and known to PyTorch as `fold`, adds them up where they overlap. Or the
#   library runs the very routine that computes the gradient of a convolution.
# - **No atomic additions.** If copies are laid down in parallel, two threads may add to the same
#   pixel. GPU kernels therefore turn the loop round: each thread owns an *output* pixel and
#   gathers the k / stride copies that reach it, always in the same order.
# - **A stride is four small convolutions.** With stride 2, even and odd rows and columns of the
#   output never share a weight: four ordinary convolutions with a part of the kernel each, their
#   results interleaved. No zero is ever multiplied.
# - **Interpolation** along one axis after the other costs two taps and two taps where all at once
#   would cost four; for bicubic it is four and four instead of sixteen.
#
# In the next notebook a transposed convolution doubles the masks of Mask R-CNN, from 14 x 14 to
# 28 x 28.
