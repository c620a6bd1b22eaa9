"""Makes the golden files; what each is, README.md says.

    PYTHONPATH=.:tests/reference python tests/golden/make_golden.py

Made with commit f0b035f on Python 3.11.7, TensorFlow 2.21.0, Keras 3.15.1, TensorFlow Probability 0.25.0, NumPy 2.4.6,
ai-edge-litert 2.3.0 and an AMD EPYC processor.

The files are never made anew: they are what the program of that commit left and said, so that a later one can be held
against it. What is there stays as it is; this makes only what is not there yet, such as a model of a new method and
what it says.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import golden_answers
import numpy as np

import tf_elepose

FOLDER = golden_answers.FOLDER
ROOT = FOLDER.parents[1]

DATA = ("--option=subjects=8", "--option=takes=2", "--option=frames=16")

_FLOW = ("prior.blocks=3", "prior.width=16", "prior.batch_size=128", "prior.epochs=40.0")
_LIFTER = ("lifter.batch_size=128", "lifter.precision=float32")
_ELEPOSE = (
    "completer.width=16", "completer.batch_size=128", "completer.epochs=20.0", "completer.precision=float32",
    "prior.bases=20", *_FLOW, *_LIFTER, "lifter.epochs=200.0",
)  # fmt: skip

# Of each method, from its defaults: narrow, and trained until the depths are the right way round, or the command would
# not save a model. Where there is a choice, the models differ in it: all three rules of normalisation, both lifters.
MODELS = {
    "elepose": (*_ELEPOSE, "lifter.width=32", "lifter.starts=1", "lifter.arch=paper", "normalization.rule=pose"),
    "links": (
        *_ELEPOSE, "lifter.width=24", "lifter.starts=1",
        "filler.width=16", "filler.batch_size=128", "filler.epochs=20.0", "filler.precision=float32",
    ),
    "distilled": (
        f"teacher={FOLDER / 'models' / 'elepose.npz'}",
        "prior.blocks=2", "prior.width=12", "prior.batch_size=128", "prior.epochs=20.0",
        "student.width=32", "student.depth=2", "student.batch_size=128", "student.epochs=60.0",
        "student.precision=float32",
    ),
    "supervised": (*_LIFTER, "lifter.width=24", "lifter.epochs=40.0", "normalization.rule=clip"),
    "canonpose": (
        "poses_2d=detected", "lifter.width=48", "lifter.epochs=200.0", "lifter.precision=float32",
        "lifter.term_weights.knees=1.0", "lifter.optimizer.learning_rate=3e-3",
    ),
    "svmac": (
        "generator.width=24", "generator.critic_width=24", "generator.critic_bases=16", "generator.batch_size=128",
        "generator.epochs=60.0", "generator.precision=float32", "generator.batch_norm=true", "generator.dropout=0.05",
    ),
}  # fmt: skip
CAMERAS = {"canonpose": 4}  # Others: 2.

# One checkpoint a stage, its last.
WORKDIR = (*_ELEPOSE, "lifter.width=32", "loop.checkpoint_every=100000")

BUNDLE = ("lift_all_float32_batch", "lift_full_float32_batch", "lift_all_int8_dynamic_batch")
"""Files that are kept of an export, which has 26: those that `Lifter` chooses from, in two precisions."""


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, check=True)


def train(config: pathlib.Path, workdir: pathlib.Path, changes: tuple[str, ...], cameras: int = 2) -> None:
    settings = [f"--config.{change}" for change in ("strategy=one_device", *changes)]
    run(
        "tf_elepose.train",
        f"--config={config}",
        f"--workdir={workdir}",
        *DATA,
        f"--option=cameras={cameras}",
        *settings,
    )


def make_inputs(path: pathlib.Path) -> None:
    """People of the built-in synthetic data that no model was trained on: six frames of each of four clips."""
    recording = tf_elepose.load_source(
        "synthetic", tf_elepose.H36M_17, seed=2024, subjects=2, takes=1, frames=12, cameras=2, test_fraction=0.5
    )
    clips = np.unique(recording.clip)[[0, 3, 6, 9]]
    rows = np.concatenate([
        np.flatnonzero((recording.clip == clip) & (recording.camera == number % 2))[::2]
        for number, clip in enumerate(clips)
    ])  # fmt: skip
    complete = recording.poses_2d[rows].astype(np.float32)
    assert complete.shape == (24, 17, 2) and np.isfinite(complete).all() and np.all(complete != 0)
    rng = np.random.default_rng(7)
    hidden = rng.random((24, 17)).argsort(axis=1).argsort(axis=1) < (1 + np.arange(24) % 3)[:, np.newaxis]
    hidden[23] = np.arange(17) >= 3  # Too few to lift.
    halves = complete[:4].copy()
    for poses, half in ((slice(0, 2), "legs"), (slice(2, 4), "torso")):
        halves[poses, list(tf_elepose.H36M_17.indices(tf_elepose.H36M_17.halves[half]))] = np.nan
    np.savez_compressed(
        path,
        complete=complete,
        missing=np.where(hidden[..., np.newaxis], np.float32(np.nan), complete),
        halves=halves,
        confidence=rng.uniform(0.4, 1.0, (24, 17)).astype(np.float32),
        clip=recording.clip[rows],
        camera=recording.camera[rows],
        frame=recording.frame[rows],
    )


def make_model(name: str, path: pathlib.Path, scratch: pathlib.Path) -> None:
    config = scratch / f"{name}.py"
    lines = (
        "from tf_elepose.methods.registry import METHODS",
        "",
        f"get_config = METHODS[{name!r}].default_config",
        "",
    )
    config.write_text("\n".join(lines))
    train(config, scratch / name, MODELS[name], CAMERAS.get(name, 2))
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(scratch / name / "model.npz", path)


def make_workdir(path: pathlib.Path, scratch: pathlib.Path) -> None:
    """All that the command left but TensorBoard's events, which are large and carry the machine's name."""
    train(ROOT / "configs" / "quickstart.py", scratch / "workdir", WORKDIR)
    shutil.copytree(scratch / "workdir", path, ignore=shutil.ignore_patterns("events"))


def make_bundle(path: pathlib.Path, scratch: pathlib.Path) -> None:
    """Makes the bundle of the distilled model; the metadata list the files that are kept."""
    run(
        "export",
        f"--workdir={FOLDER / 'models' / 'distilled.npz'}",
        f"--output={scratch / 'bundle'}",
        "--formats=tflite",
    )
    kept = [f"tflite/{name}.tflite" for name in BUNDLE]
    metadata = json.loads((scratch / "bundle" / "metadata.json").read_text())
    metadata["files"] = {name: metadata["files"][name] for name in kept}
    (path / "tflite").mkdir(parents=True)
    for name in kept:
        shutil.copyfile(scratch / "bundle" / name, path / name)
    (path / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        scratch = pathlib.Path(temporary)
        if not (FOLDER / "inputs.npz").exists():
            make_inputs(FOLDER / "inputs.npz")
        for name in MODELS:
            if not (path := FOLDER / "models" / f"{name}.npz").exists():
                make_model(name, path, scratch)
        for name, make in (("workdir", make_workdir), ("bundle", make_bundle)):
            if not (FOLDER / name).exists():
                make(FOLDER / name, scratch)
    given = golden_answers.read("inputs.npz")
    path = FOLDER / "expected.npz"
    expected = golden_answers.read(path.name) if path.exists() else {}
    known = {name.partition(":")[0] for name in expected}
    for subject in golden_answers.subjects():
        if subject not in known:
            said = golden_answers.answers(subject, given)
            expected |= {f"{subject}:{name}": values for name, values in said.items()}
    np.savez_compressed(path, **expected)


if __name__ == "__main__":
    main()
