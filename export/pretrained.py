"""Put a model into the package: python -m export.pretrained --bundle=DIR --name=NAME [--precision=float16]

Copies of a bundle what `python -m tf_elepose.lift --model=NAME` needs, the file with all outputs in one precision, into
tf_elepose/pretrained/NAME. The model card is written by `python -m benchmarks.pages`, from what was measured.
"""

from __future__ import annotations

import pathlib
import shutil

from absl import flags

from export.bundle import folder_beside
from tf_elepose import commands, files
from tf_elepose.exported_model import METADATA
from tf_elepose.lite_model import PRECISIONS

FOLDER = pathlib.Path("tf_elepose/pretrained")


def define_flags() -> None:
    flags.DEFINE_string("bundle", None, "What python -m export --formats=tflite wrote.", required=True)
    flags.DEFINE_string("name", None, "What --model will call it.", required=True)
    flags.DEFINE_enum("precision", "float16", PRECISIONS, "Of the file.")
    flags.DEFINE_string("data_credit", None, "Whose data it was trained on, and under which terms.", required=True)


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
    """`target`, with the metadata and one file of `bundle`; replaced as a whole where it is there already.

    Raises:
      ValueError: no bundle, or none with such a file.
    """
    listed = f"tflite/lift_all_{precision}_batch.tflite"
    facts = files.read_json(bundle / METADATA)
    if listed not in facts.get("files", {}):
        raise ValueError(f"{bundle}: expected {listed} among the files of {METADATA}")
    if target.exists():
        shutil.rmtree(target)
    with folder_beside(target) as folder:
        (folder / "tflite").mkdir()
        shutil.copyfile(bundle / listed, folder / listed)
        kept = {key: value for key, value in facts.items() if key not in ("inputs", "outputs")}
        trained = dict(kept["trained"])
        format_name, _, path = trained["source"].partition(":")
        trained["source"] = f"{format_name}:{pathlib.PurePath(path).name}"  # Not where it lay on somebody's machine.
        outputs = {name: facts[name]["lift_all"] for name in ("inputs", "outputs")}
        files.write_json(
            folder / METADATA,
            kept | outputs | {"files": {listed: facts["files"][listed]}, "trained": trained, "data": data_credit},
        )
    return target


if __name__ == "__main__":
    commands.run(main, define_flags)
