"""Put a model into the package: python -m export.pretrained --bundle=DIR --name=NAME [--precision=float16]

Copies the files that `python -m tf_elepose.lift --model=NAME` needs from a bundle to tf_elepose/pretrained/NAME: in one
precision the file with all outputs, and the file without likelihoods, which is faster. `python -m benchmarks.pages`
writes the model card from the measured results.
"""

from __future__ import annotations

import pathlib
import shutil

from absl import flags

from export.bundle import folder_beside
from tf_elepose.cli import commands
from tf_elepose.inference.bundle import METADATA, WITH_LIKELIHOOD, WITHOUT
from tf_elepose.inference.tflite_model import PRECISIONS
from tf_elepose.storage import files

FOLDER = pathlib.Path("tf_elepose/pretrained")

SIGNATURES = (WITH_LIKELIHOOD[0], WITHOUT[0])
"""Packaged signatures: those that `LiteModel` looks for first, with and without likelihoods."""


def define_flags() -> None:
    flags.DEFINE_string("bundle", None, "Folder that python -m export --formats=tflite wrote.", required=True)
    flags.DEFINE_string("name", None, "Name of the model, which --model of the commands takes.", required=True)
    flags.DEFINE_enum("precision", "float16", PRECISIONS, "Precision of the files.")
    flags.DEFINE_string("data_credit", None, "Source of the training data and their terms of use.", required=True)


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    written = package(
        pathlib.Path(options.bundle), FOLDER / options.name, options.precision, data_credit=options.data_credit
    )
    size = sum(path.stat().st_size for path in written.rglob("*") if path.is_file())
    print(f"written: {written} ({size / 1e6:.2f} MB)")
    return 0


def package(bundle: pathlib.Path, target: pathlib.Path, precision: str, *, data_credit: str) -> pathlib.Path:
    """Writes the metadata and two files of `bundle` to `target`, in place of an older one, and returns `target`.

    Raises:
      ValueError: `bundle` is no bundle, or lacks such files.
    """
    listed = {signature: f"tflite/{signature}_{precision}_batch.tflite" for signature in SIGNATURES}
    facts = files.read_json(bundle / METADATA)
    if missing := [file for file in listed.values() if file not in facts.get("files", {})]:
        raise ValueError(f"{bundle}: expected {' and '.join(missing)} among the files of {METADATA}")
    if target.exists():
        shutil.rmtree(target)
    with folder_beside(target) as folder:
        (folder / "tflite").mkdir()
        for file in listed.values():
            shutil.copyfile(bundle / file, folder / file)
        described = {
            name: {signature: facts[name][signature] for signature in listed} for name in ("inputs", "outputs")
        }
        checksums = {file: facts["files"][file] for file in listed.values()}
        files.write_json(folder / METADATA, facts | described | {"files": checksums, "data": data_credit})
    return target


if __name__ == "__main__":
    commands.run(main, define_flags)
