"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import torch
from torch import nn
from torch.nn import functional as F

from solutions.rcnn import crop_and_resize


def mask_targets__mask_of_its_own_index(gt_masks, boxes, matches, size=28):
    targets = torch.zeros(len(boxes), size, size, dtype=boxes.dtype)
    for i in range(len(boxes)):
        if matches[i] >= 0:
            mask = gt_masks[i][None].to(boxes.dtype)
            targets[i] = (
                crop_and_resize(mask, boxes[i : i + 1], (size, size))[0, 0] >= 0.5
            ).float()
    return targets


def mask_targets__last_mask_for_no_match(gt_masks, boxes, matches, size=28):
    """It also fails without boxes and without objects."""
    crops = [
        crop_and_resize(gt_masks[m][None].to(b.dtype), b[None], (size, size))[0, 0]
        for m, b in zip(matches, boxes)
    ]
    return (torch.stack(crops) >= 0.5).to(boxes.dtype)


def mask_targets__shares_for_decisions(gt_masks, boxes, matches, size=28):
    """It also stacks nothing without boxes."""
    targets = []
    for m, b in zip(matches, boxes):
        if m < 0:
            targets.append(boxes.new_zeros(size, size))
        else:
            crop = crop_and_resize(gt_masks[m][None].to(b.dtype), b[None], (size, size))
            targets.append(crop[0, 0])
    return torch.stack(targets)


class MaskHead__sigmoid_at_the_end(nn.Module):
    def __init__(self, in_channels, num_classes, hidden=256):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv3 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv4 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.deconv = nn.ConvTranspose2d(hidden, hidden, 2, stride=2)
        self.mask = nn.Conv2d(hidden, num_classes, 1)

    def forward(self, x):
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.deconv):
            x = F.relu(layer(x))
        return F.sigmoid(self.mask(x))


class MaskHead__no_relu_after_the_transposed_convolution(nn.Sequential):
    """Its default width is another one, too."""

    def __init__(self, in_channels, num_classes, hidden=128):
        convolutions = []
        for i in range(4):
            convolutions.append(nn.Conv2d(hidden if i else in_channels, hidden, 3, padding=1))
            convolutions.append(nn.ReLU())
        super().__init__(
            *convolutions,
            nn.ConvTranspose2d(hidden, hidden, 2, stride=2),
            nn.Conv2d(hidden, num_classes, 1),
        )


class MaskHead__upsampling_without_weights(nn.Module):
    def __init__(self, in_channels, num_classes, hidden=256):
        super().__init__()
        self.first = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.others = nn.ModuleList([nn.Conv2d(hidden, hidden, 3, padding=1) for _ in range(3)])
        self.last = nn.Conv2d(hidden, num_classes, 1)

    def forward(self, x):
        x = self.first(x).relu()
        for layer in self.others:
            x = layer(x).relu()
        return self.last(F.interpolate(x, scale_factor=2))


def mask_loss__softmax_over_classes(logits, targets, labels):
    positive = labels > 0
    chances = logits[positive].softmax(dim=1)
    own = chances[torch.arange(len(chances)), labels[positive] - 1]
    return F.binary_cross_entropy(own, targets[positive])


def mask_loss__label_for_channel(logits, targets, labels):
    """Without positives it gives NaN, too."""
    positive = labels > 0
    own = logits[positive, labels[positive]]
    return F.binary_cross_entropy_with_logits(own, targets[positive])


def mask_loss__background_counted(logits, targets, labels):
    kept = labels != -1
    own = logits[kept, labels[kept] - 1]
    return F.binary_cross_entropy_with_logits(own, targets[kept])


def mask_loss__nan_of_nothing(logits, targets, labels):
    positive = labels > 0
    own = logits[positive].gather(
        1, (labels[positive] - 1)[:, None, None, None].expand(-1, 1, *logits.shape[2:])
    )[:, 0]
    return F.binary_cross_entropy_with_logits(own, targets[positive])


def paste_masks__corners_for_centres(probabilities, boxes, image_size, threshold=0.5):
    height, width = image_size
    pasted = torch.zeros(len(boxes), height, width, dtype=torch.bool)
    ys, xs = torch.arange(height).to(boxes), torch.arange(width).to(boxes)
    for n, (x1, y1, x2, y2) in enumerate(boxes):
        size = probabilities.shape[1]
        for r in ys[(ys >= y1) & (ys < y2)]:
            for c in xs[(xs >= x1) & (xs < x2)]:
                u = ((c - x1) / (x2 - x1) * size - 0.5).clamp(0, size - 1)
                v = ((r - y1) / (y2 - y1) * size - 0.5).clamp(0, size - 1)
                down = (1 - (v - torch.arange(size)).abs()).clamp(min=0)
                across = (1 - (u - torch.arange(size)).abs()).clamp(min=0)
                value = down.to(boxes) @ probabilities[n] @ across.to(boxes)
                pasted[n, int(r), int(c)] = value >= threshold
    return pasted


def paste_masks__fades_out(probabilities, boxes, image_size, threshold=0.5):
    """grid_sample fills up with 0 unless it is told otherwise; it takes no empty batch either."""
    height, width = image_size
    x1, y1, x2, y2 = boxes[:, :, None].unbind(dim=1)
    x = (torch.arange(width).to(boxes) + 0.5)[None]
    y = (torch.arange(height).to(boxes) + 0.5)[None]
    u, v = (x - x1) / (x2 - x1) * 2 - 1, (y - y1) / (y2 - y1) * 2 - 1
    u = u.where((x >= x1) & (x < x2), -9)[:, None, :].expand(-1, height, -1)
    v = v.where((y >= y1) & (y < y2), -9)[:, :, None].expand(-1, -1, width)
    values = F.grid_sample(probabilities[:, None], torch.stack([u, v], dim=3), align_corners=False)[
        :, 0
    ]
    return values >= threshold


def paste_masks__squeezed_into_the_image(probabilities, boxes, image_size, threshold=0.5):
    from solutions.masks import paste_masks

    height, width = image_size
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    clipped = [x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)]
    return paste_masks(probabilities, torch.stack(clipped, dim=1), image_size, threshold)


def keypoint_targets__only_seen_ones(keypoints, boxes, size=56):
    """It also divides 0 by 0 in a box without area, and leaves the bins that do not count."""
    x, y, v = keypoints.unbind(-1)
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    column = (size * (x - x1) / (x2 - x1)).floor().clamp(max=size - 1)
    row = (size * (y - y1) / (y2 - y1)).floor().clamp(max=size - 1)
    valid = (v == 2) & (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2) & (x1 < x2) & (y1 < y2)
    return (row * size + column).long(), valid


def keypoint_targets__column_times_size(keypoints, boxes, size=56):
    from solutions.keypoints import keypoint_targets

    bins, valid = keypoint_targets(keypoints, boxes, size)
    return bins % size * size + bins // size, valid


def keypoint_targets__bins_that_do_not_count_are_left(keypoints, boxes, size=56):
    x, y, v = keypoints.unbind(dim=2)
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    i = torch.floor((x - x1) / (x2 - x1 + 1e-12) * size).clamp(0, size - 1)
    j = torch.floor((y - y1) / (y2 - y1 + 1e-12) * size).clamp(0, size - 1)
    inside = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
    return (j * size + i).long(), inside & (v > 0) & (x2 > x1) & (y2 > y1)


def keypoint_loss__sigmoid_for_each_bin(logits, bins, valid):
    """It gives NaN where none counts."""
    maps = logits.flatten(2)[valid]
    wanted = F.one_hot(bins[valid], maps.shape[1]).to(maps.dtype)
    return F.binary_cross_entropy_with_logits(maps, wanted)


def keypoint_loss__mean_over_all_keypoints(logits, bins, valid):
    """It divides by 0 without keypoints."""
    losses = F.cross_entropy(logits.flatten(2).flatten(0, 1), bins.flatten(), reduction="none")
    return (losses * valid.flatten()).sum() / valid.numel()


def decode_keypoints__corner_of_the_bin(logits, boxes):
    size = logits.shape[-1]
    chance, best = logits.flatten(2).softmax(-1).max(-1)
    best = logits.flatten(2).argmax(-1)
    w, h = (boxes[:, 2] - boxes[:, 0])[:, None], (boxes[:, 3] - boxes[:, 1])[:, None]
    x = boxes[:, :1] + best % size * w / size
    y = boxes[:, 1:2] + best // size * h / size
    return torch.stack([x, y, chance], -1)


def decode_keypoints__x_and_y_swapped(logits, boxes):
    """It also makes a list, which loses its shape when it is empty."""
    size, found = logits.shape[-1], []
    for maps, (x1, y1, x2, y2) in zip(logits, boxes):
        for each in maps:
            best = each.argmax()
            x = x1 + (best // size + 0.5) * (x2 - x1) / size
            y = y1 + (best % size + 0.5) * (y2 - y1) / size
            found.append(torch.stack([x, y, each.flatten().softmax(0).max()]))
    return torch.stack(found).reshape(len(boxes), -1, 3)


def panoptic_merge__area_of_the_whole_mask(semantic, masks, scores, labels, min_area):
    category, instance, number = semantic.clone(), torch.zeros_like(semantic), 0
    for i in scores.argsort(descending=True, stable=True).tolist():
        if masks[i].sum() < min_area:
            continue
        number += 1
        free = masks[i] & (instance == 0)
        category[free], instance[free] = labels[i], number
    return category, instance


def panoptic_merge__numbers_of_the_input(semantic, masks, scores, labels, min_area):
    """Of equal scores it takes the last one first, too."""
    category, instance = semantic.clone(), torch.zeros_like(semantic)
    for i in sorted(range(len(scores)), key=lambda i: (float(scores[i]), i), reverse=True):
        free = masks[i] & (instance == 0)
        if free.sum() >= min_area:
            category[free], instance[free] = labels[i], i + 1
    return category, instance


def instances_of__last_pixel_cut_off(category, instance):
    """It also stacks nothing without instances."""
    boxes, labels = [], []
    for n in instance.unique():
        if n == 0:
            continue
        y, x = torch.where(instance == n)
        boxes.append(torch.stack([x.min(), y.min(), x.max(), y.max()]).float())
        labels.append(category[y[0], x[0]])
    return torch.stack(boxes), torch.stack(labels)


def instances_of__one_box_for_each_class(category, instance):
    """Its labels are those of the first pixel; without instances it fails."""
    boxes, labels = [], []
    for label in category[instance > 0].unique():
        y, x = torch.where((category == label) & (instance > 0))
        boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
        labels.append(label)
    return torch.tensor(boxes).float().reshape(len(labels), 4), torch.stack(labels)


def multi_head_loss__missing_weight_is_0(losses, weights):
    """It fails where a weight has no loss, too."""
    total = torch.tensor(0.0)
    for name in weights:
        total = total + weights[name] * losses[name]
    return total


def multi_head_loss__detached(losses, weights):
    return sum(weights.get(name, 1.0) * loss.item() for name, loss in losses.items())
