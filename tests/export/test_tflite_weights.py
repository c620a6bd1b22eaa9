"""Matrices in fewer bits: those of the networks alone, in ranges that hold every pose."""

import contextlib
import io

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from export.tflite_weights import smaller

# The converter warns about its own use of deprecated interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
NETWORK, PRIOR, SOLVER = (RNG.normal(size=(8, 8)).astype(np.float32) for _ in range(3))
# Of these three, SOLVER is no layer's.
KERNELS = {"lifter/dense/kernel": NETWORK, "prior/dense/kernel": PRIOR}
POSES = {"keypoints": RNG.normal(size=(50, 8)).astype(np.float32)}


@pytest.fixture(scope="module")
def model() -> bytes:
    return converted(NETWORK, PRIOR, SOLVER)


def converted(*kernels: np.ndarray) -> bytes:
    """A model that multiplies keypoints [1, 8] with the matrices one after the other."""

    @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32, name="keypoints")], autograph=False)
    def multiply(keypoints):
        for kernel in kernels:
            keypoints = tf.nn.relu(keypoints @ kernel)
        return {"result": keypoints}

    module = tf.Module()
    module.multiply = multiply  # Named inputs and outputs are those of a module's signature.
    with contextlib.redirect_stdout(io.StringIO()):
        return tf.lite.TFLiteConverter.from_concrete_functions([multiply.get_concrete_function()], module).convert()


def result(model: bytes, keypoints: np.ndarray) -> np.ndarray:
    return Interpreter(model_content=model).get_signature_runner()(keypoints=keypoints)["result"]


def matrices(model: bytes) -> list[int]:
    """Bits of a number in each of the model's stored matrices [8, 8], sorted."""
    read = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    stored = [read.buffers[t.buffer].data for t in read.subgraphs[0].tensors if list(t.shape) == [8, 8]]
    return sorted(8 * len(data) // 64 for data in stored if data is not None)


@pytest.mark.parametrize(
    ("precision", "stored", "bound"),
    [
        ("float16", [16, 16, 32], 2e-3),
        ("int8_dynamic", [8, 16, 32], 0.05),
        ("int8", [8, 16, 32], 0.1),
    ],
)
def test_layers_matrices_alone_are_rounded_and_the_priors_never_to_int8(model, precision, stored, bound):
    small = smaller(model, precision, KERNELS, POSES)
    assert matrices(model) == [32] * 3 and matrices(small) == stored
    for pose in POSES["keypoints"][:20, np.newaxis]:
        wanted = result(model, pose)
        assert 0 < np.abs(result(small, pose) - wanted).mean() < bound * np.abs(wanted).mean()


def test_int8_bears_the_rarest_pose_that_it_was_shown(model):
    rare = 10.0 * POSES["keypoints"][:1]
    small = smaller(model, "int8", KERNELS, {"keypoints": np.concatenate([POSES["keypoints"], rare])})
    wanted = result(model, rare)
    assert np.abs(result(small, rare) - wanted).max() < 0.02 * np.abs(wanted).max()


def test_large_matrices_are_stored_where_every_runtime_looks_for_them():
    large = RNG.normal(size=(8, 40_000)).astype(np.float32)
    small = smaller(converted(large), "float16", {"lifter/dense/kernel": large}, POSES)
    read = flatbuffer_utils.convert_bytearray_to_object(bytearray(small))
    assert max(len(buffer.data) for buffer in read.buffers if buffer.data is not None) == 2 * large.size
    assert not any(buffer.offset for buffer in read.buffers)


def test_a_model_without_the_networks_matrices_is_refused(model):
    with pytest.raises(ValueError, match="expected the networks' matrices in the converted model; found none"):
        smaller(model, "float16", {"lifter/dense/kernel": NETWORK + 1}, POSES)
