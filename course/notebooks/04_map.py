# %% [markdown]
# # 04 · How good is a detector? Mean average precision
# A classifier is right or wrong about each image, and the share of right ones is its grade. A
# detector gives a list of boxes with scores, of any length, and may be right about some objects,
# miss others, find one twice and invent a few. This notebook turns such lists into one number,
# the one that every paper on detection reports. You write all of it.
#
# **When you are done, you can**
# - decide for each detection of an image whether it is right;
# - compute precision and recall along a ranking, and draw the curve;
# - compute the average precision of a class (AP) from the curve, by hand and by code;
# - say exactly when AP is 1, and what does not hurt it;
# - compute mean average precision (mAP), and COCO's version of it;
# - read such a number in a paper, and know what it hides.
#
# **What you need:** boxes and IoU (notebook 03; if you have not done it, its `box_iou` is given).
#
# **How long:** about 90 minutes. There are seven exercises, two questions and one answer in words:
# 18 points.
#
# > **Erratum.** One slide calls a detection a match when its IoU is *greater* than 0.5. The course
# > uses **at least 0.5**, as COCO does. The two differ at equality only, but a grader sees that.

# %%
import torch
from torch import Tensor

from course import NotAnswered, check, draw, given, widgets
from course.scenes import CLASSES, scene

# %% [markdown]
# `torchvision` and `pycocotools` are fine tools, and they are not used here: an answer that uses
# torchvision earns nothing, since the tool is the very thing you build.

# %% given="box_iou"

# %% [markdown]
# ## 1. A detector to be judged
# We need detections. A trained detector comes later in the course; for now one is simulated: it
# knows where the objects are, shakes each box a little, sometimes fires twice, sometimes not at
# all, and adds a few boxes out of nowhere. The better the box, the higher its score tends to be.

# %%
def simulated(picture, seed: int, shake: float = 0.1) -> dict[str, Tensor]:
    """Return boxes, scores and labels that a middling detector might give for a scene."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    times = torch.randint(0, 4, (len(picture.boxes),), generator=generator).clamp(max=2)
    boxes = picture.boxes.repeat_interleave(times, dim=0)
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    error = shake * noise(len(boxes), 4)
    strays = torch.rand(2, 2, generator=generator) * 80
    strays = torch.cat([strays, strays + 20 + 20 * torch.rand(2, 2, generator=generator)], dim=1)
    good = 0.9 - 2 * error.abs().mean(dim=1) + 0.1 * noise(len(boxes))
    guessed = torch.randint(1, len(CLASSES) + 1, (2,), generator=generator)
    return {
        "boxes": torch.cat([boxes + error * size, strays]),
        "scores": torch.cat([good, 0.4 + 0.15 * noise(2)]).clamp(0.05, 0.99),
        "labels": torch.cat([picture.labels.repeat_interleave(times), guessed]),
    }

# %%
picture = scene(6, objects=(4, 5))
found = simulated(picture, seed=2)

# %% show=true
left, right = draw.panels("what is there", "what the detector says", size=(128, 128))
draw.photo(left, picture.image)
draw.boxes(left, picture.boxes, [CLASSES[i - 1] for i in picture.labels], colors="green")
draw.photo(right, picture.image)
told = [f"{CLASSES[i - 1]} {s:.2f}" for i, s in zip(found["labels"], found["scores"])]
places = ["top right", "bottom right", "bottom left", "bottom left", "top left"]
draw.boxes(right, found["boxes"], told, colors="orange", width=1.5, places=places)

# %% [markdown]
# Look at the right picture. Some boxes are plainly right, one object has two of them, others have
# none, and some boxes are about nothing at all. To put a number on it we go step by step: first
# decide for each box whether it is right, then see what follows from the list of rights and wrongs.
#
# Everything until section 6 is about **one class**. The boxes of "star" are judged by the stars.

# %% [markdown]
# ## 2. True or false?
# A detection is **true** (a true positive) when it finds an object, and **false** (a false
# positive) when it does not. Finding means IoU of at least a threshold, usually 0.5. But an object
# can be found only once: of two boxes around it, one must be false, or a detector could fire a
# hundred times to be safe. Which of the two? The one that the detector itself believed in less.
#
# So the rule is greedy, like NMS. Go through the detections from the highest score to the lowest:
#
# 1. Of the objects that are **still free**, look at the one that overlaps this detection most.
# 2. If that IoU is at least the threshold, the detection is true, and the object is **taken**.
# 3. Otherwise it is false.
#
# An object that is still free at the end has been missed.

# %%
objects = torch.tensor([[10.0, 20, 50, 60], [30.0, 20, 70, 60]])
guesses = torch.tensor([[14.0, 20, 54, 60], [11.0, 21, 51, 61], [28.0, 22, 70, 60], [72.0, 30, 96, 66]])
guess_scores = torch.tensor([0.7, 0.9, 0.6, 0.8])

# %% show=true
left, right = draw.panels("two objects", "four detections", size=(76, 106))
draw.boxes(left, objects, ["A", "B"], colors=["green", "blue"], places=["top left", "bottom right"])
names = [f"{score:.1f}" for score in guess_scores]
draw.boxes(right, guesses, names, colors="orange", places=["bottom left", "top left", "bottom right", "top right"])

# %% [markdown]
# **By hand.** These are the overlaps, with the threshold at 0.5:
#
# | detection | score | IoU with A | IoU with B |
# |---|---|---|---|
# | 1 | 0.9 | 0.91 | 0.34 |
# | 3 | 0.8 | 0 | 0 |
# | 0 | 0.7 | 0.82 | 0.43 |
# | 2 | 0.6 | 0.35 | 0.91 |
#
# Detection 1 comes first and takes A. Detection 3 overlaps nothing: false. Detection 0 overlaps A
# most, but A is taken; B is free, and 0.43 is not enough: false. Detection 2 takes B. The result,
# best first, is **true, false, false, true**.
#
# With the threshold at 0.4 detection 0 would take B, and then nothing is left for detection 2: it
# is false, though it lies on B almost perfectly. Greedy is not optimal, and it is not meant to be.
# The scores are the detector's own order, and it is judged by that order.
#
# **Two conventions.** Under the rule above, which is COCO's, detection 0 may look for another
# object when its best one is taken. Pascal VOC is stricter: only the object with the greatest
# overlap counts, and if that one is taken the detection is false. The two differ in crowds only.
# Here we do as COCO does.

# %% [markdown]
# ### Exercise: `match_detections` (3 points)
# Detections come in any order. The result is in the order of the **ranking**: element k says
# whether the k-th best detection is true. Mind the images without objects, and without detections.

# %% solution="match_detections"

# %% check="match_detections" points=3
check(match_detections)

# %% [markdown]
# Your four from above, at thresholds 0.5 and 0.4:

# %% show=true
match_detections(guesses, guess_scores, objects), match_detections(guesses, guess_scores, objects, 0.4)

# %% [markdown]
# **Predict first.** In the scene from the beginning all classes are thrown together for once, and
# the threshold rises from 0.1 to 0.9. Can the number of true detections *rise* with it? Decide,
# then run.

# %% show=true
thresholds = [0.1 + 0.05 * k for k in range(17)]
counts = [
    int(match_detections(found["boxes"], found["scores"], picture.boxes, t).sum())
    for t in thresholds
]
ax = draw.chart("IoU threshold", "true detections")
ax.plot(thresholds, counts, "o-")
ax.set(ylim=(0, len(picture.boxes) + 0.5));

# %% [markdown]
# Here it falls, and nearly always it does. In a crowd it may rise by one: a detection that no
# longer takes somebody else's object leaves it free for the one that fits better, as above.

# %% [markdown]
# ## 3. Along the ranking: precision and recall
# Detections of **all** test images go into one list, best score first. Where should a user cut it?
# High up, and nearly everything left is right, but little is found. Far down, and all is found,
# along with much rubbish. Two numbers describe each cut:
#
# - **precision**: of the detections above the cut, the share that is true;
# - **recall**: of all objects there are, the share that is found.
#
# Say there are three dogs in the test set, and five detections of dogs. Matching has made them
# true, true, false, false, true.
#
# | rank | score | | true so far | precision | recall |
# |---|---|---|---|---|---|
# | 1 | 0.99 | true | 1 | 1/1 = 1.00 | 1/3 = 0.33 |
# | 2 | 0.95 | true | 2 | 2/2 = 1.00 | 2/3 = 0.67 |
# | 3 | 0.90 | false | 2 | 2/3 = 0.67 | 2/3 = 0.67 |
# | 4 | 0.50 | false | 2 | 2/4 = 0.50 | 2/3 = 0.67 |
# | 5 | 0.10 | true | 3 | 3/5 = 0.60 | 3/3 = 1.00 |
#
# Recall never falls on the way down. Precision goes up and down: up with each true detection (or
# it stays at 1), down with each false one.

# %% [markdown]
# ### Exercise: `precision_recall` (2 points)
# Both after each detection. `num_gt` is the number of objects, found or not. Without objects recall
# is 0; without detections both results are empty. `cumsum` counts.

# %% solution="precision_recall"

# %% check="precision_recall" points=2
check(precision_recall)

# %%
dogs = torch.tensor([True, True, False, False, True])

# %% show=true
precision_recall(dogs, num_gt=3)

# %% show=true
precision, recall = precision_recall(dogs, num_gt=3)
ax = draw.chart("recall", "precision")
ax.plot(recall, precision, "o-")
places = [(-14, 8), (8, 2), (10, -4), (10, -4), (-4, 10)]
for rank, place in enumerate(places):
    point = (float(recall[rank]), float(precision[rank]))
    ax.annotate(f"{rank + 1}", point, xytext=place, textcoords="offset points", fontsize=11)
ax.set(xlim=(0, 1.05), ylim=(0, 1.1));

# %% [markdown]
# The numbers are ranks. From 2 to 4 the curve falls straight down: two false detections in a row
# change precision and not recall. Then it climbs *back up* to 5.

# %% [markdown]
# ## 4. Average precision
# One number for the whole curve is the **area under it**: high precision counts, the more so the
# longer it lasts. Two things have to be settled.
#
# **The dips.** At recall 0.67 the curve says 1.00, then 0.67, then 0.50. And just before recall 1
# it says less than at recall 1. But nobody has to cut the list inside a dip: whoever wants a recall
# of 0.7 can go on to rank 5 and get a precision of 0.6 there, with even more found. So at each
# recall the *best precision at that recall or beyond* counts:
#
# **envelope(r) = max of the precisions at all points whose recall is at least r**
#
# Read from the right: carry the greatest precision seen so far along to the left.
#
# **The steps.** Between recall 0.67 and 1 there is no ranking; the third dog is found or it is not.
# So the curve is a staircase, and the area is a sum of rectangles:
#
# **AP = sum over k of (recall_k - recall_(k-1)) · envelope_k, with recall_0 = 0**
#
# Only true detections widen the staircase; false ones have no width, they can only lower it.
#
# For the dogs the envelope is 1.0, 1.0, 0.6, 0.6, 0.6, and
# AP = 1/3 · 1 + 1/3 · 1 + 1/3 · 0.6 = **13/15** = 0.867.

# %% show=true
steps = torch.tensor([0, 1 / 3, 2 / 3, 1])
heights = torch.tensor([1.0, 1.0, 0.6])
precision, recall = precision_recall(dogs, num_gt=3)
ax = draw.chart("recall", "precision")
ax.plot(recall, precision, "o-", label="the curve")
ax.stairs(heights, steps, color="black", lw=2, linestyle="--", label="its envelope")
ax.bar(steps[:-1], heights, width=1 / 3, align="edge", alpha=0.15, color="grey", label="AP")
ax.set(xlim=(0, 1.05), ylim=(0, 1.1))
draw.legend(ax)

# %% [markdown]
# After the next exercise you walk down a ranking yourself. Before that, read another picture. There
# are **four** objects, and six detections come out as true, false, true, true, false, true.

# %%
cats = torch.tensor([True, False, True, True, False, True])

# %% show=true
ax = draw.chart("recall", "precision")
cat_precision, cat_recall = precision_recall(cats, num_gt=4)
ax.plot(cat_recall, cat_precision, "o-")
ax.set(xlim=(0, 1.05), ylim=(0, 1.1), xticks=[0, 0.25, 0.5, 0.75, 1]);

# %% [markdown]
# Three numbers, to two decimals (1 point): the precision of the point at recall 0.5; the height of
# the *envelope* at recall 0.5; and the average precision. A pencil helps.

# %% question="read_off_the_curve"
read_off_the_curve = None  # your answer, a list like [0.25, 0.25, 0.25]

# %% check="read_off_the_curve" points=1
check("read_off_the_curve")

# %% [markdown]
# ### Exercise: `average_precision` (2 points)
# The area under the envelope, at all points. Precision and recall are as long as each other, best
# detection first; without detections AP is 0. Do not change the tensors that you are given.
# `flip` and `cummax` make the envelope in one line; a loop from the end is as good.

# %% solution="average_precision"

# %% check="average_precision" points=2
check(average_precision)

# %% show=true
average_precision(*precision_recall(dogs, num_gt=3)), 13 / 15

# %% [markdown]
# Now the whole way, with your three functions: boxes, trues and falses, the curve, the area. Step
# through the five detections.
#
# **Predict first.** The last one, d4, is true. What will it do to the envelope, and how much does it
# add to AP? Then drag d1, a second box of cat A, over to cat C: which detection is false now? In
# "a crowd", lower the threshold from 0.5 to 0.4.

# %% show=true
widgets.PrecisionRecall(match_detections, precision_recall, average_precision)

# %% [markdown]
# **Predict first.** A detector finds each of 10 objects at the top of its list, then adds 1,000 boxes
# that are wrong. What is its AP: 0.01, 0.5 or 1? And what is it when the 1,000 stand on top?

# %% show=true
ten, thousand = torch.ones(10, dtype=torch.bool), torch.zeros(1000, dtype=torch.bool)
below = average_precision(*precision_recall(torch.cat([ten, thousand]), 10))
above = average_precision(*precision_recall(torch.cat([thousand, ten]), 10))
below, above

# %% [markdown]
# AP judges the **order**. Whoever sets a score threshold afterwards gets rid of the thousand in the
# first case, and in the second there is no threshold that would help.

# %% [markdown]
# ## 5. When is AP = 1?
# > **Erratum.** A slide lists FP = 0, no false positives, as what a perfect detection has. Its own
# > text says it better: no false detection may stand **above** a true one. Lower ones do no harm.
#
# AP is an area of width 1 and height 1, so it is 1 only if the envelope is 1 everywhere up to
# recall 1. Recall must get to 1: every object is found. And the precision at that last true
# detection must be 1: nothing false stands above it. What comes after has no width.
#
# Five rankings for **three** objects; T is true, F is false. Which have AP = 1? Write their letters as
# a list in the order of the alphabet (1 point).
#
# | | ranking, best first |
# |---|---|
# | A | T T T |
# | B | T T T F F F |
# | C | T T F T |
# | D | T T |
# | E | F T T T |

# %% question="perfect_rankings"
perfect_rankings = None  # your answer, a list like ["D", "E"]

# %% check="perfect_rankings" points=1
check("perfect_rankings")

# %% [markdown]
# ### Exercise: `perfect_ap` (1 point)
# `ranks` is a list of bools, best first. Three cases to think about: a ranking that ends early,
# false ones at the end, and no objects at all (then there is nothing to find: no).

# %% solution="perfect_ap"

# %% check="perfect_ap" points=1
check(perfect_ap)

# %% show=true
T, F = True, False
rankings = {"A": [T, T, T], "B": [T, T, T, F, F, F], "C": [T, T, F, T], "D": [T, T], "E": [F, T, T, T]}
{letter: perfect_ap(ranks, 3) for letter, ranks in rankings.items()}

# %% [markdown]
# ## 6. Mean average precision
# With several classes there is an AP for each, and their mean is the **mAP**. With AP = 0.65 for
# cars, 0.80 for cats and 0.86 for dogs it is (0.65 + 0.80 + 0.86) / 3 = 0.77. Every class counts
# the same, however rare it is.
#
# Four points that decide whether an evaluation is right:
#
# 1. **Match within an image.** A box in image 1 cannot find an object in image 2.
# 2. **Rank over all images.** Users set one score threshold for all. So the hits of all images go
#    into one list, sorted by score. Averaging an AP of each image is another (and a wrong) number.
# 3. **Each class by itself.** Detections called "star" are matched with stars only.
# 4. **A class without objects is left out.** It has no recall; counting it as 0 would punish every
#    detector alike.
#
# As data: `detections` is a list with one dict for each image, with `boxes`, `scores` and `labels`,
# `ground_truth` likewise with `boxes` and `labels`. Labels are 1 to `num_classes`; 0 is background.
#
# A small example by hand, one class, two images with one object each. Image 1 has a true detection of
# score 0.6; image 2 a false one of 0.9 and a true one of 0.5. The ranking over both is false (0.9),
# true (0.6), true (0.5): precision 0, 1/2, 2/3, recall 0, 1/2, 1. The envelope is 2/3 everywhere,
# so AP = 2/3. By image it would have been 1 and 1/2.

# %% [markdown]
# ### Exercise: `mean_average_precision` (3 points)
# You have all the parts: `match_detections` in each image, one ranking for each class,
# `precision_recall`, `average_precision`. 0.0 where no class has any object.

# %% solution="mean_average_precision"

# %% check="mean_average_precision" points=3
check(mean_average_precision)

# %% [markdown]
# The small example, in boxes:

# %%
near, away = [0.0, 0, 10, 10], [50.0, 50, 60, 60]
example_found = [
    {"boxes": torch.tensor([near]), "scores": torch.tensor([0.6]), "labels": torch.tensor([1])},
    {"boxes": torch.tensor([away, near]), "scores": torch.tensor([0.9, 0.5]), "labels": torch.tensor([1, 1])},
]
example_truth = [{"boxes": torch.tensor([near]), "labels": torch.tensor([1])}] * 2

# %% show=true
mean_average_precision(example_found, example_truth, num_classes=1)

# %% [markdown]
# And sixteen scenes with the simulated detector:

# %%
pictures = [scene(seed) for seed in range(100, 116)]
truth = [{"boxes": each.boxes, "labels": each.labels} for each in pictures]
answers = [simulated(each, seed) for seed, each in enumerate(pictures)]

# %% show=true
mean_average_precision(answers, truth, num_classes=len(CLASSES))

# %% [markdown]
# ## 7. COCO's version
# The COCO benchmark changed three things, and its number is what papers call "AP" today.
#
# **Ten thresholds.** An IoU of 0.5 is generous (notebook 03: a shift by a third of the width). COCO
# computes the mAP at the IoU thresholds 0.50, 0.55, ..., 0.95 and averages the ten. Sloppy boxes are
# true at the first and false at the last. The single ones are called AP50, AP75 and so on.
#
# **101 levels.** In place of the exact area it takes the mean of the envelope at the recall levels 0,
# 0.01, ..., 1; a level that is not reached counts as 0. For the dogs: levels 0 to 0.66 are 67 with
# precision 1, and 0.67 to 1 are 34 with 0.6, so (67 + 34 · 0.6) / 101 = 0.865 where the area gave
# 0.867.
#
# **At most 100.** Of each class in each image only the 100 best detections are looked at.

# %% [markdown]
# ### Exercise: `average_precision_101` (1 point)
# The mean of the envelope at 101 levels. At a level, the best precision at that recall *or beyond*
# counts.

# %% solution="average_precision_101"

# %% check="average_precision_101" points=1
check(average_precision_101)

# %% show=true
average_precision_101(*precision_recall(dogs, num_gt=3)), (67 + 34 * 0.6) / 101

# %% [markdown]
# The ten thresholds for one picture are the bars. **Predict first:** which boxes must move, and
# where, for the mean to get from 0.5 to 1? Then drag.

# %% show=true
widgets.PrecisionRecall(match_detections, precision_recall, average_precision, average_precision_101)

# %% [markdown]
# ### Exercise: `coco_map` (2 points)
# Classes and thresholds make two loops around what you have. The thresholds are ten, both ends
# included. Compute precision and recall in float64 (your `precision_recall` may do so already): they
# are compared with levels like 0.29, which float32 does not hold.

# %% solution="coco_map"

# %% check="coco_map" points=2
check(coco_map)

# %% [markdown]
# ### What the thresholds reward
# Three detectors that find the very same objects in the same order. Only their boxes differ: shaken
# by 3%, 8% and 15% of the object's size.
#
# **Predict first.** Which of AP50, AP75 and COCO's mean will tell the first two apart?

# %%
shakes = (0.03, 0.08, 0.15)
runs = [[simulated(each, seed, shake) for seed, each in enumerate(pictures)] for shake in shakes]

# %% show=true
axes = draw.panels(*[f"shaken by {shake:.0%}" for shake in shakes], size=(128, 128))
for ax, run in zip(axes, runs):
    draw.photo(ax, pictures[3].image)
    draw.boxes(ax, pictures[3].boxes, colors="green", width=1)
    draw.boxes(ax, run[3]["boxes"], colors="orange", width=1.5)

# %% show=true
bars = [
    [mean_average_precision(run, truth, len(CLASSES), t) for t in (0.5, 0.75)]
    + [coco_map(run, truth, len(CLASSES))]
    for run in runs
]
ax = draw.chart("", "")
for k, (shake, values) in enumerate(zip(shakes, bars)):
    ax.bar([i + 0.27 * k for i in range(3)], values, width=0.25, label=f"shaken by {shake:.0%}")
ax.set(xticks=[0.27, 1.27, 2.27], xticklabels=["AP50", "AP75", "COCO"], ylim=(0, 1))
draw.legend(ax)

# %% [markdown]
# AP50 hardly tells the first two apart. AP75 does, and COCO's mean does as well, in one number.
# Note also how low even the best one is: this detector misses every fourth object or so, and no
# precision makes up for a recall that is never reached.

# %% [markdown]
# ## 8. In your own words (2 points)
# Two detectors of cars have been evaluated. X: AP50 = 0.80, AP75 = 0.30. Y: AP50 = 0.71, AP75 = 0.62.
# One team counts the cars in a car park, another steers a robot arm that grips car doors. Which
# detector would you give to which, and why? Then name one thing about a detector that neither number
# shows, and say how you would look at it.

# %% [markdown] written="which_detector" points=2
# *Your answer.*

# %% [markdown]
# ## What you have learned
# - Detections are matched best score first; each object is found once; the rest are false. An IoU
#   of at least the threshold is enough.
# - Precision is the share of the detections so far that is true, recall the share of all objects
#   that is found. Both belong to a cut through one ranking over all images.
# - AP is the area under the envelope: at each recall the best precision at that recall or beyond.
# - AP is 1 exactly when every object is found and nothing false stands above a true detection.
# - mAP is the mean over classes. COCO averages over ten IoU thresholds too, at 101 levels of recall,
#   with at most 100 detections of a class in an image.
# - One number hides much: which classes, which sizes, how many objects are missed at the threshold
#   that you will use.
#
# ## What the professionals' version looks like
# The tools that benchmarks use give the same number as your `coco_map`. They are built so that a test
# set with 36,000 objects and a million detections takes seconds:
#
# - **IoU once.** The overlaps of an image and a class are computed one time and serve for all ten
#   thresholds; yours are probably computed ten times.
# - **All thresholds together.** Matching walks down the ranking once with ten rows of "taken" marks.
# - **Sorting once.** The ranking of a class depends on the scores alone, so it is the same at each
#   threshold; only the trues and falses differ.
# - **Compiled loops.** The greedy walk cannot be done in parallel along one ranking, but images and
#   classes are independent of each other.
# - **By size.** They also report AP for small, medium and large objects. The limits are 32 and 96
#   pixels on a side: in the small scenes of this course almost nothing would be large.
#
# In the next notebook detectors become fast. From now on you can say what they lose by it.
