"""What is graded in 04_map: matching, the curve, average precision, and a whole detector."""

from autograder.exercise import Question, Topic, WrittenAnswer
from autograder.exercises.mean_ap.average_precision import AVERAGE_PRECISION
from autograder.exercises.mean_ap.average_precision_101 import AVERAGE_PRECISION_101
from autograder.exercises.mean_ap.coco_map import COCO_MAP
from autograder.exercises.mean_ap.matching import MATCH_DETECTIONS
from autograder.exercises.mean_ap.mean_average_precision import MEAN_AVERAGE_PRECISION
from autograder.exercises.mean_ap.perfect_ap import PERFECT_AP
from autograder.exercises.mean_ap.precision_recall import PRECISION_RECALL
from course.compare import Comparison

# True, false, true, true, false, true with four objects: precision 1, 1/2, 2/3, 3/4, 3/5, 2/3.
READ_OFF_THE_CURVE = Question(
    name="read_off_the_curve",
    answer=[0.67, 0.75, 0.79],
    form="a list of three numbers: the precision and the envelope at recall 0.5, and the AP",
    example=[0.25, 0.25, 0.25],
    wrong={
        repr([0.67, 0.67, 0.77]): (
            "no_envelope",
            "That is the curve as it stands: at each recall the envelope takes the best precision "
            "at that recall or beyond, which lies further to the right.",
        ),
        repr([0.67, 0.75, 0.77]): (
            "area_of_the_raw_curve",
            "The envelope is right, but the area is that under the curve with its dips.",
        ),
        repr([0.67, 0.67, 0.79]): (
            "envelope_at_its_own_point",
            "The area is right, but at recall 0.5 the envelope is higher than the point: a better "
            "precision comes at recall 0.75.",
        ),
        repr([0.67, 1.0, 0.79]): (
            "best_so_far",
            "The envelope looks at this recall and beyond, to the right, and not back to the left.",
        ),
        repr([0.67, 0.75, 0.7]): (
            "mean_of_precisions",
            "The last number is the mean of the six precisions: AP is an area, in which only "
            "growing recall has a width.",
        ),
        repr([0.67, 0.75, 0.54]): (
            "first_step_lost",
            "The area begins at recall 0: the first true detection covers the first quarter.",
        ),
    },
    comparison=Comparison(rtol=0, atol=0.0051),
)

PERFECT_RANKINGS = Question(
    name="perfect_rankings",
    answer=["A", "B"],
    form="a list of letters in the order of the alphabet",
    example=["D", "E"],
    wrong={
        repr(["A"]): (
            "no_false_one_at_all",
            "One is missing: false detections below the last true one have no width in the area.",
        ),
        repr(["A", "B", "C", "E"]): (
            "recall_only",
            "All of these find every object, but in two of them a false detection stands above a "
            "true one.",
        ),
        repr(["A", "B", "D"]): (
            "precision_only",
            "One of these has no false detection at all and yet misses an object: recall ends at "
            "2/3.",
        ),
        repr(["A", "D"]): (
            "precision_only_and_no_false_one",
            "No false detection is not what counts: look at what is found, and at what stands "
            "above it.",
        ),
        repr(["A", "B", "C"]): (
            "forgives_late_mistakes",
            "In one of these the last object is found below a false detection, at precision 3/4.",
        ),
        repr(["A", "B", "C", "D", "E"]): (
            "all_of_them",
            "Not all: ask of each one whether every object is found, and whether anything false "
            "stands above a true detection.",
        ),
    },
)

WHICH_DETECTOR = WrittenAnswer(
    name="which_detector",
    guide="\n".join(
        [
            "The question: X has AP50 = 0.80 and AP75 = 0.30, Y has AP50 = 0.71 and AP75 = 0.62. "
            "Which one counts cars, which one steers an arm that grips, and what does neither "
            "number show?",
            "",
            "- 0.5 points: X for counting: it finds more cars at the same precision when a rough "
            "box is enough, and a count needs no tight box.",
            "- 0.5 points: Y for gripping: many boxes of X are too loose to be right at 0.75, but "
            "those of Y mostly stay right, and the arm needs the place.",
            "- 0.5 points: One thing that is not shown, for example: the score threshold to use, "
            "and precision or recall there; small or distant cars; single classes or kinds of "
            "images; speed; duplicates at the threshold; whether scores are calibrated.",
            "- 0.5 points: How to look at it: a curve or counts at the chosen threshold, AP by "
            "size or by subset, a time measurement; it must fit to what was named.",
            "",
            'Earns nothing by itself: "Y has the higher mean"; "more images are needed" without '
            "saying for what.",
            "",
            "Loses the points of its line: AP75 read as 75% of the objects found; AP taken for the "
            "share of right boxes at some threshold.",
            "",
            "Language, spelling and length don't count.",
        ]
    ),
)

TOPIC = Topic(
    assignment="04_map",
    exercises=(
        MATCH_DETECTIONS,
        PRECISION_RECALL,
        AVERAGE_PRECISION,
        PERFECT_AP,
        MEAN_AVERAGE_PRECISION,
        AVERAGE_PRECISION_101,
        COCO_MAP,
    ),
    questions=(READ_OFF_THE_CURVE, PERFECT_RANKINGS),
    written=(WHICH_DETECTOR,),
)
