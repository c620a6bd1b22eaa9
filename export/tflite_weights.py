"""Smaller TFLite files: the networks' matrices in float16 or int8, everything else as it is.

TensorFlow's converter quantises a graph as a whole. Here that spoils it: pixels in 256 steps are no poses, 1e6 is
infinite in float16, and the completer's linear solver needs its matrix whole. So only the products with a Keras layer's
matrix are changed, in the converted file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")
"""float16: matrices are stored so. int8_dynamic: they are int8, their inputs are rounded pose by pose. int8: inputs and
outputs of the products are int8 too, in ranges measured beforehand."""

_FULLY_CONNECTED_VERSION = 12  # Of the operator: int8 matrices with a scale a row, with float and with int8 inputs.


class NetworkWeights:
    """The products of a TFLite model `data` with one of the matrices `kernels` [inputs, outputs]."""

    def __init__(self, data: bytes, kernels: Iterable[np.ndarray], *, required: bool = True) -> None:
        """Raises: ValueError: the model has no such product, though it is `required` to."""
        self.model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
        self._graph = self.model.subgraphs[0]
        known = {np.ascontiguousarray(kernel.T, np.float32).tobytes() for kernel in kernels}
        self._products = [
            op
            for op in self._graph.operators
            if self._is_a(op, schema.BuiltinOperator.FULLY_CONNECTED) and self._content(op.inputs[1]) in known
        ]
        if required and not self._products:
            raise ValueError("expected the networks' matrices in the converted model; found none of them")
        self._before: dict[int, list] = {}  # New operators, by the id of the one they go before.
        self._after: dict[int, list] = {}

    def __bool__(self) -> bool:
        return bool(self._products)

    @property
    def tensors(self) -> list[int]:
        """Inputs and outputs of the products, whose ranges `to_int8` wants."""
        return sorted({int(index) for op in self._products for index in (op.inputs[0], op.outputs[0])})

    def to_float16(self) -> bytes:
        for index in self._matrices():
            tensor = self._graph.tensors[index]
            values = np.frombuffer(self._content(index), np.float32).astype(np.float16)
            half = self._add_tensor(tensor.shape, schema.TensorType.FLOAT16, values, "half")
            tensor.buffer = 0
            first = next(op for op in self._products if op.inputs[1] == index)
            self._before.setdefault(id(first), []).append(
                self._operator(schema.BuiltinOperator.DEQUANTIZE, 3, half, index)
            )
        return self._packed()

    def to_int8_dynamic(self) -> bytes:
        self._round_matrices()
        for op in self._products:
            op.builtinOptions.asymmetricQuantizeInputs = True
        return self._packed()

    def to_int8(self, ranges: Mapping[int, tuple[float, float]]) -> bytes:
        """Args: ranges: least and largest value of each of `tensors`."""
        scales = self._round_matrices()
        rounded: dict[int, int] = {}
        for op in self._products:
            source, matrix, result = (int(index) for index in (op.inputs[0], op.inputs[1], op.outputs[0]))
            if source not in rounded:
                rounded[source] = self._add_int8(source, ranges[source])
                self._before.setdefault(id(op), []).append(
                    self._operator(schema.BuiltinOperator.QUANTIZE, 1, source, rounded[source])
                )
            small = self._add_int8(result, ranges[result])
            inputs = [rounded[source], matrix]
            if len(op.inputs) > 2 and op.inputs[2] >= 0:
                step = self._graph.tensors[rounded[source]].quantization.scale[0] * scales[matrix]
                bias = np.frombuffer(self._content(op.inputs[2]), np.float32) / step
                whole = np.clip(np.round(bias), -(2.0**31), 2.0**31 - 1).astype(np.int32)
                inputs.append(self._add_tensor([len(whole)], schema.TensorType.INT32, whole, "bias", step))
            op.inputs, op.outputs = inputs, [small]
            self._after.setdefault(id(op), []).append(
                self._operator(schema.BuiltinOperator.DEQUANTIZE, 2, small, result)
            )
        return self._packed()

    def _matrices(self) -> list[int]:
        return sorted({int(op.inputs[1]) for op in self._products})

    def _round_matrices(self) -> dict[int, np.ndarray]:
        """Makes the matrices int8, a scale for each of their rows; the scales by tensor."""
        scales = {}
        for index in self._matrices():
            tensor = self._graph.tensors[index]
            values = np.frombuffer(self._content(index), np.float32).reshape(tensor.shape)
            scales[index] = np.maximum(np.abs(values).max(axis=1) / 127.0, 1e-12).astype(np.float32)
            whole = np.clip(np.round(values / scales[index][:, np.newaxis]), -127, 127).astype(np.int8)
            tensor.type, tensor.buffer = schema.TensorType.INT8, self._add_buffer(whole)
            tensor.quantization = _quantization(scales[index], np.zeros(len(whole), np.int64))
        version = max(op.version for op in self._codes(schema.BuiltinOperator.FULLY_CONNECTED))
        for code in self._codes(schema.BuiltinOperator.FULLY_CONNECTED):
            code.version = max(version, _FULLY_CONNECTED_VERSION)
        return scales

    def _add_int8(self, like: int, bounds: tuple[float, float]) -> int:
        low, high = min(bounds[0], 0.0), max(bounds[1], 1e-6)  # 0 is exact.
        scale = np.float32((high - low) / 255.0)
        zero = int(np.clip(round(-128 - low / scale), -128, 127))
        index = self._add_tensor(self._graph.tensors[like].shape, schema.TensorType.INT8, None, "int8", [scale], zero)
        self._graph.tensors[index].shapeSignature = self._graph.tensors[like].shapeSignature
        return index

    def _add_tensor(self, shape, kind: int, values: np.ndarray | None, name: str, scale=None, zero: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type = np.asarray(shape, np.int32), kind
        tensor.buffer = 0 if values is None else self._add_buffer(values)
        tensor.name = f"{name}_{len(self._graph.tensors)}".encode()
        if scale is not None:
            tensor.quantization = _quantization(np.asarray(scale, np.float32), np.full(len(scale), zero, np.int64))
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _add_buffer(self, values: np.ndarray) -> int:
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(schema.BufferT())
        self.model.buffers[-1].data = data
        return len(self.model.buffers) - 1

    def _operator(self, code: int, version: int, source: int, result: int):
        found = [index for index, known in enumerate(self.model.operatorCodes) if _code(known) == code]
        if not found:
            made = schema.OperatorCodeT()
            made.builtinCode, made.deprecatedBuiltinCode, made.version = code, code, version
            self.model.operatorCodes.append(made)
            found = [len(self.model.operatorCodes) - 1]
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = found[0], [source], [result]
        return operator

    def _codes(self, code: int) -> list:
        return [known for known in self.model.operatorCodes if _code(known) == code]

    def _is_a(self, op, code: int) -> bool:
        return _code(self.model.operatorCodes[op.opcodeIndex]) == code

    def _content(self, tensor: int) -> bytes:
        data = self.model.buffers[self._graph.tensors[tensor].buffer].data
        return b"" if data is None else np.asarray(data, np.uint8).tobytes()

    def _packed(self) -> bytes:
        self._graph.operators = [
            new
            for op in self._graph.operators
            for new in (*self._before.get(id(op), ()), op, *self._after.get(id(op), ()))
        ]
        used = sorted({0} | {t.buffer for t in self._graph.tensors} | {m.buffer for m in self.model.metadata or ()})
        place = {old: new for new, old in enumerate(used)}  # Without the float matrices, which nothing reads now.
        self.model.buffers = [self.model.buffers[old] for old in used]
        for item in (*self._graph.tensors, *(self.model.metadata or ())):
            item.buffer = place[item.buffer]
        return flatbuffer_utils.convert_object_to_bytearray(self.model)


def _code(known) -> int:
    """Small codes stand in the field of old files too."""
    return max(known.builtinCode, known.deprecatedBuiltinCode)


def _quantization(scale: np.ndarray, zero: np.ndarray):
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint, made.quantizedDimension = scale, zero, 0
    return made
