"""Real photographs that come with scikit-image, annotated by hand for this course.

All three are free to use: "astronaut" is by NASA (public domain), "cat" by Stéfan van der Walt and
"coffee" by Rachel Michetti (both CC0).
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course.scenes.outlines import polygon_mask
from course.scenes.record import Scene, annotated

Outline = tuple[tuple[float, float], ...]
SHRINK = 2  # pictures are shown at half their size
FACE = ("nose", "left eye", "right eye", "left ear", "right ear")  # the keypoints' slots


@dataclass(frozen=True)
class Photograph:
    """A picture of scikit-image with outlines in its pixels, from back to front.

    `stuff` is what the picture is of where nothing else is; an outline named "void" belongs to
    nothing. `keypoints` are (x, y, v) of the object that stands first in `things`.
    """

    source: str
    stuff: str
    things: tuple[str, ...]
    outlines: tuple[tuple[str, Outline], ...]
    keypoints: tuple[tuple[float, float, int], ...] = ()


# fmt: off
ASTRONAUT = Photograph(
    source="astronaut",
    stuff="wall",
    things=("person", "helmet", "shuttle", "flag"),
    keypoints=((228, 124, 2), (248, 103, 2), (203, 100, 2), (272, 117, 1), (177, 114, 1)),
    outlines=(
        ("void", (
            (366, 512), (366, 310), (372, 292), (366, 279), (378, 271), (470, 273), (512, 273),
            (512, 512),
        )),
        ("flag", ((0, 0), (42, 0), (63, 88), (72, 115), (85, 170), (97, 222), (97, 512), (0, 512))),
        ("shuttle", (
            (408, 0), (428, 0), (437, 25), (437, 55), (443, 40), (451, 55), (455, 75), (455, 235),
            (452, 238), (456, 262), (458, 268), (435, 272), (425, 270), (412, 272), (388, 265),
            (367, 272), (367, 262), (378, 238), (380, 227), (354, 225), (354, 215), (378, 183),
            (378, 70), (385, 42), (396, 55), (396, 30),
        )),
        ("person", (
            (232, 15), (255, 18), (275, 28), (290, 45), (298, 68), (301, 90), (296, 110),
            (287, 125), (279, 134), (268, 137), (262, 150), (258, 165), (254, 174), (272, 183),
            (288, 198), (300, 220), (304, 236), (320, 243), (338, 258), (347, 275), (353, 300),
            (358, 325), (361, 350), (361, 512), (50, 512), (40, 490), (27, 460), (20, 430),
            (22, 390), (28, 345), (38, 310), (50, 285), (62, 260), (80, 238), (100, 222),
            (117, 208), (112, 195), (114, 186), (122, 183), (132, 168), (150, 154), (178, 149),
            (185, 150), (183, 140), (178, 132), (172, 128), (168, 120), (160, 110), (155, 85),
            (153, 70), (160, 50), (175, 38), (190, 35), (200, 25), (215, 17),
        )),
        ("helmet", (
            (277, 512), (280, 480), (283, 463), (288, 436), (296, 411), (317, 380), (348, 354),
            (390, 344), (416, 344), (442, 354), (473, 382), (491, 421), (496, 453), (509, 473),
            (509, 512),
        )),
    ),
)
CAT = Photograph(
    source="chelsea",
    stuff="void",
    things=("cat",),
    keypoints=((266, 240, 2), (317, 131, 2), (171, 111, 2), (372, 20, 2), (62, 10, 2)),
    outlines=(
        ("cat", (
            (42, 0), (35, 30), (33, 60), (36, 90), (30, 115), (0, 126), (0, 300), (300, 300),
            (305, 255), (315, 240), (322, 222), (332, 205), (345, 185), (355, 160), (361, 140),
            (362, 110), (357, 85), (356, 72), (372, 50), (388, 22), (400, 0),
        )),
    ),
)
COFFEE = Photograph(
    source="coffee",
    stuff="table",
    things=("cup", "spoon", "saucer"),
    outlines=(
        ("void", ((0, 0), (155, 0), (0, 108))),
        ("saucer", (
            (181, 70), (160, 80), (140, 92), (121, 109), (105, 130), (94, 148), (85, 170),
            (79, 193), (76, 215), (77, 233), (81, 252), (87, 273), (96, 293), (108, 311),
            (122, 328), (140, 344), (160, 358), (180, 369), (200, 377), (225, 383), (250, 387),
            (300, 389), (325, 387), (350, 382), (376, 373), (400, 361), (419, 347), (436, 330),
            (450, 311), (463, 290), (472, 268), (477, 245), (479, 215), (470, 180), (450, 145),
            (420, 108), (408, 100),
        )),
        ("cup", (
            (285, 18), (310, 19), (332, 24), (352, 32), (372, 45), (387, 60), (399, 78), (406, 98),
            (408, 118), (404, 150), (392, 185), (380, 220), (355, 250), (324, 277), (288, 285),
            (254, 282), (240, 297), (221, 309), (200, 297), (197, 277), (205, 250), (217, 234),
            (209, 225), (196, 202), (184, 172), (176, 140), (172, 110), (173, 90), (180, 70),
            (192, 52), (213, 35), (240, 24), (260, 20),
        )),
        ("spoon", (
            (397, 73), (415, 66), (424, 77), (417, 107), (409, 131), (397, 183), (384, 230),
            (385, 240), (400, 258), (406, 280), (400, 305), (380, 322), (360, 325), (340, 313),
            (327, 290), (328, 265), (345, 248), (370, 238), (378, 220), (390, 185), (404, 140),
            (408, 115), (400, 85),
        )),
    ),
)
# fmt: on
PHOTOGRAPHS = {"astronaut": ASTRONAUT, "cat": CAT, "coffee": COFFEE}


def photograph(name: str) -> Scene:
    """Return a real picture, "astronaut", "cat" or "coffee", at half its size and annotated.

    `names` of the scene are the classes of this picture: `scene.names[label - 1]`. Keypoints are
    those of `FACE`, left and right as the person or the cat has them.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"name must be one of {', '.join(PHOTOGRAPHS)}, got {name!r}")
    return _annotated(name)


@cache
def _annotated(name: str) -> Scene:
    taken = PHOTOGRAPHS[name]
    # `skimage.data` would do, but takes half a second to find a file that lies there anyway.
    found = importlib.util.find_spec("skimage")
    folder = Path(found.origin or "").parent if found else Path()
    with Image.open(folder / "data" / f"{taken.source}.png") as opened:
        image = _shrunk(np.array(opened.convert("RGB")))
    height, width = image.shape[:2]
    categories = tuple(dict.fromkeys(("void", *taken.things, taken.stuff)))
    semantic = np.full((height, width), categories.index(taken.stuff))
    instance = np.zeros((height, width), dtype=np.int64)
    labels = []
    for category, corners in taken.outlines:
        inside = polygon_mask([(x / SHRINK, y / SHRINK) for x, y in corners], height, width)
        semantic[inside] = categories.index(category)
        instance[inside] = 0
        if category in taken.things:
            labels.append(categories.index(category))
            instance[inside] = len(labels)
    keypoints = np.zeros((len(labels), len(FACE), 3), dtype=np.float32)
    for slot, (x, y, v) in enumerate(taken.keypoints):
        keypoints[labels.index(1), slot] = x / SHRINK, y / SHRINK, v
    masks = instance == np.arange(1, len(labels) + 1)[:, None, None]
    return annotated(
        image, labels, masks, keypoints, semantic, names=taken.things, categories=categories
    )


def _shrunk(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image [H, W, 3] at half its size: the mean of each 2 x 2 pixels."""
    height, width = (length // SHRINK for length in image.shape[:2])
    cut = image[: height * SHRINK, : width * SHRINK].astype(np.int64)
    blocks: NDArray[np.int64] = cut.reshape(height, SHRINK, width, SHRINK, 3).sum(axis=(1, 3))
    return np.asarray((blocks + SHRINK * SHRINK // 2) // (SHRINK * SHRINK), dtype=np.uint8)
