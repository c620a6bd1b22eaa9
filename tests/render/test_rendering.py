"""Rendering to files: formats, frame rates, notes on what is left out, and errors for what is missing."""

import builtins
import subprocess
import sys

import numpy as np
import pytest
from lifted_people import lifted
from PIL import Image

from tf_elepose.render import SUFFIXES, encoding, render, require_suffix
from tf_elepose.render.movie import SIZE


def gif_facts(path):
    with Image.open(path) as image:
        durations, pixels = [], []
        for number in range(image.n_frames):
            image.seek(number)
            durations.append(image.info["duration"])
            pixels.append(np.asarray(image.convert("RGB")))
        return image.size, durations, pixels, image.info.get("loop")


def test_png(tmp_path):
    done = render(tmp_path / "a.PNG", lifted(frames=20), poses=2)
    assert (done.frames, done.tracks, done.notes) == (2, ("walk-camera0-person0",), ())
    assert str(done) == f"{tmp_path / 'a.PNG'}: track walk-camera0-person0, 2 poses"
    with Image.open(tmp_path / "a.PNG") as image:
        image.load()
        assert image.format == "PNG" and image.width == 2 * 28 + 196 + 2 * 330


def test_gif_has_every_frame_at_the_clips_rate(tmp_path):
    done = render(tmp_path / "a.gif", lifted(frames=6, frame_rate=30.0))
    size, durations, pixels, loop = gif_facts(tmp_path / "a.gif")
    assert done.frames == 6 and size == SIZE and loop == 0
    assert durations == [30, 40, 30, 30, 40, 30]  # Ends at 3.33, 6.67, 10, ... hundredths: 3, 7, 10, 13, 17, 20.
    assert all((frame[0, 0] == 255).all() for frame in pixels)
    assert len({frame.tobytes() for frame in pixels}) == 6


def test_a_fast_clip_leaves_frames_out_of_a_gif_and_says_so(tmp_path):
    done = render(tmp_path / "a.gif", lifted(frames=9, frame_rate=100.0))
    _, durations, _, _ = gif_facts(tmp_path / "a.gif")
    assert len(durations) == done.frames == 3 and sum(durations) == 120  # Every fourth of 9; 4 x 10 ms each.
    assert done.notes == ("One frame of 4 is shown, 25 a second",)


def test_a_long_track_is_cut_and_says_so(tmp_path):
    done = render(tmp_path / "a.gif", lifted(frames=7, clips=("a", "b")), max_frames=2)
    assert done.frames == len(gif_facts(tmp_path / "a.gif")[1]) == 2
    assert "One of 2 tracks, the one with most poses" in done.notes
    assert "Cut after 2 of 7 frames" in done.notes and "Cut after 2 of 7" in str(done)


def test_an_unknown_frame_rate_is_noted_and_fps_overrides_it(tmp_path):
    poses = lifted(frames=2, frame_rate=None)
    assert render(tmp_path / "a.gif", poses).notes == (
        "The frame rate is not known; 25 frames a second are assumed; --fps=RATE sets it",
    )
    assert sum(gif_facts(tmp_path / "a.gif")[1]) == 80
    assert render(tmp_path / "a.gif", poses, fps=10).notes == ()
    assert sum(gif_facts(tmp_path / "a.gif")[1]) == 200


def test_mp4_is_h264_with_every_frame(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    seen = []

    def watch(numbers):
        for number in numbers:
            seen.append(number)
            yield number

    render(tmp_path / "a.mp4", lifted(frames=5, frame_rate=12.5), watch=watch)
    assert seen == list(range(5))
    command = [ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True)
    assert len(decoded.stdout) == 5 * SIZE[0] * SIZE[1] * 3
    facts = decoded.stderr.decode()
    assert all(fact in facts for fact in ("h264", "yuv420p", f"{SIZE[0]}x{SIZE[1]}", "12.50 fps"))
    assert SIZE[0] % 2 == SIZE[1] % 2 == 0


@pytest.mark.parametrize(("rate", "most", "step"), [(25, 33, 1), (33, 33, 1), (60, 33, 2), (100, 33, 4), (120, 60, 2)])
def test_steps(rate, most, step):
    assert encoding.step_for(rate, most) == step


@pytest.mark.parametrize("rate", [7.0, 24.0, 29.97, 30.0])
def test_durations_match_the_rate(rate):
    durations = encoding.gif_durations(200, rate)
    assert all(duration % 10 == 0 and duration > 0 for duration in durations)
    np.testing.assert_allclose(np.cumsum(durations), 1000.0 * np.arange(1, 201) / rate, atol=5.001)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt"])
def test_an_unknown_suffix_is_refused_before_drawing(tmp_path, name):
    with pytest.raises(ValueError, match=r"a.*: expected a name that ends in \.png, \.gif, \.mp4, \.html"):
        render(tmp_path / name, lifted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [{"poses": 0}, {"fps": -1}, {"fps": float("nan")}, {"max_frames": 0}])
def test_meaningless_options_are_refused(tmp_path, option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be above 0"):
        render(tmp_path / "a.gif", lifted(), **option)
    with pytest.raises(ValueError, match="turn"):
        render(tmp_path / "a.gif", lifted(), turn=float("inf"))


@pytest.mark.parametrize(
    ("missing", "package", "suffixes"),
    [("PIL", "Pillow", (".png", ".gif", ".mp4")), ("imageio_ffmpeg", "imageio-ffmpeg", (".mp4",))],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch, missing, package, suffixes):
    real = builtins.__import__

    def without(name, *args, **keywords):
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return real(name, *args, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    for suffix in SUFFIXES:
        if suffix in suffixes:
            with pytest.raises(ValueError, match=rf"needs {package}.*pip install 'tf_elepose\[render\]'"):
                render(tmp_path / f"a{suffix}", lifted(frames=1))
        elif suffix == ".html":
            render(tmp_path / "a.html", lifted(frames=1))
        else:
            assert require_suffix(f"a{suffix}") == suffix


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_with_nothing_to_draw_the_earlier_file_stays(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("before")
    for poses in (lifted(valid=np.zeros(6, bool)), lifted().select(slice(0, 0))):
        with pytest.raises(ValueError, match="nothing to draw"):
            render(path, poses)
    assert path.read_text() == "before"


def test_frames_without_any_pose_are_refused(tmp_path):
    with pytest.raises(ValueError, match="none of the 2 frames of track"):
        render(tmp_path / "a.gif", lifted(frames=4, valid=np.array([False, False, True, True])), max_frames=2)


def test_tensorflow_and_matplotlib_are_not_imported(tmp_path):
    script = (
        "import sys, tf_elepose.render; print([m for m in ('tensorflow', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
