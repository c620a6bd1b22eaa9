"""Lifts poses with TensorFlow Serving over gRPC: pip install tensorflow-serving-api

    python export/serving/client_grpc.py keypoints.json

Input and output are those of client_rest.py. Messages are smaller than over REST, because numbers are not text.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import grpc
import numpy as np
import tensorflow as tf
from client_rest import parse, print_poses, read_keypoints, requests
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

_SECONDS = 30.0


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments, "127.0.0.1:8500", __doc__)
    keypoints, confidence = (np.asarray(values, np.float32) for values in read_keypoints(options.file))
    with grpc.insecure_channel(options.server) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for rows in requests(len(keypoints)):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = options.model
            request.model_spec.signature_name = options.signature
            if options.version:
                request.model_spec.version.value = options.version
            inputs = {"keypoints": keypoints[rows], "confidence": confidence[rows]}
            if options.signature != "likelihood":  # `likelihood` does not scale poses.
                inputs["root_head_mm"] = np.full(len(keypoints[rows]), options.root_head_mm, np.float32)
            for name, values in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
            try:
                outputs = stub.Predict(request, timeout=_SECONDS).outputs
            except grpc.RpcError as error:
                raise SystemExit(f"error: {options.server}: {error.code().name}: {error.details()}") from error
            print_poses({name: tf.make_ndarray(values).tolist() for name, values in outputs.items()})


if __name__ == "__main__":
    main(sys.argv[1:])
