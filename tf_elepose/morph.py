"""Move a detector's joints towards the joints of a data set: python -m tf_elepose.morph --from=SOURCE --to=SOURCE
--subject=NAME --output=views.npz

A network learns the offset on one subject, from the data set's 2D joints (CanonPose section 4.2). The views file has
the other subjects with moved detections, on which any method can be trained with --config.poses_2d=detected. --from
and --to may be one file that holds both.
"""

from __future__ import annotations

from typing import cast

from absl import flags

from tf_elepose.cli import commands, source_flags
from tf_elepose.skeleton.skeletons import get_skeleton


def define_flags() -> None:
    flags.DEFINE_string("from", None, "SOURCE of the detections.", required=True)
    flags.DEFINE_string("to", None, "SOURCE of the data set whose joints the detections are moved to.", required=True)
    flags.DEFINE_multi_string(
        "subject",
        None,
        "Subject whose poses the network learns from and who is left out of the output; may be repeated.",
        required=True,
    )
    flags.DEFINE_string("output", None, "The views file to write.", required=True)
    flags.DEFINE_string("convention", "h36m_17", "Joints of the data set: the name of a skeleton or a .yaml file.")
    flags.DEFINE_integer("width", 256, "Width of the network's layers.", lower_bound=1)
    flags.DEFINE_float("epochs", 30.0, "Passes over the subject's poses.", lower_bound=0.01)
    flags.DEFINE_integer("seed", 0, "Seed of all random numbers.", lower_bound=0)
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    options = flags.FLAGS
    if len(argv) > 1:
        raise commands.UsageError(f"expected flags only; got {' '.join(argv[1:])}")
    source = cast("str", options["from"].value)  # `from` is a word of Python's own, and the flag is required.
    output = commands.writable(options.output, "output", [source, options.to])
    if output.suffix != ".npz":
        raise ValueError(f"--output={output}: expected a name that ends in .npz")
    from tf_elepose.data.readers.views import write_views
    from tf_elepose.data.sources import load_source
    from tf_elepose.recipes.morph import morph

    skeleton, stated = get_skeleton(options.convention), source_flags.options_from_flags()
    detections = load_source(source, skeleton, **stated)
    truth = detections if options.to == source else load_source(options.to, skeleton, **stated)
    result, figures = morph(
        detections, truth, options.subject, width=options.width, epochs=options.epochs, seed=options.seed
    )
    write_views(output, result)
    print(
        f"written: {output}: {figures['poses']:,} poses without {', '.join(options.subject)}; mean distance from the "
        f"data set's joints {figures['before_px']:.2f} px as detected, {figures['after_px']:.2f} px moved"
    )
    return 0


if __name__ == "__main__":
    commands.run(main, define_flags, tensorflow=True)
