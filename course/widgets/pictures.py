"""Pictures for a page: an image as a data URL."""

import base64
from io import BytesIO

import numpy as np
from torch import Tensor


def data_url(image: Tensor) -> str:
    """Return an image [3, H, W] in [0, 1] as the URL of a JPEG, some kilobytes for a scene."""
    from PIL import Image

    pixels = (image.permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
