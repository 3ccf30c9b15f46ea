"""Panoptic segmentation: every pixel has a class, and things also have an instance.

Source: Panoptic Segmentation (arXiv:1801.00868), sections 3 and 6.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def panoptic_merge(
    semantic: Int[Tensor, "H W"],
    masks: Bool[Tensor, "N H W"],
    scores: Float[Tensor, " N"],
    labels: Int[Tensor, " N"],
    min_area: int,
) -> tuple[Int[Tensor, "H W"], Int[Tensor, "H W"]]:
    """Return the category and the instance of every pixel, from both kinds of segmentation.

    Instances take, by falling score (of equal ones the lower index first), the pixels of their mask
    that are still free; one that gets fewer than `min_area` leaves them. Instances are numbered 1,
    2, ... as they are accepted, 0 is none. All other pixels keep their semantic category.
    """
    category = semantic.clone()
    instance = torch.zeros_like(semantic)
    count = 0
    for n in scores.argsort(descending=True, stable=True):
        visible = masks[n] & (instance == 0)
        if visible.sum() >= min_area:
            count += 1
            category[visible] = labels[n]
            instance[visible] = count
    return category, instance


def instances_of(
    category: Int[Tensor, "H W"], instance: Int[Tensor, "H W"]
) -> tuple[Float[Tensor, "n 4"], Int[Tensor, " n"]]:
    """Return the box around each instance of a panoptic map and its label, by rising instance.

    Boxes are (x1, y1, x2, y2), float32, from the outer edges of the outermost pixels. Stuff, whose
    instance is 0, has no box; neither do hidden parts of things.
    """
    boxes, labels = [], []
    for number in sorted(set(instance[instance > 0].tolist())):
        rows, columns = (instance == number).nonzero(as_tuple=True)
        corners = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        boxes.append(torch.stack(corners))
        labels.append(category[rows[0], columns[0]])
    if not boxes:
        return torch.zeros((0, 4), device=category.device), category.new_zeros(0)
    return torch.stack(boxes).float(), torch.stack(labels)
