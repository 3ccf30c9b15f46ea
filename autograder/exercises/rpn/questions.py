"""The questions of 05_rpn, and the answer in words."""

from autograder.exercise import Question, WrittenAnswer

WHERE_TO_CUT = Question(
    name="where_to_cut",
    answer=["conv5", "stage 4"],
    form="a list of two names: the last part of AlexNet and of ResNet-101 that runs once",
    example=["conv1", "stage 1"],
    wrong={
        repr(["fc7", "stage 5"]): (
            "everything_is_shared",
            "Then nothing is left that looks at a region by itself, and fully connected layers "
            "have mixed up all places.",
        ),
        repr(["fc6", "stage 4"]): (
            "a_connected_layer_is_shared",
            "A fully connected layer mixes all places: behind it nobody can say which numbers "
            "belong to which region.",
        ),
        repr(["fc7", "stage 4"]): (
            "connected_layers_are_shared",
            "Fully connected layers mix all places: behind them nobody can say which numbers "
            "belong to which region.",
        ),
        repr(["conv5", "stage 5"]): (
            "no_stage_for_the_regions",
            "In AlexNet two layers are left that look at each region. What is left of ResNet, once "
            "its last layer is replaced?",
        ),
        repr(["fc6", "stage 5"]): (
            "names_the_first_of_the_head",
            "These are the first parts that run for each region: asked are the last ones that run "
            "once.",
        ),
        repr(["conv4", "stage 3"]): (
            "one_part_too_early",
            "The part after these can still be shared: it is a convolution, or a stage of them.",
        ),
        repr(["conv5", "stage 3"]): (
            "stage_4_for_every_region",
            "ResNet's stage 4 is most of the network: run for each region, it would cost a hundred "
            "times as much as once.",
        ),
    },
)

# Seconds: 2 + 2000 * (0.02 + 0.0001) = 42.2; 2 + 0.15 + 0.2 = 2.35; 0.01 + 0.15 + 0.03 = 0.19.
SLOWEST_FIRST = Question(
    name="slowest_first",
    answer=[["rcnn", "backbone"], ["fast", "proposals"], ["faster", "backbone"]],
    form="a list of three pairs: a system and the part that takes most of its time",
    example=[["faster", "heads"], ["rcnn", "proposals"], ["fast", "backbone"]],
    wrong={
        repr([["faster", "backbone"], ["fast", "proposals"], ["rcnn", "backbone"]]): (
            "fastest_first",
            "The parts are right, but the fastest system comes first: the slowest was asked for.",
        ),
        repr([["rcnn", "proposals"], ["fast", "proposals"], ["faster", "backbone"]]): (
            "proposals_dominate_rcnn",
            "R-CNN's proposals take 2 seconds. How long do 2000 passes of its backbone take?",
        ),
        repr([["rcnn", "heads"], ["fast", "heads"], ["faster", "heads"]]): (
            "heads_dominate",
            "The head is light: 2000 of them take 0.2 seconds.",
        ),
        repr([["rcnn", "backbone"], ["fast", "heads"], ["faster", "heads"]]): (
            "heads_dominate_once_shared",
            "The head is light: 2000 of them take 0.2 seconds. What else does each system run?",
        ),
        repr([["rcnn", "backbone"], ["fast", "backbone"], ["faster", "backbone"]]): (
            "backbone_dominates",
            "Fast R-CNN runs its backbone once, in 0.15 seconds. What else does it need?",
        ),
        repr([["rcnn", "backbone"], ["fast", "proposals"], ["faster", "proposals"]]): (
            "proposals_of_the_rpn",
            "Faster R-CNN's proposals come from a few layers on features that are there anyway: "
            "0.01 seconds.",
        ),
        repr([["rcnn", "backbone"], ["fast", "proposals"], ["faster", "heads"]]): (
            "heads_of_faster",
            "300 heads take 0.03 seconds. The backbone takes more.",
        ),
        repr([["rcnn", "backbone"], ["fast", "backbone"], ["faster", "heads"]]): (
            "search_forgotten",
            "Fast R-CNN still needs Selective Search, and that takes 2 seconds.",
        ),
    },
)

MOST_ACCURATE_FIRST = Question(
    name="most_accurate_first",
    answer=["R", "backbone", "P", "stage", "S", "backbone", "Q"],
    form="a list of seven words: four detectors, and between two of them what makes the difference",
    example=["Q", "stage", "P", "backbone", "R", "stage", "S"],
    wrong={
        repr(["Q", "backbone", "S", "stage", "P", "backbone", "R"]): (
            "fastest_first",
            "This is the order by speed, the fastest first: the most accurate was asked for.",
        ),
        repr(["R", "backbone", "S", "stage", "P", "backbone", "Q"]): (
            "one_stage_more_accurate",
            "P and S have the same backbone: which of them looks at each candidate twice?",
        ),
        repr(["P", "stage", "S", "backbone", "R", "backbone", "Q"]): (
            "larger_backbone_less_accurate",
            "R is a two-stage detector as P is, with a much larger backbone.",
        ),
        repr(["P", "backbone", "R", "stage", "S", "backbone", "Q"]): (
            "middle_backbone_best",
            "P and R differ in the backbone only: the larger one is slower, and more accurate.",
        ),
        repr(["R", "stage", "P", "backbone", "S", "stage", "Q"]): (
            "reasons_exchanged",
            "The order is right, but look at what neighbours have in common: R and P both have two "
            "stages, P and S the same backbone.",
        ),
        repr(["R", "backbone", "P", "backbone", "S", "backbone", "Q"]): (
            "all_backbone",
            "The order is right, but P and S have the same backbone.",
        ),
        repr(["R", "backbone", "P", "stage", "S", "stage", "Q"]): (
            "two_single_stages",
            "The order is right, but S and Q are both single-stage.",
        ),
        repr(["R", "stage", "P", "stage", "S", "backbone", "Q"]): (
            "two_two_stages",
            "The order is right, but R and P both have a second stage.",
        ),
    },
)

FOUR_LOSSES = WrittenAnswer(
    name="four_losses",
    guide="\n".join(
        [
            "The question: somebody trains Faster R-CNN with the losses of the second stage alone. "
            "What happens to the RPN, and why? What does that do to the detector? What does the "
            "backbone gain from all four losses?",
            "",
            "- 0.5 points: The RPN does not learn: its own layers get no gradient and stay as they "
            "were at random.",
            "- 0.5 points: Why: the second stage takes proposals as numbers. Sorting, the best n "
            "and NMS are choices without a useful gradient, and the boxes are detached, so nothing "
            "flows from the losses 3 and 4 back to objectness and transforms.",
            "- 0.5 points: The detector: proposals stay arbitrary, so objects have no proposal "
            "near them; the second stage hardly sees positives in training and at test time has "
            "nothing to correct. It can only find what was proposed.",
            "- 0.5 points: The backbone: it is shared, and all four losses reach it; its features "
            "have to serve finding and naming both. A student who says that without the RPN's "
            "losses the features are never made to tell objects from background at anchors earns "
            "the same.",
            "",
            'Earns nothing by itself: "all losses are needed" or "it gets worse" without a reason; '
            "that training takes longer; naming the four losses.",
            "",
            "Loses the points of its line: that the RPN learns after all, through the boxes of the "
            "proposals (nobody lets gradients through them here: the lesson's code detaches them. "
            "Who says that RoI align could in principle pass a gradient to the coordinates, and "
            "that it is cut here, is right).",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)
