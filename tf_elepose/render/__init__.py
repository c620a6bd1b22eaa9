"""Pictures of lifted poses: PNG, GIF, MP4, and an HTML page in which poses can be turned. See `render`.

No TensorFlow. PNG and GIF need Pillow, MP4 imageio-ffmpeg as well: pip install 'tf_elepose[render]'.
"""

from __future__ import annotations

from tf_elepose.render.rendering import SUFFIXES, Rendered, render, require_suffix

__all__ = ["SUFFIXES", "Rendered", "render", "require_suffix"]
