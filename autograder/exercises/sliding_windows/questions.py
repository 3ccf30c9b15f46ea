"""Questions and the written answer of 01_sliding_windows."""

from autograder.exercise import Question, WrittenAnswer

TASK_OUTPUTS = Question(
    name="task_outputs",
    answer=["D", "B", "F", "A", "E", "C"],
    form="a list of six letters: of classification, semantic segmentation, object detection, "
    "instance segmentation, panoptic segmentation and keypoints",
    example=["A", "B", "C", "D", "E", "F"],
    wrong={
        repr(["D", "A", "F", "B", "E", "C"]): (
            "semantic_and_instance",
            "Semantic segmentation says something about each pixel once, and instance "
            "segmentation about each object: you have them exchanged.",
        ),
        repr(["D", "B", "A", "F", "E", "C"]): (
            "detection_and_instance",
            "Detection is content with a box; the mask of each object is what instance "
            "segmentation adds.",
        ),
        repr(["D", "E", "F", "A", "B", "C"]): (
            "semantic_and_panoptic",
            "Semantic segmentation does not tell objects apart, so it has no number of the "
            "object: that is what panoptic segmentation adds.",
        ),
        repr(["D", "B", "F", "E", "A", "C"]): (
            "instance_and_panoptic",
            "Instance segmentation gives a mask for each object; panoptic segmentation has an "
            "answer for every pixel, stuff included.",
        ),
        repr(["D", "B", "C", "A", "E", "F"]): (
            "detection_and_keypoints",
            "Detection gives a class and a box; the points of each object come with keypoints.",
        ),
        repr(["B", "D", "F", "A", "E", "C"]): (
            "classification_and_semantic",
            "Classification has one answer for the whole picture, semantic segmentation one for "
            "each pixel.",
        ),
    },
)

_APART = [False, False, True, True, True, True]
_ROAD = [False, True, False, False, True, False]


def _told(apart: list[bool], road: list[bool]) -> dict[str, list[bool]]:
    return {"triangles apart": apart, "the road": road}


ENOUGH_TO_TELL = Question(
    name="enough_to_tell",
    answer=_told(_APART, _ROAD),
    form="a dict with two lists of six truth values, each in the order of the tasks",
    example=_told([True] * 6, [True] * 6),
    wrong={
        repr(_told([False, True, True, True, True, True], _ROAD)): (
            "semantic_counts",
            "Semantic segmentation gives both triangles the same category: where they touch, it "
            "has one patch.",
        ),
        repr(_told([False, False, False, True, True, True], _ROAD)): (
            "boxes_do_not_count",
            "Boxes may overlap and are still two: detection does tell the triangles apart.",
        ),
        repr(_told([False, False, True, True, False, True], _ROAD)): (
            "panoptic_does_not_count",
            "Panoptic segmentation says of each pixel of a thing to which object it belongs: it "
            "tells the triangles apart.",
        ),
        repr(_told([False, False, True, True, True, False], _ROAD)): (
            "keypoints_do_not_count",
            "Keypoints come object by object, so that they tell the triangles apart.",
        ),
        repr(_told(_APART, [False, True, False, False, False, False])): (
            "panoptic_without_stuff",
            "Panoptic segmentation labels every pixel, stuff included: its answer has the road.",
        ),
        repr(_told(_APART, [False, True, True, False, True, False])): (
            "a_box_around_the_road",
            "The road is stuff: a detector lists things, and has no box for it.",
        ),
        repr(_told(_APART, [False, True, False, True, True, False])): (
            "a_mask_of_the_road",
            "The road is stuff: instance segmentation has masks of things alone.",
        ),
        repr(_told(_APART, [False, True, True, True, True, False])): (
            "stuff_as_a_thing",
            "The road is stuff, not a thing: tasks that list objects say nothing about it.",
        ),
        repr(_told(_ROAD, _APART)): (
            "questions_exchanged",
            "The two lists are exchanged: the first is about things, the second about stuff.",
        ),
    },
)

SHARED_STEPS = Question(
    name="shared_steps",
    answer=[80, 64],
    form="a list of two numbers: steps shared with the window to the right, and with the one to "
    "the right and below",
    example=[10, 20],
    wrong={
        repr([20, 36]): (
            "steps_not_shared",
            "These are the steps that the windows do not share.",
        ),
        repr([168, 144]): (
            "shared_pixels",
            "These are the pixels that the windows share: a step needs room for the whole kernel, "
            "so each window has 10 x 10 of them.",
        ),
        repr([90, 81]): (
            "moved_by_one",
            "The window moves by two pixels, so that two columns of steps are new.",
        ),
        repr([80, 80]): (
            "moved_to_the_right_only",
            "The second window is also moved down: two rows of steps are new as well.",
        ),
        repr([80, 60]): (
            "corner_counted_twice",
            "Two columns and two rows of steps are new, but where they cross they were taken off "
            "twice.",
        ),
        repr([60, 36]): (
            "less_on_both_sides",
            "Columns are lost on one side only: those at the left of the first window.",
        ),
    },
)

CONVOLUTION_STEPS = Question(
    name="convolution_steps",
    answer=[400, 144, 6400, 576],
    form="a list of four numbers: loop and one pass for 16 x 16, loop and one pass for 28 x 28",
    example=[10, 20, 30, 40],
    wrong={
        repr([144, 400, 576, 6400]): (
            "loop_and_pass_exchanged",
            "The loop needs more: each pair of numbers is exchanged.",
        ),
        repr([400, 256, 6400, 784]): (
            "pixels_for_steps",
            "For one pass these are the pixels: a kernel of 5 x 5 has four places fewer than "
            "pixels along each side.",
        ),
        repr([784, 256, 12544, 784]): (
            "pixels_throughout",
            "These are pixels: a step needs room for the whole kernel, so a window has 10 x 10 of "
            "them.",
        ),
        repr([100, 144, 100, 576]): (
            "one_window",
            "The loop has 100 steps for each of its windows: 4 and 64 of them.",
        ),
        repr([900, 144, 22500, 576]): (
            "stride_one",
            "The windows move by two pixels: there are 2 x 2 and 8 x 8 of them.",
        ),
        repr([400, 36, 6400, 144]): (
            "after_the_pooling",
            "For one pass these are the places after the pooling: the first convolution has twice "
            "as many along each side.",
        ),
        repr([400, 256, 6400, 5824]): (
            "steps_saved",
            "The second and fourth number are the steps that one pass saves: asked is how many it "
            "needs.",
        ),
    },
)

WHAT_ONE_PASS_SAVES = WrittenAnswer(
    name="what_one_pass_saves",
    guide="\n".join(
        [
            'The question: "One pass scores all windows, so 58 billion boxes are no problem and we '
            'have a detector." What does the pass save and why, which boxes does it try, and what '
            "is still missing?",
            "",
            "- 0.5 points: It saves the convolution steps that overlapping windows share, because "
            "each place of the picture is computed once and not once for each window. (That what "
            "was fully connected is not shared may be said and need not.)",
            "- 0.5 points: It tries windows of one size and shape, the classifier's own, at a "
            "stride that pooling fixes: some hundreds or thousands of the 58 billion. All other "
            "sizes, shapes and the places between are not tried; they need scaled copies of the "
            "picture or other outputs.",
            "- 0.5 points: The boxes do not fit: a window is where it is and as large as it is, "
            "and nothing predicts where the object ends. Regression of a box is missing.",
            "- 0.5 points: Many windows fire around each object: some rule must make one "
            "detection out of them (choose the best, NMS), or say from which score on a window "
            "counts.",
            "",
            'Earns nothing by itself: "it is faster"; "it uses the GPU better"; that Python loops '
            "are slow.",
            "",
            "Loses the points of its line: that the pass tries all box sizes; that nothing is "
            "computed twice anywhere in the network.",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)
