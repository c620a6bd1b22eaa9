"""Convert any SOURCE to pickle-free views: python -m tf_elepose.convert SOURCE --output=views.npz [--option=key=value]

Prints what the data hold and what looks wrong; --formats lists the formats and their options. With --shards=N the
output is a folder of N TFRecord shards a split, for sets larger than memory. TensorFlow is not needed.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from absl import flags

from tf_elepose.cli import commands, source_flags
from tf_elepose.cli.progress import Progress
from tf_elepose.skeleton.skeletons import SKELETONS, Skeleton, get_skeleton
from tf_elepose.storage import files


def define_flags() -> None:
    flags.DEFINE_string("output", None, "The views file to write, for example views.npz, or the folder of shards.")
    flags.DEFINE_integer("shards", None, "Number of TFRecord shards of each split to write into the folder --output.")
    flags.DEFINE_string("convention", "H36M_17", "Joints to convert to: the name of a skeleton or a .yaml file.")
    flags.DEFINE_string("split", None, "Split to convert, train or test; both if not given.")
    flags.DEFINE_string(
        "manifest", None, "JSON file to write with counts of subjects, clips, cameras and people in the data."
    )
    flags.DEFINE_boolean("formats", False, "List the formats and their options; --formats FORMAT says more about one.")
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    options = flags.FLAGS
    if options.formats:
        from tf_elepose.data.format_help import format_text, formats_table

        print("\n\n".join(map(format_text, argv[1:])) or formats_table())
        return 0
    if len(argv) != 2:
        raise commands.UsageError(
            f"expected one SOURCE, FORMAT:PATH; got {len(argv) - 1} (--formats lists the formats)"
        )
    if not options.output:
        raise commands.UsageError("--output=FILE.npz is missing")
    keywords = source_flags.options_from_flags()
    skeleton = _skeleton(options.convention)
    if options.shards is not None:
        if options.split or options.manifest or keywords.get("people", "all") != "all":
            raise ValueError("--shards writes all rows of all splits: leave out --split, --manifest and --people")
        convert_to_shards(argv[1], pathlib.Path(options.output), skeleton, keywords, options.shards)
        return 0
    output = commands.writable(options.output, "output", argv[1:])
    if output.suffix != ".npz":
        raise ValueError(f"--output={output}: expected a name that ends in .npz")
    manifest_file = None if options.manifest is None else commands.writable(options.manifest, "manifest")
    values = convert(argv[1], output, skeleton, keywords, options.split)
    if manifest_file is not None:
        files.write_json(manifest_file, values)
    return 0


def convert(
    source: str, output: pathlib.Path, skeleton: Skeleton, options: Mapping[str, Any], split: str | None = None
) -> dict[str, Any]:
    """Writes `source` as a views file, prints its manifest and returns it.

    Args:
      source: as for `load_source`.
      output: the file; written whole, after everything was read, or not at all.
      skeleton: the joints of the file.
      options: keywords of `load_source`.
      split: only rows of this split.

    Raises:
      ValueError: from `load_source`.
      OSError: the file cannot be written.
    """
    from tf_elepose.data import sources
    from tf_elepose.data.manifest import manifest, manifest_text
    from tf_elepose.data.readers.views import write_views

    common, _ = sources.split_options(options)
    with Progress(None, "reading", unit="row") as progress:
        # Findings are reported below, and kept for the manifest.
        quiet = {"progress": _shown(progress)} | dict(options) | {"check": "off"}
        recording = sources.load_source(source, skeleton, **quiet)
    if split is not None:
        recording = recording.of_split(split)
    found = common.findings(recording)
    if common.check == "strict":
        common.tell(found, recording.source)  # Otherwise the manifest lists the findings.
    write_views(output, recording)
    values = manifest(recording, found)
    print(manifest_text(values))
    print(f"written: {output}")
    if skeleton.name not in SKELETONS:
        print(f"to be read with --option=convention=FILE.yaml, the file that describes {skeleton.name!r}")
    return values


def convert_to_shards(
    source: str, output: pathlib.Path, skeleton: Skeleton, options: Mapping[str, Any], shards: int
) -> None:
    """Writes `source` as TFRecord shards, a part in memory at a time, and prints what they hold.

    Args:
      source: as for `load_source`.
      output: a new or empty folder; its manifest.json is written last.
      skeleton: the joints of the shards.
      options: keywords of `stream_source`.
      shards: number of shards for each split; about 100,000 poses each are sensible.

    Raises:
      ValueError: from `stream_source`, or a folder that is not empty.
      OSError: a file cannot be written.
    """
    from tf_elepose.data import sources
    from tf_elepose.data.shards.shards import write_shards

    with Progress(None, "converting", unit="row") as progress:
        parts = sources.stream_source(source, skeleton, **({"progress": _shown(progress)} | dict(options)))
        written = write_shards(parts, output, shards=shards, seed=0)
    splits = ", ".join(f"{split} {written.rows(split):,} in {len(files)}" for split, files in written.splits.items())
    dropped = "; ".join(f"{count:,} {reason}" for reason, count in written.dropped.items()) or "nothing"
    print(f"source: {written.source}\nconvention: {skeleton.name}\nposes and shards: {splits}\nleft out: {dropped}")
    print(f"written: {output}; train with --config.data=shards:{output}")


def _skeleton(name_or_path: str) -> Skeleton:
    """The skeleton of a name, in which case, "_" and "-" have no influence, or of a file."""

    def plain(name: str) -> str:
        return name.lower().replace("_", "").replace("-", "")

    names = {plain(name): name for name in SKELETONS}
    return get_skeleton(names.get(plain(name_or_path), name_or_path))


def _shown(progress: Progress) -> Callable[[int, float | None], None]:
    def show(rows: int, share: float | None) -> None:
        progress.update(rows, total_steps=max(round(rows / share), 1) if share else None)

    return show


if __name__ == "__main__":
    commands.run(main, define_flags, positional=True)
