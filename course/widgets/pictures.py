"""Pictures for a page: an image as a data URL, and boxes that can be drawn."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

FAR = 1e5  # pixels; what is further away is not drawn


def data_url(image: Tensor) -> str:
    """Return an image [3, H, W] in [0, 1] as the URL of a JPEG, some kilobytes for a scene."""
    from PIL import Image

    pixels = (image.permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def drawable(boxes: list[list[Any]]) -> Tensor:
    """Return those of the boxes shown, [N, 4], that can be drawn: infinities are texts in them."""
    near = [box for box in boxes if all(isinstance(x, float | int) and abs(x) < FAR for x in box)]
    return torch.tensor(near).reshape(-1, 4)
