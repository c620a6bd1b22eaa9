"""Export a trained model: python -m export --workdir=DIR --output=DIR [--formats=saved_model,tflite,onnx]
or, for a server that watches a folder, its next version: python -m export --workdir=DIR --serving=DIR

Writes the model as files that do not need this package (and only the SavedModel needs TensorFlow), compares the output
of each with the model's, and prints the differences. After an error no folder is left.
"""

from __future__ import annotations

from absl import flags

from tf_elepose.cli import commands


def define_flags() -> None:
    flags.DEFINE_string("workdir", None, "Folder of a finished run, or its model.npz.", required=True)
    flags.DEFINE_string("output", None, "New folder for the files.")
    flags.DEFINE_string(
        "serving", None, "Folder that a server watches; the next version appears there when it is complete."
    )
    flags.mark_flags_as_mutual_exclusive(["output", "serving"], required=True)
    flags.DEFINE_list("formats", ["saved_model", "tflite", "onnx"], "Formats to write: saved_model, tflite, onnx.")
    flags.DEFINE_string(
        "convention",
        None,
        "Convention of the keypoints that the exported model takes, such as coco_17; that of the model if not given.",
    )
    flags.DEFINE_float("min_confidence", 0.0, "Joints with no higher confidence count as missing.")


def main(argv: list[str]) -> int:
    del argv
    from export.bundle import export_bundle
    from export.verify import table

    options = flags.FLAGS
    if options.serving:
        from export.versions import add_version

        written = add_version(
            options.workdir, options.serving, convention=options.convention, min_confidence=options.min_confidence
        )
        print(f"written: {written}")
        return 0
    differences = export_bundle(
        options.workdir,
        options.output,
        formats=options.formats,
        convention=options.convention,
        min_confidence=options.min_confidence,
    )
    print(table(differences))
    print(f"written: {options.output}")
    return 0


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
