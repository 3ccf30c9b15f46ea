"""The reference: the course's algorithms, as an instructor reads them and as model answers.

Conventions, for every module here:

- A box is `(x1, y1, x2, y2)` in continuous pixels, x to the right and y down, with x1 <= x2 and
  y1 <= y2; its area is (x2 - x1) * (y2 - y1), without "+1". Negative coordinates are legal.
- Sizes are (height, width); images are float `[C, H, W]` in [0, 1].
- Labels are int64: 0 is background, 1..K are classes, -1 is neutral and enters no loss.
- Axes: B images, C channels, H and W pixels, N boxes, M ground truths, A anchors, K classes;
  K_plus_1 is the classes and background, which is column 0.
- Results have the dtype of their float input (indices and labels int64) and live on its device.
- Inputs are never changed; of equal scores the lower index comes first; empty input gives the
  empty result of the right shape.

Each module here is a definition, written to be read. `solutions.fast` has tuned twins of the few
that detectors spend their time in: `box_iou`, `nms`, `nms_per_class`, `roi_align`, `coco_map`.
"""
