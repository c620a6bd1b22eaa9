"""The page holds the poses it was given, never shows a name as markup, and works in a browser."""

import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from lifted_people import lifted

from tf_elepose.render import render
from tf_elepose.render.track import NO_POSE
from tf_elepose.skeleton.palette import LEFT, RIGHT, TRUNK
from tf_elepose.skeleton.skeletons import H36M_17

NASTY = "</script><script>alert('x')</script><!--<b>&amp;\u2028@@poses@@"


class Page(html.parser.HTMLParser):
    """The elements of a page: tags, scripts and styles with their text, the policy."""

    def __init__(self, path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tags, self.scripts, self.styles, self.policy = [], [], [], ""
        self._inside = None
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self._inside = None
        if tag in ("script", "style"):
            self._inside = self.scripts if tag == "script" else self.styles
            self._inside.append("")
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside is not None:
            self._inside[-1] += data

    @property
    def data(self):
        return json.loads(self.scripts[0])


def unpacked(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.fixture
def poses():
    rng = np.random.default_rng(0)
    valid = np.array([True, True, False, True, True, True])
    poses_2d = rng.uniform(0, 1920, (6, H36M_17.num_joints, 2))
    poses_2d[2, 4:] = np.nan
    return lifted(
        frames=3, clips=("a", "b"), valid=valid, poses_2d=poses_2d, axes="camera",
        poses_3d=rng.normal(0, 400, (6, H36M_17.num_joints, 3)) * valid[:, np.newaxis, np.newaxis],
        percentile=np.where(valid, 30.0, np.nan), elevation=np.arange(6.0),
    )  # fmt: skip


def test_the_embedded_poses_are_the_given_poses(tmp_path, poses):
    done = render(tmp_path / "a.html", poses)
    assert done.frames == 6 and done.tracks == ("a-camera0-person0", "b-camera0-person0") and not done.notes
    data = Page(tmp_path / "a.html").data
    assert data["joints"] == list(H36M_17.joints) and (data["unit"], data["axes"]) == ("mm", "camera")
    assert data["bones"] == [[H36M_17.index(child), H36M_17.index(parent)] for child, parent in H36M_17.bones]
    assert data["first"] == 1  # The first track has two poses, the second three.
    for number, track in enumerate(data["tracks"]):
        rows = slice(3 * number, 3 * number + 3)
        steps = unpacked(track["poses_3d"], "<i2").reshape(3, -1, 3)
        np.testing.assert_allclose(steps * track["scale_3d"], poses.poses_3d[rows], atol=0.03)  # mm
        steps = unpacked(track["poses_2d"], "<i2").reshape(3, -1, 2)
        image = np.where(steps == -32768, np.nan, np.array(track["origin_2d"]) + steps * track["scale_2d"])
        np.testing.assert_allclose(image, poses.poses_2d[rows], atol=0.02)  # px
        np.testing.assert_array_equal(unpacked(track["valid"], "u1"), poses.valid[rows])
        np.testing.assert_array_equal(unpacked(track["frame"], "<i4"), poses.frame[rows])
        np.testing.assert_array_equal(unpacked(track["percentile"], "<f4"), poses.percentile[rows].astype("f4"))
        np.testing.assert_array_equal(unpacked(track["elevation"], "<f4"), poses.elevation[rows].astype("f4"))
        assert (track["count"], track["rate"]) == (3, 25.0)


def test_the_page_is_self_contained_and_lets_nothing_else_run(tmp_path, poses):
    render(tmp_path / "a.html", poses)
    page = Page(tmp_path / "a.html")
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://|\bimport\(|fetch\(|@@", page.text)
    for kind, texts in (("script", page.scripts[1:]), ("style", page.styles)):
        (text,) = texts
        digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none';")
    assert {LEFT, RIGHT, TRUNK} <= set(re.findall(r"#[0-9A-F]{6}", page.styles[0]))


def test_names_are_never_markup(tmp_path):
    poses = lifted(frames=2, clips=(NASTY,), source=NASTY, model=NASTY)
    plain, nasty = tmp_path / "plain.html", tmp_path / "nasty.html"
    render(plain, lifted(frames=2))
    render(nasty, poses)
    before, after = Page(plain), Page(nasty)
    assert [tag for tag, _ in after.tags] == [tag for tag, _ in before.tags]
    assert len(after.scripts) == 2 and after.scripts[1] == before.scripts[1]
    assert after.data["source"] == after.data["model"] == NASTY
    assert after.data["tracks"][0]["name"] == f"{NASTY}-camera0-person0"
    assert not re.search(r"[<>&]", after.scripts[0])


def test_controls_have_names(tmp_path, poses):
    render(tmp_path / "a.html", poses)
    page = Page(tmp_path / "a.html")
    text = re.sub(r"<(script|style)\b.*?</\1>", "", page.text, flags=re.S)
    for body in re.findall(r"<button[^>]*>(.*?)</button>", text, re.S):
        assert body or 'id="play"' in text  # Play and Pause are written by the script.
    for tag, attributes in page.tags:
        if tag == "input" and attributes["type"] == "range":
            assert attributes["aria-label"]
    assert len(re.findall(r"<label[^>]*>[^<]*<(?:input|select)", text)) == 5


def test_ten_thousand_frames_stay_below_five_megabytes(tmp_path):
    done = render(tmp_path / "a.html", lifted(frames=10_000))
    assert done.frames == 10_000
    assert (tmp_path / "a.html").stat().st_size < 3e6


def test_cut_frames_and_empty_tracks_are_noted(tmp_path):
    valid = np.repeat([False, True, True, True], 3)
    done = render(tmp_path / "a.html", lifted(frames=3, clips=tuple("abcd"), valid=valid), max_frames=4)
    assert done.tracks == ("b-camera0-person0", "c-camera0-person0") and done.frames == 4
    assert done.notes == (
        "Tracks without any pose, left out: 1", "Cut after 4 of 9 frames, 2 of 3 tracks"
    )  # fmt: skip


def test_one_track_by_name(tmp_path, poses):
    assert render(tmp_path / "a.html", poses, track="b-camera0-person0").tracks == ("b-camera0-person0",)


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(address, folder):
    """The page's elements after its script has run; a busy machine may need more of the browser's virtual time."""
    flags = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --force-prefers-reduced-motion --dump-dom"
    )
    dom = ""
    for budget_ms in (2000, 10_000, 60_000):
        command = [BROWSER, *flags.split(), f"--virtual-time-budget={budget_ms}", f"--user-data-dir={folder}", address]
        try:
            dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
        except subprocess.TimeoutExpired:
            pytest.skip(f"{BROWSER} did not start within two minutes")
        if 'aria-label="Frame ' in dom:
            break
    return dom


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome to show the page with")
def test_a_browser_shows_the_linked_frame(tmp_path, poses):
    render(tmp_path / "a.html", poses)
    dom = browse(f"{(tmp_path / 'a.html').as_uri()}#track=0&row=1&azimuth=90", tmp_path / "profile")
    assert 'aria-label="Frame 1: pose turned by 90 degrees, percentile 30, usual"' in dom
    assert ">a-camera0-person0</h1>" in dom and ">Play</button>" in dom
    assert ">Camera elevation 1°<" in dom and "frame 1 · 2 of 3" in dom
    dom = browse(f"{(tmp_path / 'a.html').as_uri()}#track=0&row=2", tmp_path / "profile")
    assert f'aria-label="Frame 2: {NO_POSE}"' in dom and f'<p id="none">{NO_POSE}</p>' in dom


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome to show the page with")
def test_a_browser_shows_names_as_text(tmp_path):
    render(tmp_path / "a.html", lifted(frames=2, clips=(NASTY, "b")))
    dom = browse((tmp_path / "a.html").as_uri(), tmp_path / "profile")
    assert dom.count("<script") == 2 and "&lt;script&gt;alert('x')&lt;/script&gt;" in dom
