"""Claims: LiteRT.js in a real browser gives Python's results, and the page shows them."""

import contextlib
import http.client
import json
import shutil
import subprocess
import threading
import urllib.request

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from poses_left_out import poses_left_out
from small_bundle import seen_poses, small_assets, small_bundle

from export.mobile import serve
from tf_elepose.data.visibility import root_centred, root_weights, seen
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import Convention
from tf_elepose.skeleton.skeletons import H36M_17

# The converters warn about their own use of deprecated interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

COCO = list(get_convention("coco_17").joints)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=500,900",
)  # fmt: skip
PATIENCE = 60.0  # Seconds: the browser's start and 10 MB of WebAssembly, on a busy machine.


class Collecting(serve.Handler):
    """The page's server, which also takes the page's reports."""

    reports: dict
    arrived: dict

    def do_POST(self):
        name = self.path.removeprefix("/report/")
        self.reports[name] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.arrived[name].set()


@contextlib.contextmanager
def serving(**options):
    server = serve.make_server(**options)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def browsing(address, profile):
    browser = subprocess.Popen(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        browser.terminate()
        browser.wait(timeout=20)


def expected(frame):
    """The outputs of Python's interpreter for the file in the bundle."""
    run = Interpreter(
        model_path=str(small_bundle() / "tflite" / "lift_full_float32.tflite"), num_threads=1
    ).get_signature_runner()
    points = np.array([point or [0, 0, 0] for point in frame], np.float32)[np.newaxis]
    return run(keypoints=points[..., :2], confidence=points[..., 2], root_head_mm=np.zeros(1, np.float32))


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.skipif(
    not (serve.WEB / "node_modules").is_dir(), reason="needs LiteRT.js: npm install in export/mobile/web"
)
def test_the_page_gives_the_results_of_python(tmp_path):
    shutil.copytree(small_assets(), tmp_path / "assets")
    frames = seen_poses(12, len(COCO))
    # By name: the file has its own order, and a joint that the model does not know.
    shuffled = [*reversed(COCO), "tail"]
    rows = [[*reversed(frame), [1, 2, 3]] for frame in frames]
    (tmp_path / "assets" / "model" / "fixed.json").write_text(json.dumps({"joints": shuffled, "frames": rows}))
    Collecting.reports, Collecting.arrived = {}, {"frames": threading.Event(), "page": threading.Event()}
    with (
        serving(assets=tmp_path / "assets", handler=Collecting) as address,
        browsing(f"{address}?test=fixed.json", tmp_path / "profile"),
    ):
        for name, event in Collecting.arrived.items():
            assert event.wait(PATIENCE), f"no report of {name}"
    got = Collecting.reports["frames"]
    assert got["keypoints"] == COCO and len(got["frames"]) == len(frames)
    for frame, said in zip(frames, got["frames"], strict=True):
        want = expected(frame)
        assert said["valid"] == bool(want["valid"][0])
        np.testing.assert_allclose(said["pose"], want["poses_3d"].ravel(), atol=1e-3)
        assert said["elevationDeg"] == pytest.approx(want["elevation_deg"][0], abs=1e-3)
    assert [said["valid"] for said in got["frames"]] == [True] * 11 + [False]
    page = Collecting.reports["page"]
    assert page["painted"] > 1000 and page["overflow"] <= 0
    assert page["latency"].endswith(" ms") and page["elevation"].endswith("°") and page["message"] == ""


def modules(folder):
    (folder / "node_modules" / "@litertjs" / "core" / "wasm").mkdir(parents=True)
    (folder / "node_modules" / "@litertjs" / "core" / "wasm" / "litert.wasm").write_bytes(b"\0asm")
    return folder / "node_modules"


def test_the_server_sends_the_types_of_its_files(tmp_path):
    with serving(assets=small_assets(), node_modules=modules(tmp_path)) as address:
        for path, kind in {
            "": "text/html",
            "app.js": "text/javascript",
            "model/skeleton.json": "application/json",
            "model/lift_full_float32.tflite": "application/octet-stream",
            "node_modules/@litertjs/core/wasm/litert.wasm": "application/wasm",
        }.items():
            with urllib.request.urlopen(f"{address}{path}?x=1") as answer:
                assert answer.headers.get_content_type() == kind
                assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    ["/model/", "/node_modules/@litertjs/", "/model/../kotlin/PoseSkeleton.kt", "/../serve.py", "/model/%2e%2e/x"],
)
def test_the_server_sends_no_other_files(tmp_path, path):
    with serving(assets=small_assets(), node_modules=modules(tmp_path)) as address:
        connection = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"))
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


def test_the_server_names_missing_files(tmp_path):
    with pytest.raises(ValueError, match=r"LiteRT\.js is not installed; run npm install once"):
        serve.make_server(small_assets(), node_modules=tmp_path)
    with pytest.raises(ValueError, match=r"expected the output of python -m export\.mobile"):
        serve.make_server(tmp_path)


READ = """
import {{ readKeypoints }} from "{module}";
const given = JSON.parse(process.argv[1]);
let said;
try {{ said = readKeypoints(given.name, given.text, given.wanted); }} catch (error) {{ said = error.message; }}
console.log(JSON.stringify(said));
"""


def read(name, text, wanted=("nose", "l_knee", "r_knee")):
    script = READ.format(module=(serve.WEB / "keypoints.js").as_uri())
    given = json.dumps({"name": name, "text": text, "wanted": wanted})
    done = subprocess.run(
        ["node", "--no-warnings", "--input-type=module", "-e", script, given],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


SEEN = """
import {{ readFileSync }} from "node:fs";
import {{ seen }} from "{module}";
const {{ cases, minConfidence, root }} = JSON.parse(readFileSync(0, "utf8"));
const numbers = (pose) => pose.map((point) => point.map(Number));
console.log(JSON.stringify(cases.map((pose) => seen(numbers(pose), minConfidence, root))));
"""


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@needs_node
@pytest.mark.parametrize(
    "convention", [get_convention("coco_17"), H36M_17, Convention("eyes", ("nose", "l_eye", "r_eye"))]
)
def test_the_page_sees_what_numpy_sees(convention):
    poses, confidence = poses_left_out(convention, 400)
    weights = root_weights(convention, H36M_17)
    given = seen(poses, confidence, 0.25, root_centred=True)
    expected = seen(poses, confidence, 0.25, root_centred=root_centred(poses, given, weights))
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    sent = {
        "cases": [
            [[words.get(text, text) for text in map(str, point)] for point in pose]
            for pose in np.concatenate([poses, confidence[..., np.newaxis]], axis=-1).tolist()
        ],
        "minConfidence": 0.25,
        "root": None if weights is None else [row.tolist() if row.any() else None for row in weights],
    }
    script = SEEN.format(module=(serve.WEB / "visibility.js").as_uri())
    command = ["node", "--no-warnings", "--input-type=module", "-e", script]
    done = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True, check=True)
    np.testing.assert_array_equal(json.loads(done.stdout), expected)


@needs_node
def test_joints_that_a_program_left_out_are_not_seen():
    frames = [[[0, 0, 0.31], [-1, -1], [7, 0]], [[None, 3], [3, None], ["3", 4]], [[3, 4, 0], [3, 4, None], [3]]]
    text = json.dumps({"joints": ["nose", "l_knee", "r_knee"], "frames": frames})
    assert read("a.json", text)["frames"] == [[None, None, [7, 0, 1]], [None] * 3, [None, [3, 4, 1], None]]


@needs_node
def test_json_is_read_by_name():
    text = json.dumps({"joints": ["l_knee", "tail", "nose"], "frame_rate": 50, "frames": [[[1, 2], [0, 0], None]]})
    assert read("a.json", text) == {"frameRate": 50, "frames": [[None, [1, 2, 1], None]], "found": ["nose", "l_knee"]}


@needs_node
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_by_name(separator):
    rows = ["r_knee_x,r_knee_y,r_knee_confidence,nose_y,nose_x", "1.5,2,0.25,4,3", ",,,6,5", ""]
    said = read("A.CSV", "\r\n".join(rows).replace(",", separator))
    assert said["frames"] == [[[3, 4, 1], None, [1.5, 2, 0.25]], [[5, 6, 1], None, None]]


@needs_node
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"frames": []}', 'expected "joints"'),
        ("a.json", '{"joints": ["nose"], "frames": [[[1, 2], [3, 4]]]}', 'frame 0 has 2 keypoints; "joints" names 1'),
        ("a.json", '{"joints": ["tail"], "frames": [[[1, 2]]]}', "none of the model's keypoints is in it"),
        ("a.json", '{"joints": ["nose"], "frames": []}', "it has no frames"),
        ("a.json", '{"joints": ["nose"], "frame_rate": -1, "frames": [[null]]}', "frame_rate must be above 0"),
        ("a.csv", "a,b\n1,2", "expected a header"),
        ("a.csv", "nose_x\n1", "has nose_x but no nose_y"),
        ("a.csv", "nose_x,nose_y\n1", "line 2 has 1 cells, the header 2"),
        ("a.csv", "", "expected a header"),
    ],
)
def test_files_that_cannot_be_read_are_errors(name, text, message):
    assert message in read(name, text)
