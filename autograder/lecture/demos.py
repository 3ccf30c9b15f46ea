"""The demos, in the order of the lecture: what a slide says, and the widget that it shows."""

from dataclasses import dataclass

from course import widgets
from course.widgets.base import Widget


@dataclass(frozen=True)
class Demo:
    """A slide: its address in the page, its title, what to look at, the widget."""

    name: str
    title: str
    text: str
    widget: type[Widget]


DEMOS = (
    Demo(
        "tasks",
        "What does one scene ask for?",
        "Pick a task. What does its answer keep of the scene, and what does it lose?",
        widgets.Tasks,
    ),
    Demo(
        "sliding-window",
        "How many windows are there?",
        "Move the window. Halve the stride: how many positions are there, how much work repeats?",
        widgets.SlidingWindow,
    ),
    Demo(
        "fc-to-conv",
        "A layer is a convolution",
        "The same weights, as a layer and as a kernel. Then let the input grow: what comes out?",
        widgets.FCToConv,
    ),
    Demo(
        "proposals",
        "From pixels to objects",
        "Merge the most similar neighbours, step by step. When does an object appear?",
        widgets.Proposals,
    ),
    Demo(
        "box-transform",
        "From a proposal to the object",
        "Drag the proposal onto the target: when are all four numbers 0?",
        widgets.BoxTransform,
    ),
    Demo(
        "label-assignment",
        "Which proposals are examples of what?",
        "Raise the threshold for positives. Who turns neutral, who negative?",
        widgets.LabelAssignment,
    ),
    Demo(
        "iou",
        "How much do two boxes overlap?",
        "Move box B until the two just count as a match. Where is the IoU 0?",
        widgets.IoU,
    ),
    Demo(
        "nms",
        "Many detections, few objects",
        "Step through the ranking: which box is taken, which go? Then raise the threshold.",
        widgets.NMS,
    ),
    Demo(
        "precision-recall",
        "How good is a detector?",
        "Walk down the ranking: when does the curve go right, and when down?",
        widgets.PrecisionRecall,
    ),
    Demo(
        "anchors",
        "A guess at every place",
        "How large must an anchor be to fit the object? Change sizes, ratios and stride.",
        widgets.Anchors,
    ),
    Demo(
        "roi-align",
        "A box between the cells",
        "Move the region by a fraction of a cell: which of the two results follows?",
        widgets.RoIAlign,
    ),
    Demo(
        "receptive-field",
        "What does one output see?",
        "Add layers and strides. How far does one output look into the image?",
        widgets.ReceptiveField,
    ),
    Demo(
        "upsampling",
        "From few pixels to many",
        "One small map, enlarged in several ways. Whom does an output mix?",
        widgets.Upsampling,
    ),
    Demo(
        "transposed-conv",
        "Copies of a kernel that add up",
        "Step through the inputs. Where do copies overlap, and when does a checkerboard appear?",
        widgets.TransposedConv,
    ),
    Demo(
        "mask-head",
        "A mask for each region",
        "The box cuts out a target; the mask is pasted back. What does the threshold do?",
        widgets.Mask,
    ),
    Demo(
        "keypoints",
        "One heatmap for each keypoint",
        "Move a keypoint within its bin: what is lost when it is decoded?",
        widgets.Keypoints,
    ),
)
