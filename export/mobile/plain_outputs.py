"""Makes a TFLite file whose outputs every runtime accepts: numbers, no booleans.

LiteRT.js 2.5.3 refuses a whole model for one boolean output ("Element type BOOL is not supported"), and the Java
interpreter accepts booleans only in arrays, not in the direct buffers that it accepts for numbers.
"""

from __future__ import annotations

import copy
from typing import Any, cast

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils


def with_plain_outputs(data: bytes) -> bytes:
    """The model `data` with boolean outputs as uint8, 1 for true; unchanged if it has none."""
    # By their types, all fields of the format's classes may be None: what a model is made of is Any here.
    model = cast("Any", flatbuffer_utils.convert_bytearray_to_object(bytearray(data)))
    code = None
    for signature in model.signatureDefs or ():
        graph = model.subgraphs[signature.subgraphIndex]
        for output in signature.outputs:
            if graph.tensors[output.tensorIndex].type != schema.TensorType.BOOL:
                continue
            if code is None:
                code = _cast_code(model)
            old, output.tensorIndex = output.tensorIndex, len(graph.tensors)
            number = copy.deepcopy(graph.tensors[old])
            number.type, number.name, number.buffer = schema.TensorType.UINT8, number.name + b"_number", 0
            graph.tensors.append(number)
            graph.operators.append(_cast(code, old, output.tensorIndex))
            graph.outputs = [output.tensorIndex if index == old else index for index in graph.outputs]
    return data if code is None else bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _cast_code(model) -> int:
    """Index of a new CAST in the model's operator codes; a second entry for an operator is allowed."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CAST
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _cast(code: int, source: int, result: int):
    operator, options = schema.OperatorT(), schema.CastOptionsT()
    options.inDataType, options.outDataType = schema.TensorType.BOOL, schema.TensorType.UINT8
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [source], [result]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.CastOptions, options
    return operator
