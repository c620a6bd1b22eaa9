"""The quality of trained models: python -m benchmarks.quality --table=NAME --output=DIR"""

from benchmarks.quality.rows import Row
from benchmarks.quality.training import folder_of, sign_is_right, train

__all__ = ["Row", "folder_of", "sign_is_right", "train"]
