"""Smaller TFLite files: the networks' matrices in float16 or int8, everything else as it is.

TensorFlow's converter quantises a graph as a whole. Here that spoils it: pixels in 256 steps are no poses, 1e6 is
infinite in float16, and the completer's linear solver needs its matrix whole. So LiteRT's quantizer, which takes a
recipe for each operator, is told to change the products with a Keras layer's matrix alone.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils
from litert_quantizer import Quantizer

PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")
"""float16: matrices are stored so. int8_dynamic: they are int8, their inputs are rounded pose by pose. int8: inputs and
outputs of the products are int8 too, in ranges measured beforehand."""

_PRODUCT: Any = "FULLY_CONNECTED"  # Any: the quantizer's types know only its enumeration of such names.


def smaller(
    data: bytes, precision: str, kernels: Mapping[str, np.ndarray], representative: Mapping[str, np.ndarray]
) -> bytes:
    """The TFLite model `data` with its matrices in fewer bits.

    Args:
      data: a model of one signature in float32.
      precision: one of `PRECISIONS`, not float32.
      kernels: the Keras layers' matrices [inputs, outputs] by the names of their variables.
      representative: inputs of the signature [N, ...], by name, that are like what the model will see.

    Raises:
      ValueError: the model has no product with a network's matrix.
    """
    graph = _Graph(data)
    networks = graph.products(kernel for name, kernel in kernels.items() if not name.startswith("prior/"))
    if not networks:
        raise ValueError("expected the networks' matrices in the converted model; found none of them")
    quantizer = Quantizer(bytearray(data))
    where, ranges = graph.scope(networks), None
    if precision == "float16":
        _to_float16(quantizer, where)
    elif precision == "int8_dynamic":
        quantizer.add_dynamic_config(where, _PRODUCT, 8)
    else:
        quantizer.add_static_config(where, _PRODUCT, 8, 8)
        ranges = graph.ranges(networks, representative)
    # The prior's matrices are never int8: a density multiplies what is rounded.
    if prior := graph.products(kernel for name, kernel in kernels.items() if name.startswith("prior/")):
        _to_float16(quantizer, graph.scope(prior))
    with contextlib.redirect_stderr(io.StringIO()):  # A bar that no option of it hides.
        made = quantizer.quantize(ranges, enable_progress_report=False).quantized_model
    assert made is not None  # `quantize` has just made it.
    # It puts many bytes behind the file's tables, where old runtimes and tools that edit files don't look for them.
    model = flatbuffer_utils.read_model_from_bytearray(made)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(cast("Any", model)))


def _to_float16(quantizer: Quantizer, where: str) -> None:
    quantizer.add_weight_only_config(where, _PRODUCT, 16, algorithm_key="float_casting")


class _Graph:
    """What a TFLite model of one signature consists of, as the interpreter tells it."""

    def __init__(self, data: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._names = {tensor["index"]: tensor["name"] for tensor in self._interpreter.get_tensor_details()}

    def products(self, kernels: Iterable[np.ndarray]) -> list[dict[str, Any]]:
        """The operators that multiply with one of the matrices `kernels` [inputs, outputs]."""
        known = {np.ascontiguousarray(kernel.T, np.float32).tobytes() for kernel in kernels}
        return [
            operator
            for operator in self._interpreter._get_ops_details()
            if operator["op_name"] == _PRODUCT
            and self._interpreter.get_tensor(operator["inputs"][1]).tobytes() in known
        ]

    def scope(self, products: Iterable[Mapping[str, Any]]) -> str:
        """A regular expression of these operators alone: the quantizer knows one by its output's name and `;`."""
        return f"^({'|'.join(re.escape(self._names[product['outputs'][0]]) for product in products)});$"

    def ranges(self, products: Iterable[Mapping[str, Any]], representative: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Least and largest value of the products' inputs and outputs, pose by pose, by the tensors' names.

        The quantizer's own calibration averages the ranges of poses, and cuts off what is rarer: elevations were 3.2
        degrees off, with these ranges 0.3.
        """
        # By the signature's names: a tensor's own name is the converter's affair.
        (signature,) = self._interpreter._get_full_signature_list().values()
        tensors = {int(index) for product in products for index in (product["inputs"][0], product["outputs"][0])}
        low, high = dict.fromkeys(tensors, 0.0), dict.fromkeys(tensors, 1e-6)  # 0 is exact.
        for row in range(len(representative["keypoints"])):
            for name, index in signature["inputs"].items():
                self._interpreter.set_tensor(index, representative[name][row : row + 1])
            self._interpreter.invoke()
            for index in tensors:
                values = self._interpreter.get_tensor(index)
                low[index] = min(low[index], float(values.min()))
                high[index] = max(high[index], float(values.max()))
        return {
            self._names[index]: {
                "min": np.array([[low[index]]], np.float32),
                "max": np.array([[high[index]]], np.float32),
            }
            for index in tensors
        }
