"""Malformed requests to a served model, and the answer that each must get.

    failures, numbers = soak(address, inputs, requests=1000, threads=4, seed=0)

Inputs are those of the signature `lift`; two poses at least, so that one that is broadcast can be told from two.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Mapping, Sequence
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from loopback_server import answer, connected, predict_request, stub
from tensorflow_serving.apis import predict_pb2

INVALID = "invalid poses"
"""Expected of what is well-formed and no pose: an answer, of which every pose is invalid and every number finite."""

FINITE = "finite"
"""Expected where the pose is good and another number is not."""

Inputs = Mapping[str, np.ndarray]

SECONDS = 60.0
"""A request that is not answered within them hangs."""


@dataclasses.dataclass(frozen=True)
class Malformed:
    """A request, or the bytes of one, and what has to come of it: a status code, `INVALID` or `FINITE`."""

    name: str
    request: predict_pb2.PredictRequest | bytes
    expected: grpc.StatusCode | str


def malformed_requests(inputs: Inputs) -> list[Malformed]:
    """One of every kind, made of good `inputs` [B, ...], 2 <= B."""
    refused = [
        *_of_other_shapes(inputs),
        *_of_other_types(inputs),
        *_of_other_names(inputs),
        *_of_wrong_content(inputs),
    ]
    cases = [Malformed(name, request, grpc.StatusCode.INVALID_ARGUMENT) for name, request in refused]
    version = predict_request(inputs, "lift")
    version.model_spec.version.value = 10**9
    cases += [
        Malformed("unknown signature", predict_request(inputs, "nobody"), grpc.StatusCode.FAILED_PRECONDITION),
        Malformed("unknown model", predict_request(inputs, "lift", "nobody"), grpc.StatusCode.NOT_FOUND),
        Malformed("no model", predict_request(inputs, "lift", ""), grpc.StatusCode.INVALID_ARGUMENT),
        Malformed("unknown version", version, grpc.StatusCode.NOT_FOUND),
        Malformed("not a request", b"\x0a\xff\xff\xff\xff\x0fnonsense", grpc.StatusCode.INTERNAL),
    ]
    return [*cases, *_of_nonsense(inputs)]


def _of_other_shapes(inputs: Inputs) -> list[tuple[str, predict_pb2.PredictRequest]]:
    keypoints, confidence, root_head_mm = inputs["keypoints"], inputs["confidence"], inputs["root_head_mm"]
    rows, joints = confidence.shape
    more = (
        np.concatenate([keypoints, keypoints[:, :1]], axis=1),
        np.concatenate([confidence, confidence[:, :1]], axis=1),
    )
    changes: dict[str, dict[str, np.ndarray]] = {
        "keypoints flat": {"keypoints": keypoints.reshape(rows, -1)},
        "keypoints of one pose without a batch": {"keypoints": keypoints[0]},
        "one pose without a batch": {name: values[0] for name, values in inputs.items()},
        "keypoints of rank 4": {"keypoints": keypoints[np.newaxis]},
        "keypoints scalar": {"keypoints": np.float32(1)},
        "keypoints with a score": {"keypoints": np.concatenate([keypoints, confidence[..., np.newaxis]], axis=-1)},
        "keypoints without y": {"keypoints": keypoints[..., :1]},
        "keypoints without y, two poses for one": {
            "keypoints": keypoints[:2, :, :1], "confidence": confidence[:1], "root_head_mm": root_head_mm[:1],
        },
        "keypoints without coordinates": {"keypoints": keypoints[..., :0]},
        "keypoints of no joints": {"keypoints": keypoints[:, :0]},
        "axes swapped": {"keypoints": keypoints.transpose(0, 2, 1)},
        "a joint more": {"keypoints": more[0], "confidence": more[1]},
        "a joint more in keypoints": {"keypoints": more[0]},
        "a joint less": {"keypoints": keypoints[:, 1:], "confidence": confidence[:, 1:]},
        "one joint": {"keypoints": keypoints[:, :1], "confidence": confidence[:, :1]},
        "confidence of one pose for all": {"confidence": confidence[:1]},
        "confidence without a batch": {"confidence": confidence[0]},
        "confidence scalar": {"confidence": confidence[0, 0]},
        "confidence of one joint for all": {"confidence": confidence[:, :1]},
        "confidence with an axis more": {"confidence": confidence[..., np.newaxis]},
        "confidence transposed": {"confidence": np.resize(confidence, (joints, rows + 1))},
        "confidence of a pose less": {"confidence": confidence[1:]},
        "confidence of a pose more": {"confidence": np.concatenate([confidence, confidence[:1]])},
        "confidence of no poses": {"confidence": confidence[:0]},
        "keypoints of one pose for all": {"keypoints": keypoints[:1]},
        "keypoints of no poses": {"keypoints": keypoints[:0]},
        "one pose, many sizes": {"keypoints": keypoints[:1], "confidence": confidence[:1]},
        "one size for all": {"root_head_mm": root_head_mm[:1]},
        "size scalar": {"root_head_mm": np.float32(700)},
        "size with an axis more": {"root_head_mm": root_head_mm[:, np.newaxis]},
        "no sizes": {"root_head_mm": root_head_mm[:0]},
        "a size for every joint": {"root_head_mm": confidence},
    }  # fmt: skip
    return [(name, predict_request({**inputs, **change}, "lift")) for name, change in changes.items()]


def _of_other_types(inputs: Inputs) -> list[tuple[str, predict_pb2.PredictRequest]]:
    types = ("float64", "float16", "bfloat16", "int32", "int64", "uint8", "bool", "complex64")
    return [
        (f"{name} as {dtype}", predict_request({**inputs, name: tf.cast(values, dtype).numpy()}, "lift"))
        for dtype in types
        for name, values in inputs.items()
    ] + [
        (f"{name} as text", predict_request({**inputs, name: values.astype(str).astype(object)}, "lift"))
        for name, values in inputs.items()
    ]


def _of_other_names(inputs: Inputs) -> list[tuple[str, predict_pb2.PredictRequest]]:
    cases = [
        (f"no {missing}", predict_request({name: v for name, v in inputs.items() if name != missing}, "lift"))
        for missing in inputs
    ]
    cases += [
        (
            f"{renamed} by another name",
            predict_request({n + "_" * (n == renamed): v for n, v in inputs.items()}, "lift"),
        )
        for renamed in inputs
    ]
    unknown, twice = predict_request(inputs, "lift"), predict_request(inputs, "lift")
    unknown.output_filter.append("nobody")
    twice.output_filter.extend(["valid", "valid"])
    return [
        *cases,
        ("no inputs", predict_request({}, "lift")),
        ("an input too many", predict_request({**inputs, "image": inputs["confidence"]}, "lift")),
        ("an input of another signature", predict_request(inputs, "likelihood")),
        ("an unknown output", unknown),
        ("an output twice", twice),
    ]


def _of_wrong_content(inputs: Inputs) -> list[tuple[str, predict_pb2.PredictRequest]]:
    """Tensors whose bytes and shape do not belong together."""
    tail = inputs["keypoints"].shape[1:]

    def changed(**fields: object) -> predict_pb2.PredictRequest:
        request = predict_request(inputs, "lift")
        for field, value in fields.items():
            setattr(request.inputs["keypoints"], field, value)
        return request

    content = predict_request(inputs).inputs["keypoints"].tensor_content
    return [
        ("content cut short", changed(tensor_content=content[:-1])),
        ("content of a pose less", changed(tensor_content=content[: -len(content) // len(inputs["keypoints"])])),
        ("content too long", changed(tensor_content=content + b"1234")),
        ("content of one byte", changed(tensor_content=b"1")),
        ("no type", changed(dtype=0)),
        ("type that is none", changed(dtype=999)),
        ("more poses declared than sent", _declared(inputs, 100_000, *tail)),
        ("more poses declared than memory holds", _declared(inputs, _UNHEARD_OF, *tail)),
        ("negative batch", _declared(inputs, -1, *tail)),
        ("negative joints", _declared(inputs, 2, -tail[0], 2)),
        ("more elements than integers go", _declared(inputs, 2**62, *tail)),
        ("300 dimensions", _declared(inputs, *[1] * 300)),
        ("another batch of one value", _declared(inputs, 1000, *tail, value=250.0)),
    ]


_UNHEARD_OF = 10**14
"""Poses; their bytes are more than a process can address."""


def _declared(inputs: Inputs, *sizes: int, value: float | None = None) -> predict_pb2.PredictRequest:
    """A request that declares another shape of its keypoints; one `value` in place of their content, which parsers
    repeat for as many as are declared.
    """
    request = predict_request(inputs, "lift")
    proto = request.inputs["keypoints"]
    del proto.tensor_shape.dim[:]
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    if value is not None:
        proto.tensor_content = b""
        proto.float_val.append(value)
    return request


def inflated_request(inputs: Inputs) -> Malformed:
    """Some bytes that a parser makes petabytes of. Not among the others: TensorFlow waits ten seconds for memory before
    it gives up.
    """
    request = _declared(inputs, _UNHEARD_OF, *inputs["keypoints"].shape[1:], value=250.0)
    return Malformed("petabytes of one value", request, grpc.StatusCode.INVALID_ARGUMENT)


def _of_nonsense(inputs: Inputs) -> list[Malformed]:
    """Well-formed: every value where it belongs, and no pose."""

    def filled(name: str, value: float, expected: str) -> Malformed:
        request = predict_request({**inputs, name: np.full_like(inputs[name], value)}, "lift")
        return Malformed(f"{name} {value}", request, expected)

    nothing = {name: values[:0] for name, values in inputs.items()}
    return [
        *(filled("keypoints", value, INVALID) for value in (np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 0.0, 500.0)),
        *(filled("confidence", value, INVALID) for value in (np.nan, np.inf, -np.inf, 1e30, 0.0, -1.0)),
        *(filled("root_head_mm", value, FINITE) for value in (np.nan, np.inf, -np.inf, -1.0, 1e30)),
        Malformed("one value for all", _declared(inputs, *inputs["keypoints"].shape, value=250.0), INVALID),
        Malformed("empty batch", predict_request(nothing, "lift"), INVALID),
        Malformed("empty batch, default signature", predict_request(nothing), INVALID),
    ]


def failure(case: Malformed, channel: grpc.Channel) -> str | None:
    """Sends a request; what is wrong with the answer, None if nothing."""
    try:
        if isinstance(case.request, bytes):
            channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(case.request, timeout=SECONDS)
            return f"{case.name}: answered, expected {case.expected}"
        outputs = answer(stub(channel).Predict(case.request, timeout=SECONDS))
    except grpc.RpcError as error:
        # What is no request is refused by gRPC itself, in C++ without a word.
        told = error.details() or error.code() == grpc.StatusCode.INTERNAL
        if error.code() != case.expected or not told:
            return f"{case.name}: {error.code()} {error.details()!r}, expected {case.expected}"
        return None
    if case.expected not in (INVALID, FINITE):
        shapes = {name: list(values.shape) for name, values in outputs.items()}
        return f"{case.name}: answered {shapes}, expected {case.expected}"
    if not all(np.isfinite(values).all() for values in outputs.values()):
        return f"{case.name}: numbers that are not finite"
    if case.expected == INVALID and any(values.any() for values in outputs.values()):
        return f"{case.name}: a valid pose, or numbers of an invalid one"
    if case.expected == FINITE and not outputs["valid"].all():
        return f"{case.name}: no pose"
    return None


def soak(
    address: str, inputs: Inputs, *, requests: int, threads: int = 4, seed: int = 0
) -> tuple[list[str], dict[str, float]]:
    """Sends `requests` malformed requests among as many good ones, from several clients at once.

    Args:
      address: of a gRPC server with the model `elepose`.
      inputs: [N, ...] of `lift`, N >= 16; good requests are of 1 to 16 of them, by all signatures that take them.
      requests: malformed ones; every kind, again and again.
      threads: clients, each with a connection of its own.
      seed: of the order.

    Returns:
      what was not answered as it has to be: a good request's answer must be, bit by bit, what it was before the first
      malformed one. And numbers: kinds, malformed, good, seconds.
    """
    rng = np.random.default_rng(seed)
    good: list[predict_pb2.PredictRequest] = []
    for size in (1, 2, 7, 16):
        part = {name: values[:size] for name, values in inputs.items()}
        good += [predict_request(part, "lift"), predict_request(part)]
        poses = {name: values for name, values in part.items() if name != "root_head_mm"}
        good.append(predict_request(poses, "likelihood"))
    kinds = malformed_requests({name: values[:4] for name, values in inputs.items()})
    with connected(address) as channel:
        before = [_bits(stub(channel).Predict(request, timeout=SECONDS)) for request in good]

    def client(work: Sequence[int]) -> list[str]:
        found = []
        with connected(address) as channel:
            for item in work:
                if item < 0:
                    problem = failure(kinds[-item - 1], channel)
                    found += [problem] if problem else []
                    continue
                try:
                    if _bits(stub(channel).Predict(good[item], timeout=SECONDS)) != before[item]:
                        found.append(f"good request {item}: another answer than before")
                except grpc.RpcError as error:
                    found.append(f"good request {item}: {error.code()} {error.details()!r}")
        return found

    work = np.concatenate([-1 - np.arange(requests) % len(kinds), np.arange(requests) % len(good)])
    rng.shuffle(work)
    began = time.perf_counter()
    with futures.ThreadPoolExecutor(threads) as pool:
        found = [problem for part in pool.map(client, np.array_split(work, threads)) for problem in part]
    seconds = time.perf_counter() - began
    counted = [f"{problem} ({count} times)" for problem, count in collections.Counter(found).items()]
    numbers = {"kinds": len(kinds), "malformed": requests, "good": requests, "threads": threads, "seconds": seconds}
    return counted, numbers


def _bits(response: predict_pb2.PredictResponse) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in answer(response).items()}
