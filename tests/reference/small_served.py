"""A small model, its signatures, and its SavedModel for servers: made once a process.

It completes poses quickly: who uses it needs the fixture `quick_completer`.
"""

import atexit
import functools
import pathlib
import shutil
import tempfile

from small_models import small_completer, small_elepose

from export import examples, saved_model
from export.signature import Signed
from tf_elepose.skeleton.skeletons import H36M_17

VERSION = 3


@functools.cache
def served_method():
    return small_elepose(completer=small_completer(), noise=0.02)[0]


@functools.cache
def served_signatures() -> Signed:
    return Signed(served_method(), H36M_17)


@functools.cache
def served_version() -> pathlib.Path:
    """Folder of the SavedModel, number `VERSION`; its warm-up is of plausible poses."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="small_served"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    signed = served_signatures()
    return saved_model.export_saved_model(signed, folder, examples.plausible(signed, 64, seed=1), version=VERSION)
