"""The optional packages that only pictures need, imported on first use."""

from __future__ import annotations

from typing import Any


def pillow() -> tuple[Any, Any, Any]:
    """Pillow's Image, ImageDraw and ImageFont.

    Raises:
      ValueError: Pillow is not installed, or without FreeType, which its own font needs.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont, features
    except ImportError as error:
        raise ValueError(_missing("Pillow")) from error
    if not features.check("freetype2"):
        raise ValueError("pictures need a Pillow with FreeType; the one installed was built without it")
    return Image, ImageDraw, ImageFont


def ffmpeg() -> Any:
    """imageio-ffmpeg, which includes ffmpeg.

    Raises:
      ValueError: imageio-ffmpeg is not installed.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise ValueError(_missing("imageio-ffmpeg")) from error
    return imageio_ffmpeg


def _missing(package: str) -> str:
    return f"this picture needs {package}, which comes with pip install 'tf_elepose[render]'"
