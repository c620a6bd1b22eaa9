"""Where the golden files are, and what their models say of the golden inputs; see tests/golden/README.md."""

import contextlib
import pathlib

import numpy as np
import tensorflow as tf

import tf_elepose

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "golden"
HEIGHT_MM = 1750.0

# Of the bundle's files, how `Lifter` is asked for each.
_BUNDLE_OPTIONS = {
    "lift_all_float32_batch": {},
    "lift_full_float32_batch": {"likelihood": False},
    "lift_all_int8_dynamic_batch": {"precision": "int8_dynamic"},
}


def read(name: str) -> dict[str, np.ndarray]:
    """The arrays of inputs.npz or expected.npz."""
    with np.load(FOLDER / name) as file:
        return dict(file)


def subjects() -> list[str]:
    """Whoever can be asked: the models, the bundle's files and the workdir, as paths within the folder."""
    found = sorted([*FOLDER.glob("models/*.npz"), *FOLDER.glob("bundle/tflite/*.tflite")])
    return [*(path.relative_to(FOLDER).as_posix() for path in found), "workdir"]


def answers(subject: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All that a subject says of the inputs, by name; what it does not know is not there."""
    path = FOLDER / subject
    if path.suffix == ".tflite":
        found = _lifted(tf_elepose.Lifter(path.parents[1], **_BUNDLE_OPTIONS[path.stem]), given)
    elif path.suffix == ".npz":
        with _op_by_op():
            found = _predicted(tf_elepose.load_model(path), given)
        found |= _lifted(tf_elepose.Lifter(path), given)
    else:
        found = _lifted(tf_elepose.Lifter(path), given)
    return {name: np.asarray(values) for name, values in found.items() if values is not None}


@contextlib.contextmanager
def _op_by_op():
    """Without graphs, whose tracing would take most of a test's time; `Lifter`'s are traced."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def _predicted(method, given):
    groups = np.unique(given["clip"], return_inverse=True)[1]
    found = {"method": method.name}
    # Of LInKs alone, which has networks for it: others complete half a body in 2D, where rounding errors grow.
    for poses in ("complete", "missing", *(["halves"] if method.name == "links" else [])):
        said = method.predict(given[poses], groups[: len(given[poses])])
        for field in ("poses_3d", "elevation", "valid", "image", "rotation"):
            found[f"predict/{poses}/{field}"] = getattr(said, field)
    said = method.predict(given["complete"], groups)
    elevation = None if said.elevation is None else tf.constant(np.deg2rad(said.elevation), tf.float32)
    found["view_likelihood"] = method.view_likelihood(tf.constant(said.poses_3d), elevation)
    if found["view_likelihood"] is not None:
        for poses in ("complete", "missing"):
            found[f"likelihood/{poses}"] = method.likelihood(given[poses], groups, views=8, seed=0)
    return found


def _lifted(lifter, given):
    found, labels = {}, {name: given[name] for name in ("clip", "camera", "frame")}
    for poses, confidence in (("complete", given["confidence"]), ("missing", None)):
        lifted = lifter(given[poses], confidence, convention="h36m_17", height_mm=HEIGHT_MM, **labels)
        for field in ("poses_3d", "elevation", "valid", "percentile", "rotation"):
            found[f"lift/{poses}/{field}"] = getattr(lifted, field)
    return found
