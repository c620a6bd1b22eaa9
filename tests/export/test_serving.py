"""Claims: a served model gives right answers over gRPC and REST, and bad requests are refused without later effects.

The server is a stand-in, see loopback_server.py; TensorFlow Serving itself where it is installed.
"""

import json
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import yaml
from google.protobuf import text_format
from loopback_server import LoopbackServer, answer, connected, predict_request, stub
from malformed_requests import failure, malformed_requests, soak
from small_served import served_signatures, served_version
from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving_process import SERVER, tensorflow_serving

from export import examples, saved_model

# The loaders and exporters warn about their own use of deprecated interfaces.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)

RECIPES = pathlib.Path(saved_model.__file__).parent / "serving"


@pytest.fixture(scope="module")
def signed():
    return served_signatures()


@pytest.fixture(scope="module")
def inputs(signed):
    made = examples.plausible(signed, 64, seed=1)
    return made | {"confidence": np.maximum(made["confidence"], 0.5)}  # All joints seen: all poses are good.


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("model") / "saved_model"
    shutil.copytree(served_version(), base / "1")
    return base


@pytest.fixture(scope="module")
def server(base):
    with LoopbackServer({"elepose": base}) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with connected(server.grpc_address) as opened:
        yield opened


def rows(inputs, *which):
    return {name: values[slice(*which)] for name, values in inputs.items()}


def test_answers_are_those_of_the_function(channel, signed, inputs):
    got = answer(stub(channel).Predict(predict_request(inputs, "lift")))
    for key, values in signed.functions["lift"](**inputs).items():
        assert np.allclose(got[key], values, rtol=1e-4, atol=1e-5), key


def test_outputs_can_be_chosen(channel, inputs):
    request = predict_request(inputs)
    request.output_filter.append("valid")
    assert list(answer(stub(channel).Predict(request))) == ["valid"]


def test_every_malformed_request_is_refused_or_invalid(channel, inputs):
    cases = malformed_requests(rows(inputs, 4))
    assert len({case.name for case in cases}) == len(cases) > 100
    assert [problem for case in cases if (problem := failure(case, channel))] == []


def test_a_thousand_malformed_requests_do_not_change_good_answers(server, inputs):
    problems, numbers = soak(server.grpc_address, inputs, requests=1000, threads=4)
    assert problems == [] and numbers["malformed"] == numbers["good"] == 1000


def test_a_model_that_accepts_any_shape_fails_the_soak(signed, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(signed, "refusing", signed.concrete)
    monkeypatch.setattr(signed, "functions", {"lift": signed.functions["lift"]})
    saved_model.export_saved_model(signed, tmp_path, inputs)
    with LoopbackServer({"elepose": tmp_path}) as careless, connected(careless.grpc_address) as channel:
        problems = [failure(case, channel) for case in malformed_requests(rows(inputs, 4))]
    found = {problem.split(":")[0] for problem in problems if problem}
    assert {"confidence of one pose for all", "one size for all", "a joint more", "one pose, many sizes"} <= found


def test_the_size_of_answers_limits_the_batch(server, inputs):
    many = {name: np.resize(values, (25_000, *values.shape[1:])) for name, values in inputs.items()}
    with connected(server.grpc_address, max_message=4 * 2**20) as usual, pytest.raises(grpc.RpcError) as refused:
        stub(usual).Predict(predict_request(many))  # 4 MiB are gRPC's default.
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    with connected(server.grpc_address) as generous:
        got = answer(stub(generous).Predict(predict_request(many)))
        few = answer(stub(generous).Predict(predict_request(inputs)))
    assert got["valid"].all() and np.allclose(got["poses_3d"][:64], few["poses_3d"], atol=1e-5)


def post(server, body, path="/v1/models/elepose:predict"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://{server.rest_address}{path}", data) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_rest_by_columns_and_by_rows_is_grpc(server, channel, inputs):
    few = rows(inputs, 5)
    want = answer(stub(channel).Predict(predict_request(few, "lift")))
    columns = {name: values.tolist() for name, values in few.items()}
    status, by_column = post(server, {"signature_name": "lift", "inputs": columns})
    assert status == 200 and np.array_equal(np.float32(by_column["outputs"]["poses_3d"]), want["poses_3d"])
    instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    status, by_row = post(server, {"instances": instances}, "/v1/models/elepose/versions/1:predict")
    assert status == 200 and [row["valid"] for row in by_row["predictions"]] == [True] * 5
    assert np.array_equal(np.float32([row["poses_3d"] for row in by_row["predictions"]]), want["poses_3d"])


def test_rest_takes_joints_that_a_program_left_out_as_not_seen(server, inputs):
    few = {name: values.copy() for name, values in rows(inputs, 4).items()}
    few["keypoints"][1] -= few["keypoints"][1, :1]  # Root-centred: its root at (0, 0) is a place.
    few["keypoints"][2, 13], few["keypoints"][3, [3, 13]] = 0.0, -1.0
    few["confidence"][2:, [3, 13]] = 0.31
    _, left_out = post(server, {"signature_name": "lift", "inputs": {k: v.tolist() for k, v in few.items()}})
    few["keypoints"][1] += 500.0
    few["confidence"][2, 13] = few["confidence"][3, [3, 13]] = 0.0
    _, not_seen = post(server, {"signature_name": "lift", "inputs": {k: v.tolist() for k, v in few.items()}})
    assert left_out["outputs"]["valid"] == [True] * 4
    np.testing.assert_allclose(left_out["outputs"]["poses_3d"], not_seen["outputs"]["poses_3d"], atol=1e-4)


def test_rest_refuses_with_a_reason(server, inputs):
    good = {name: values.tolist() for name, values in rows(inputs, 2).items()}
    one = {name: values[:1] for name, values in good.items()}
    for status, body, path in (
        (400, b"{", "/v1/models/elepose:predict"),
        (400, {"inputs": good, "instances": []}, "/v1/models/elepose:predict"),
        (400, {"inputs": {**good, "confidence": one["confidence"]}}, "/v1/models/elepose:predict"),
        (400, {"inputs": {**good, "confidence": "all"}}, "/v1/models/elepose:predict"),
        (400, {"inputs": {**good, "keypoints": [[[1, 2]], [[1], [2]]]}}, "/v1/models/elepose:predict"),
        (400, {"signature_name": "nobody", "inputs": good}, "/v1/models/elepose:predict"),
        (404, {"inputs": good}, "/v1/models/nobody:predict"),
        (404, {"inputs": good}, "/v1/models/elepose/versions/9:predict"),
    ):
        got, answered = post(server, body, path)
        assert got == status and answered["error"], body
    status, answered = post(server, {"inputs": {**good, "keypoints": (np.ones((2, 17, 2)) * np.nan).tolist()}})
    assert status == 200 and answered["outputs"]["valid"] == [False, False]


@pytest.fixture(scope="module")
def keypoints_file(inputs, tmp_path_factory):
    """300 poses, more than go into a request, as a detector writes them; one joint of the first was not found."""
    poses = [
        np.concatenate([k, c[:, None]], axis=-1) for k, c in zip(inputs["keypoints"], inputs["confidence"], strict=True)
    ]
    written = [{"keypoints": pose.ravel().tolist(), "image_id": row} for row, pose in enumerate(poses * 5)][:300]
    written[0]["keypoints"][:3] = [None, None, None]
    path = tmp_path_factory.mktemp("keypoints") / "keypoints.json"
    path.write_text(json.dumps(written))
    return path


def check_printed(text, channel, inputs, root_head_mm=0.0):
    """The lines a client printed are the server's answers to the poses of `keypoints_file`."""
    given = {name: np.resize(values, (300, *values.shape[1:])) for name, values in inputs.items()}
    given["keypoints"][0, 0] = given["confidence"][0, 0] = 0.0
    given["root_head_mm"][:] = root_head_mm
    want = answer(stub(channel).Predict(predict_request(given)))
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["valid"] for line in lines] == want["valid"].tolist() == [True] * 300
    got = np.array([line["poses_3d"] for line in lines])
    assert np.allclose(got, want["poses_3d"], rtol=1e-4, atol=1e-5 * max(root_head_mm, 1))


def rest_client(*arguments):
    """Runs the REST client with only the standard library."""
    command = [sys.executable, "-I", "-S", str(RECIPES / "client_rest.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_rest_client(server, channel, inputs, keypoints_file, tmp_path):
    address = f"--server=http://{server.rest_address}"
    done = rest_client(keypoints_file, address, "--version=1", "--root_head_mm=700")
    assert done.returncode == 0, done.stderr
    check_printed(done.stdout, channel, inputs, root_head_mm=700.0)
    (tmp_path / "odd.json").write_text('[{"keypoints": [1, 2]}]')
    for arguments, message in (
        ([keypoints_file, address, "--model=nobody"], "404: .*Servable not found for request: Latest\\(nobody\\)"),
        ([keypoints_file, "--server=http://127.0.0.1:1"], "127.0.0.1:1/.*refused"),
        ([tmp_path / "odd.json", address], "odd.json: expected a list of poses .*x, y and score"),
        ([tmp_path / "none.json", address], "none.json: expected a list of poses .*No such file"),
    ):
        refused = rest_client(*arguments)
        assert refused.returncode == 1 and re.match(f"error: .*{message}", refused.stderr), refused.stderr
        assert "Traceback" not in refused.stderr


def test_the_grpc_client(server, channel, inputs, keypoints_file, monkeypatch, capsys):
    monkeypatch.syspath_prepend(RECIPES)  # As it is for a script there.
    client = runpy.run_path(str(RECIPES / "client_grpc.py"))["main"]
    client([str(keypoints_file), f"--server={server.grpc_address}"])
    check_printed(capsys.readouterr().out, channel, inputs)
    client([str(keypoints_file), f"--server={server.grpc_address}", "--signature=likelihood"])
    assert "nll" in json.loads(capsys.readouterr().out.splitlines()[299])
    with pytest.raises(SystemExit, match=r"FAILED_PRECONDITION: .*nobody"):
        client([str(keypoints_file), f"--server={server.grpc_address}", "--signature=nobody"])
    with pytest.raises(SystemExit, match=r"NOT_FOUND: .*Specific"):
        client([str(keypoints_file), f"--server={server.grpc_address}", "--version=5"])


def test_a_new_version_answers_and_the_old_one_is_there_by_number(base, inputs, tmp_path):
    shutil.copytree(base / "1", tmp_path / "1")
    with LoopbackServer({"elepose": tmp_path}) as server, connected(server.grpc_address) as channel:
        assert stub(channel).Predict(predict_request(inputs)).model_spec.version.value == 1
        shutil.copytree(base / "1", tmp_path / "2")
        server.models.poll()
        assert stub(channel).Predict(predict_request(inputs)).model_spec.version.value == 2
        old = predict_request(inputs)
        old.model_spec.version.value = 1
        assert stub(channel).Predict(old).model_spec.version.value == 1


def test_the_configuration_files_fit_together():
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((RECIPES / "models.config").read_text(), config)
    (model,) = config.model_config_list.config
    service = yaml.safe_load((RECIPES / "docker-compose.yml").read_text())["services"]["elepose"]
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    mounts = [re.fullmatch(r"(.+):(/[^:]+):ro", volume).groups() for volume in service["volumes"]]
    assert model.base_path in {inside for _, inside in mounts}
    assert all((RECIPES / outside).is_file() for outside, _ in mounts if outside.startswith("./"))
    given = {option.split("=")[1] for option in service["command"] if "=" in option}
    assert given <= {inside for _, inside in mounts}
    batching = (RECIPES / "batching_parameters.txt").read_text()
    allowed = [int(size) for size in re.findall(r"^allowed_batch_sizes: (\d+)$", batching, re.MULTILINE)]
    largest = int(re.search(r"^max_batch_size \{ value: (\d+) \}$", batching, re.MULTILINE)[1])
    client = runpy.run_path(str(RECIPES / "client_rest.py"))
    assert allowed == sorted(set(allowed)) and allowed[-1] == largest == client["POSES_A_REQUEST"]
    assert set(saved_model.WARMUP_BATCHES) <= set(allowed)


@pytest.mark.skipif(shutil.which(SERVER) is None, reason=f"there is no {SERVER} on this machine")
def test_tensorflow_serving_itself(base, signed, channel, inputs, keypoints_file, tmp_path):
    config = (RECIPES / "models.config").read_text().replace("/models/elepose", str(base))
    with tensorflow_serving(config, tmp_path) as (grpc_address, rest_address, log):
        with connected(grpc_address) as real:
            got = answer(stub(real).Predict(predict_request(inputs)))
        want = answer(stub(channel).Predict(predict_request(inputs)))
        assert np.array_equal(got["valid"], want["valid"])
        assert np.allclose(got["poses_3d"], want["poses_3d"], atol=1e-4)
        done = rest_client(keypoints_file, f"--server=http://{rest_address}")
        assert done.returncode == 0, done.stderr
        check_printed(done.stdout, channel, inputs)
        replayed = re.search(r"Number of warmup records read: (\d+)", log.read_text(errors="replace"))
        assert replayed and int(replayed[1]) == len(saved_model.WARMUP_BATCHES) * (len(signed.functions) + 1)
        problems, _ = soak(grpc_address, inputs, requests=300, threads=4)
        assert problems == []
