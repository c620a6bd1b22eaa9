"""Files for the samples from an exported bundle: python -m export.mobile --bundle=DIR --output=DIR

Writes model/ (the .tflite file, skeleton.json, demo.json), kotlin/PoseSkeleton.kt and swift/PoseSkeleton.swift. The
names and orders of keypoints, joints, inputs and outputs come from the bundle; no sample defines its own.
"""

from __future__ import annotations

from absl import flags

from tf_elepose.cli import commands


def define_flags() -> None:
    flags.DEFINE_string("bundle", None, "Folder that python -m export wrote.", required=True)
    flags.DEFINE_string("output", None, "New folder for the files.", required=True)
    flags.DEFINE_string("signature", None, "lift, lift_full or lift_all; lift_full if not given and in the bundle.")
    flags.DEFINE_string("precision", "float16", "float32, float16, int8_dynamic or int8.")


def main(argv: list[str]) -> int:
    del argv
    from export.mobile.assets import write_assets

    options = flags.FLAGS
    facts = write_assets(options.bundle, options.output, signature=options.signature, precision=options.precision)
    print(f"{facts['model']}: {len(facts['keypoints'])} keypoints of {facts['convention']} in")
    print(f"{len(facts['joints'])} joints of {facts['skeleton']} out")
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
