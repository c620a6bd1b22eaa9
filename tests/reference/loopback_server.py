"""A stand-in for TensorFlow Serving on the loopback interface: its gRPC and REST interfaces over exported SavedModels.

    with LoopbackServer({"elepose": base_path}) as server:
        stub = server.stub(); server.rest_address

    python tests/reference/loopback_server.py BASE_PATH    # Prints the two ports, serves until its input ends.

It is no TensorFlow Serving, but as thin as can be, so that what is tested is the model: what it does itself is what
predict_util.cc, util.cc and server_core.cc do there (which model, signature, names), with their status codes, and those
of http_server.cc. Tensors are parsed by TensorFlow's C++ `Tensor::FromProto`, and a request runs in a C++ session made
by the session loader, called without the checks of shapes that Python's `Session.run` makes and a server does not.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_service_pb2_grpc

_CODES = {code.value[0]: code for code in grpc.StatusCode}  # TensorFlow's error codes are the same numbers.

_UNLIMITED = 2**31 - 1  # Bytes a message; main.cc sets the same.


class RefusedError(Exception):
    """A request that is answered with a status other than OK."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Servable:
    """One version of a model, in a session."""

    def __init__(self, path: pathlib.Path) -> None:
        with tf.Graph().as_default():
            self._session = tf.compat.v1.Session()
            loaded = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(path))
        self.signatures = {name: d for name, d in loaded.signature_def.items() if d.method_name}
        self._calls: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._lock = threading.Lock()

    def predict(self, request: predict_pb2.PredictRequest) -> dict[str, np.ndarray]:
        name = request.model_spec.signature_name or "serving_default"
        if name not in self.signatures:
            raise RefusedError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        inputs, outputs = self.signatures[name].inputs, self.signatures[name].outputs
        if extra := sorted(set(request.inputs) - set(inputs)):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"inputs that are not in the signature: {extra}")
        if missing := sorted(set(inputs) - set(request.inputs)):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"inputs that are missing: {missing}")
        wanted = tuple(request.output_filter) or tuple(sorted(outputs))
        if unknown := sorted(set(wanted) - set(outputs)):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"outputs that are not in the signature: {unknown}")
        if len(set(wanted)) < len(wanted):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "duplicate output tensor alias")
        feeds = [_from_proto(alias, request.inputs[alias]) for alias in sorted(inputs)]
        try:
            return dict(zip(wanted, self._call(name, wanted)(*feeds), strict=True))
        except tf.errors.OpError as error:
            raise RefusedError(_CODES[error.error_code], error.message) from error

    def _call(self, signature: str, wanted: tuple[str, ...]):
        with self._lock:
            if (signature, wanted) not in self._calls:
                definition, options = self.signatures[signature], config_pb2.CallableOptions()
                options.feed.extend(definition.inputs[alias].name for alias in sorted(definition.inputs))
                options.fetch.extend(definition.outputs[alias].name for alias in wanted)
                # Not Session.run, which compares shapes with those of the placeholders.
                self._calls[signature, wanted] = self._session._make_callable_from_options(options)
            return self._calls[signature, wanted]


def _from_proto(alias: str, proto) -> np.ndarray:
    try:
        with tf.device("CPU"):
            return tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype)).numpy()
    except (tf.errors.OpError, TypeError) as error:  # TypeError: no such type.
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"tensor parsing error: {alias}") from error


class Models(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Models by name, and their versions; `poll` looks for new ones as a server does every second."""

    def __init__(self, base_paths: Mapping[str, pathlib.Path]) -> None:
        self._base_paths = {name: pathlib.Path(path) for name, path in base_paths.items()}
        self._versions: dict[str, dict[int, Servable]] = {name: {} for name in base_paths}
        self.poll()

    def poll(self) -> None:
        """Loads the versions that are new: every folder whose name is a number, whatever is in it."""
        for name, base in self._base_paths.items():
            for path in base.iterdir():
                if re.fullmatch(r"-?[0-9]+", path.name) and int(path.name) not in self._versions[name]:
                    self._versions[name][int(path.name)] = Servable(path)

    def versions(self, name: str) -> list[int]:
        return sorted(self._versions.get(name, {}))

    def predict(self, request: predict_pb2.PredictRequest) -> tuple[int, dict[str, np.ndarray]]:
        """The version that answered, and its outputs."""
        spec, version = request.model_spec, None
        if not spec.name:
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        known = self._versions.get(spec.name, {})
        if spec.HasField("version"):
            version = spec.version.value
        elif known:
            version = max(known)
        if version not in known:
            asked = f"Specific({spec.name}, {version})" if spec.HasField("version") else f"Latest({spec.name})"
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}")
        return version, known[version].predict(request)

    def signature(self, request: predict_pb2.PredictRequest):
        """The signature that a request names; None if there is no such."""
        versions = self._versions.get(request.model_spec.name, {})
        known = versions[max(versions)].signatures if versions else {}
        return known.get(request.model_spec.signature_name or "serving_default")

    def Predict(self, request, context):
        try:
            version, outputs = self.predict(request)
        except RefusedError as error:
            context.abort(error.code, str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = version
        for name, values in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(values))
        return response


class LoopbackServer:
    """Both interfaces, on free ports of 127.0.0.1, while the `with` block lasts."""

    def __init__(self, base_paths: Mapping[str, pathlib.Path]) -> None:
        self.models = Models(base_paths)
        options = [("grpc.max_receive_message_length", _UNLIMITED), ("grpc.max_send_message_length", _UNLIMITED)]
        self._grpc = grpc.server(futures.ThreadPoolExecutor(4), options=options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self.models, self._grpc)
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.models))
        self.rest_address = f"127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> LoopbackServer:
        self._grpc.start()
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(None).wait()


@contextlib.contextmanager
def connected(address: str, max_message: int = _UNLIMITED) -> Iterator[grpc.Channel]:
    """A channel to a server, which takes answers of up to `max_message` bytes."""
    with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", max_message)]) as channel:
        yield channel


def stub(channel: grpc.Channel) -> prediction_service_pb2_grpc.PredictionServiceStub:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(inputs: Mapping[str, np.ndarray], signature: str = "", name: str = "elepose"):
    """A request of a model's latest version."""
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name, signature_name=signature))
    for key, values in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    return request


def answer(response: predict_pb2.PredictResponse) -> dict[str, np.ndarray]:
    return {name: tf.make_ndarray(values) for name, values in response.outputs.items()}


# The statuses a REST client of TensorFlow Serving sees.
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
}
_MODEL = re.compile(r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?(:predict)?")


def _handler(models: Models) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """The predict and status calls of TensorFlow Serving's REST interface, by its documentation (api_rest.md)."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = _MODEL.fullmatch(self.path)
            if asked is None or asked[3] or not models.versions(asked[1]):
                return self._send(404, {"error": f"Could not find any versions of model {self.path}"})
            status = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            states = [{"version": str(version), **status} for version in reversed(models.versions(asked[1]))]
            return self._send(200, {"model_version_status": states})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = _MODEL.fullmatch(self.path)
            if asked is None or not asked[3]:
                return self._send(400, {"error": f"Malformed request: POST {self.path}"})
            try:
                self._send(200, _predict_json(models, asked[1], asked[2], body))
            except RefusedError as error:
                self._send(_HTTP.get(error.code, 500), {"error": str(error)})

        def _send(self, status: int, values: Mapping[str, Any]) -> None:
            body = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _predict_json(models: Models, name: str, version: str | None, body: bytes) -> dict[str, Any]:
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name))
    if version:
        request.model_spec.version.value = int(version)
    try:
        values = json.loads(body)  # With NaN and Infinity, as the server.
        request.model_spec.signature_name = values.get("signature_name", "")
        by_row = "instances" in values
        if by_row == ("inputs" in values):
            raise ValueError("expected either instances or inputs")
        definition = models.signature(request)
        if definition is not None:
            columns = values["inputs"] if not by_row else _columns(values["instances"], list(definition.inputs))
            for alias, column in columns.items():
                dtype = tf.as_dtype(definition.inputs[alias].dtype) if alias in definition.inputs else None
                request.inputs[alias].CopyFrom(tf.make_tensor_proto(column, dtype))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"JSON Parse error: {error}") from error
    outputs = {key: array.tolist() for key, array in models.predict(request)[1].items()}
    if not by_row:
        return {"outputs": outputs}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _columns(rows: list[Mapping[str, Any]], names: list[str]) -> dict[str, list[Any]]:
    if not rows or any(set(row) != set(names) for row in rows):
        raise ValueError(f"expected instances of {', '.join(sorted(names))}")
    return {name: [row[name] for row in rows] for name in names}


if __name__ == "__main__":
    with LoopbackServer({"elepose": pathlib.Path(sys.argv[1])}) as running:
        print(running.grpc_address, running.rest_address, flush=True)
        sys.stdin.read()
