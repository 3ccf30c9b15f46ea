"""What is graded in 06_transposed_conv: the ways down and up, two questions, one text."""

from autograder.exercise import Question, Topic, WrittenAnswer
from autograder.exercises.transposed_conv.bed_of_nails import BED_OF_NAILS
from autograder.exercises.transposed_conv.bicubic_upsample import BICUBIC_UPSAMPLE
from autograder.exercises.transposed_conv.bilinear_upsample import BILINEAR_UPSAMPLE
from autograder.exercises.transposed_conv.build_fcn import BUILD_FCN
from autograder.exercises.transposed_conv.conv_transpose1d import CONV_TRANSPOSE1D
from autograder.exercises.transposed_conv.conv_transpose2d import CONV_TRANSPOSE2D
from autograder.exercises.transposed_conv.convolution_matrix import CONVOLUTION_MATRIX
from autograder.exercises.transposed_conv.max_pool import MAX_POOL
from autograder.exercises.transposed_conv.max_unpool import MAX_UNPOOL
from autograder.exercises.transposed_conv.nearest_upsample import NEAREST_UPSAMPLE
from autograder.exercises.transposed_conv.pixel_cross_entropy import PIXEL_CROSS_ENTROPY
from autograder.exercises.transposed_conv.receptive_field import RECEPTIVE_FIELD

# 3x3 layers until one output sees 101 pixels: with stride 1 each adds 2 pixels, 1 + 2L; with
# stride 2 the steps double, 1 + 2 (1 + 2 + 4 + ...) = 2^(L + 1) - 1, which is 63 for 5, 127 for 6.
LAYERS_NEEDED = Question(
    name="layers_needed",
    answer=[50, 6],
    form="a list of two whole numbers: layers with stride 1, layers with stride 2",
    example=[10, 3],
    wrong={
        repr([34, 6]): (
            "adds_up_kernels",
            "With stride 1 a layer of kernel 3 adds 2 pixels and not 3: the windows overlap.",
        ),
        repr([100, 6]): (
            "one_side_only",
            "With stride 1 a layer adds a pixel at each of the two sides.",
        ),
        repr([51, 6]): (
            "forgets_the_pixel_itself",
            "The output sees one pixel before the first layer: 1 + 2L must reach 101.",
        ),
        repr([50, 50]): (
            "stride_does_nothing",
            "Behind a stride of 2 every step is two pixels long, and behind two such layers four.",
        ),
        repr([50, 25]): (
            "steps_double_once",
            "The strides multiply: the steps are 1, 2, 4, 8 pixels long, twice as long each time.",
        ),
        repr([50, 5]): (
            "own_stride_first",
            "A layer's own stride counts only for the layers after it: 5 layers see 63 pixels.",
        ),
        repr([50, 7]): (
            "one_layer_too_many",
            "The kernel of 3 takes two steps in each layer: 1 + 2 (1 + 2 + 4 + ...) is enough "
            "earlier.",
        ),
    },
)

# How many copies reach an output pixel is even everywhere only if the stride divides the kernel:
# B 4/2, C 2/2, E 6/3 and F 3/1 are even; A 3/2 and D 5/3 are not.
CHECKERBOARD = Question(
    name="checkerboard",
    answer=["A", "D"],
    form="a list of the letters, in alphabetical order",
    example=["A", "B", "C"],
    wrong={
        repr(["B", "C", "E", "F"]): (
            "the_even_ones",
            "These are the ones without a pattern: where the stride divides the kernel, each "
            "output pixel gets equally many copies.",
        ),
        repr(["A", "B", "C", "D", "E"]): (
            "every_stride_above_1",
            "A stride above 1 is not enough: with kernel 4 and stride 2 every output gets two "
            "copies along each axis.",
        ),
        repr(["A", "D", "F"]): (
            "every_odd_kernel",
            "An odd kernel is not enough: with stride 1 every output gets equally many copies.",
        ),
        repr(["A", "B", "D", "E", "F"]): (
            "every_overlap",
            "Overlap alone makes no pattern: only uneven overlap does. Count the copies for kernel "
            "4 and stride 2.",
        ),
        repr(["A", "B", "D", "E"]): (
            "every_overlap_with_a_stride",
            "Overlap alone makes no pattern: only uneven overlap does. Count the copies for kernel "
            "4 and stride 2.",
        ),
        repr(["A"]): (
            "only_the_example",
            "A is one of them, and there is another: which strides do not divide their kernel?",
        ),
        repr(["C"]): (
            "no_overlap",
            "Where copies lie exactly side by side every output gets one: that is even.",
        ),
        repr(["B", "E"]): (
            "even_overlap",
            "In these every output gets two copies along each axis, which is even.",
        ),
    },
)

WHY_DOWN = WrittenAnswer(
    name="why_down",
    guide="\n".join(
        [
            'The question: "Leave out the downsampling: all it does is to throw away detail, which '
            'the upsampling then has to invent." What would such a network lack, what would it '
            "cost, and what is right about the remark?",
            "",
            "- 0.5 points: Reach. Without downsampling the receptive field grows by 2 pixels a "
            "layer only (1 + 2L for 3x3), so a pixel is judged without the object around it, or "
            "the network needs very many layers; behind a stride each step is twice as long.",
            "- 0.5 points: Cost. Every layer works at full resolution; halving height and width "
            "makes a layer of equal width cost a quarter (and the memory for its activations).",
            "- 0.5 points: What is right: where exactly an edge was is lost on the way down, and "
            "upsampling alone gives it back blurred. Something must carry it past: remembered "
            "places of the maxima, skip connections. One of them is enough.",
            "",
            'Earns nothing by itself: "it is faster" or "it is better" without saying what grows '
            "how; overfitting; that pooling makes networks robust.",
            "",
            "Loses the points of its line: the claim that the output is smaller without "
            "downsampling; that transposed convolution restores the values that were lost.",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)

TOPIC = Topic(
    assignment="06_transposed_conv",
    exercises=(
        PIXEL_CROSS_ENTROPY,
        RECEPTIVE_FIELD,
        BED_OF_NAILS,
        NEAREST_UPSAMPLE,
        BILINEAR_UPSAMPLE,
        BICUBIC_UPSAMPLE,
        MAX_POOL,
        MAX_UNPOOL,
        CONV_TRANSPOSE1D,
        CONV_TRANSPOSE2D,
        CONVOLUTION_MATRIX,
        BUILD_FCN,
    ),
    questions=(LAYERS_NEEDED, CHECKERBOARD),
    written=(WHY_DOWN,),
)
