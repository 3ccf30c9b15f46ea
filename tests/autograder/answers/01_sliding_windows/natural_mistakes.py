"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import torch
import torch.nn.functional as F
from torch import nn

from solutions.sliding_windows import linear_to_conv as right_linear_to_conv


def cxcywh_to_xyxy__half_from_the_new_corner(boxes):
    out = boxes.clone()
    out[:, 0] = out[:, 0] - out[:, 2] / 2
    out[:, 1] = out[:, 1] - out[:, 3] / 2
    out[:, 2] = out[:, 0] + out[:, 2] / 2
    out[:, 3] = out[:, 1] + out[:, 3] / 2
    return out


def cxcywh_to_xyxy__whole_size_each_way(boxes):
    """It also fails without boxes."""
    rows = []
    for cx, cy, w, h in boxes:
        rows.append(torch.stack([cx - w, cy - h, cx + w, cy + h]))
    return torch.stack(rows)


def cxcywh_to_xyxy__column_for_row(boxes):
    cx, cy, w, h = boxes.T
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])


def cxcywh_to_xyxy__corner_for_centre(boxes):
    """It also fails without boxes."""
    if boxes.max() > 0:
        x, y, w, h = boxes.unbind(1)
    return torch.stack([x, y, x + w, y + h], dim=1)


def xyxy_to_cxcywh__half_the_size_for_the_centre(boxes):
    """It also fails without boxes."""
    result = []
    for x1, y1, x2, y2 in boxes:
        w, h = x2 - x1, y2 - y1
        result.append(torch.stack([w / 2, h / 2, w, h]))
    return torch.stack(result)


def xyxy_to_cxcywh__half_the_size(boxes):
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return torch.cat([centre, boxes[:, 2:] - centre], dim=1)


def localization_loss__mean_of_the_four(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    """It is NaN without images, too."""
    return F.cross_entropy(logits, target_labels) + box_weight * F.mse_loss(boxes, target_boxes)


def localization_loss__box_loss_summed(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    """It is NaN without images, too."""
    box_loss = F.mse_loss(boxes, target_boxes, reduction="sum")
    return F.cross_entropy(logits, target_labels) + box_weight * box_loss


def localization_loss__softmax_twice(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    probabilities = torch.softmax(logits, dim=1)
    class_loss = F.cross_entropy(probabilities, target_labels, reduction="sum")
    box_loss = (boxes - target_boxes).pow(2).sum()
    return (class_loss + box_weight * box_loss) / max(len(logits), 1)


def localization_loss__no_softmax(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    """It is NaN without images, too."""
    class_loss = F.nll_loss(logits, target_labels)
    return class_loss + box_weight * ((boxes - target_boxes) ** 2).sum(1).mean()


def localization_loss__root_of_the_distance(
    logits, boxes, target_labels, target_boxes, box_weight=1.0
):
    """It is NaN without images, too."""
    distance = torch.linalg.vector_norm(boxes - target_boxes, dim=1)
    return F.cross_entropy(logits, target_labels) + box_weight * distance.mean()


def localization_loss__nan_of_nothing(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    class_loss = F.cross_entropy(logits, target_labels)
    return class_loss + box_weight * ((boxes - target_boxes) ** 2).sum(dim=1).mean()


def localization_loss__overflows(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    """It is NaN without images, too."""
    probabilities = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    right = probabilities[torch.arange(len(logits)), target_labels]
    class_loss = -right.log()
    class_loss[class_loss.isnan()] = float("inf")
    return (class_loss + box_weight * ((boxes - target_boxes) ** 2).sum(dim=1)).mean()


def count_positions__first_position_forgotten(image_size, box_size, stride=1):
    """It also counts where the box does not fit."""
    (height, width), (h, w) = image_size, box_size
    return ((height - h) // stride) * ((width - w) // stride)


def count_positions__does_not_look_whether_it_fits(image_size, box_size, stride=1):
    (height, width), (h, w) = image_size, box_size
    return ((height - h) // stride + 1) * ((width - w) // stride + 1)


def count_positions__one_added_before_the_division(image_size, box_size, stride=1):
    """It also counts where the box does not fit."""
    return ((image_size[0] - box_size[0] + 1) // stride) * (
        (image_size[1] - box_size[1] + 1) // stride
    )


def count_boxes__squares_only(image_size):
    total = 0
    for size in range(1, min(image_size) + 1):
        total += (image_size[0] - size + 1) * (image_size[1] - size + 1)
    return total


def count_boxes__two_different_ends(image_size):
    """It chooses two columns and two rows."""
    height, width = image_size
    return height * (height - 1) // 2 * (width * (width - 1) // 2)


def count_boxes__rounded_by_floats(image_size):
    height, width = image_size
    return int(height * (height + 1) / 2 * (width * (width + 1) / 2))


def sliding_window_scores__softmax_over_the_windows(classifier, image, window, stride):
    rows = (image.shape[1] - window[0]) // stride + 1
    columns = (image.shape[2] - window[1]) // stride + 1
    logits = []
    for r in range(rows):
        for c in range(columns):
            y, x = r * stride, c * stride
            logits.append(classifier(image[None, :, y : y + window[0], x : x + window[1]]))
    return torch.cat(logits).softmax(dim=0).view(rows, columns, -1)


def sliding_window_scores__looped_over_columns_first(classifier, image, window, stride):
    xs = range(0, image.shape[2] - window[1] + 1, stride)
    ys = range(0, image.shape[1] - window[0] + 1, stride)
    scores = [
        classifier(image[None, :, y : y + window[0], x : x + window[1]])[0].softmax(0)
        for x in xs
        for y in ys
    ]
    return torch.stack(scores).view(len(ys), len(xs), -1)


def sliding_window_scores__columns_before_rows(classifier, image, window, stride):
    columns = []
    for x in range(0, image.shape[2] - window[1] + 1, stride):
        column = []
        for y in range(0, image.shape[1] - window[0] + 1, stride):
            crop = image[:, y : y + window[0], x : x + window[1]]
            column.append(classifier(crop[None])[0].softmax(0))
        columns.append(torch.stack(column))
    return torch.stack(columns)


def sliding_window_scores__last_window_left_out(classifier, image, window, stride):
    """It also fails where that leaves nothing."""
    rows = []
    for y in range(0, image.shape[1] - window[0], stride):
        row = []
        for x in range(0, image.shape[2] - window[1], stride):
            crop = image[None, :, y : y + window[0], x : x + window[1]]
            row.append(classifier(crop).softmax(dim=1)[0])
        rows.append(torch.stack(row))
    return torch.stack(rows)


def linear_to_conv__channels_last(linear, in_shape):
    """It also needs a bias, and makes everything float32."""
    C, H, W = in_shape
    conv = nn.Conv2d(C, linear.out_features, (H, W))
    with torch.no_grad():
        conv.weight.copy_(linear.weight.view(-1, H, W, C).permute(0, 3, 1, 2))
        conv.bias.copy_(linear.bias)
    return conv


def linear_to_conv__forgets_the_bias(linear, in_shape):
    conv = nn.Conv2d(in_shape[0], linear.out_features, in_shape[1:], bias=False).to(linear.weight)
    conv.weight.data.copy_(linear.weight.data.view_as(conv.weight))
    return conv


def linear_to_conv__steps_by_its_own_size(linear, in_shape):
    """It also needs a bias."""
    C, H, W = in_shape
    conv = nn.Conv2d(C, linear.out_features, (H, W), stride=(H, W))
    conv.weight.data = linear.weight.data.view(-1, C, H, W).clone()
    conv.bias.data = linear.bias.data.clone()
    return conv


def linear_to_conv__makes_float32(linear, in_shape):
    conv = nn.Conv2d(in_shape[0], linear.out_features, in_shape[1:], bias=linear.bias is not None)
    with torch.no_grad():
        conv.weight.copy_(linear.weight.view_as(conv.weight))
        if linear.bias is not None:
            conv.bias.copy_(linear.bias)
    return conv


def linear_to_pointwise__padded(linear):
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1, padding=1).to(linear.weight)
    if linear.bias is None:
        conv.bias = None
    conv.load_state_dict(
        {k: v.reshape(getattr(conv, k).shape) for k, v in linear.state_dict().items()}
    )
    return conv


def to_fully_convolutional__activations_lost(classifier, in_shape):
    layers, x = [], torch.zeros(1, *in_shape, dtype=next(classifier.parameters()).dtype)
    flat = None
    for layer in classifier:
        if isinstance(layer, nn.Flatten):
            flat = tuple(x.shape[1:])
        elif flat is None:
            layers.append(layer)
            x = layer(x)
        elif isinstance(layer, nn.Linear):
            layers.append(right_linear_to_conv(layer, flat))
            flat = (layer.out_features, 1, 1)
    return nn.Sequential(*layers)


def to_fully_convolutional__channels_last(classifier, in_shape):
    """It also fails on float64, and where Flatten comes first."""
    at = [type(layer).__name__ for layer in classifier].index("Flatten")
    if at == 0:
        raise ValueError("no features")
    C, H, W = classifier[:at](torch.zeros(1, *in_shape)).shape[1:]
    first = classifier[at + 1]
    conv = nn.Conv2d(C, first.out_features, (H, W), bias=first.bias is not None)
    weight = first.weight.data.view(-1, H, W, C).permute(0, 3, 1, 2)
    conv.weight.data = weight
    if first.bias is not None:
        conv.bias.data = first.bias.data
    layers = [*classifier[:at], conv]
    for layer in classifier[at + 2 :]:
        linear = isinstance(layer, nn.Linear)
        layers.append(right_linear_to_conv(layer, (layer.in_features, 1, 1)) if linear else layer)
    return nn.Sequential(*layers)


def to_fully_convolutional__changes_the_classifier(classifier, in_shape):
    x = torch.zeros(1, *in_shape, dtype=next(classifier.parameters()).dtype)
    shape = None
    for i, layer in enumerate(classifier):
        if isinstance(layer, nn.Flatten):
            shape = tuple(x.shape[1:])
            classifier[i] = nn.Identity()
        elif isinstance(layer, nn.Linear):
            classifier[i] = right_linear_to_conv(layer, shape)
            shape = (layer.out_features, 1, 1)
        elif shape is None:
            x = layer(x)
    return classifier


def dense_scores__softmax_along_the_columns(network, image):
    return network(image[None])[0].softmax(dim=-1).permute(1, 2, 0)


def dense_scores__columns_before_rows(network, image):
    return network(image[None])[0].softmax(dim=0).permute(2, 1, 0)


def dense_scores__read_in_another_order(network, image):
    scores = network(image[None]).softmax(dim=1)
    return scores.reshape(scores.shape[2], scores.shape[3], scores.shape[1])


def dense_scores__softmax_along_the_rows(network, image):
    logits = network(image[None]).squeeze(0)
    return torch.softmax(logits, dim=1).permute(1, 2, 0)
