"""The models that each table trains: the papers' tables and the baselines.

The file is long because every row of every table is in it, one below the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.quality.rows import Row, Table

ELEPOSE = "configs/cmu.py"

FIXED = "configs/fixed_elevation_cmu.py"

SVMAC = "configs/svmac_cmu.py"

FULL = "base + bones + PCA + elevation"

BASES = (4, 8, 12, 16, 20, 23, 26, 29, 32)
"""Numbers of PCA bases in figure 4; 32 are all directions in which 17 joints about their root can move."""

SHORT = 30.0
"""Epochs of rows that are trained many times, a quarter of ElePose's."""

_NO_COMPLETER = "completer.epochs=0.0"

FIGURE_4 = "{} bases"
"""Label of the rows of figure 4."""

EXACT, DETECTIONS, LEFT_OUT = "exact 2D", "detections", "{subject} left out, {line}"
AT_FULL_LENGTH = "{}, full length"
"""Labels of the rows that claims are about."""

NO_NOISE = "prior trained without noise"
"""Label of rows of `settings` that claims are about."""

SUPERVISED_SHARE = "n = 2, 5 % of 3D poses"
"""Label of the row of SVMAC that learns from some 3D poses."""

SUBJECTS = ("S01", "S02", "S03")
"""People who are left out, one after the other; all other people of cmu_views share one name."""

_BRIEF = (
    "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "n_mpjpe_mm", "pck_150", "depth_correlation", "elevation_correlation",
    "nll_pa_spearman",
)  # fmt: skip

_PAPER = (
    "pa_mpjpe_reflected_mm", "pa_mpjpe_mm", "n_mpjpe_norm_ratio_mm", "n_mpjpe_mm", "pck_150_norm_ratio",
    "auc_150_norm_ratio", "pa_pck_150", "pa_auc_150", "cps_unaligned", "training_seconds",
)  # fmt: skip


def _seeds(seeds: Sequence[int], config: str, overrides: tuple[str, ...] = ()) -> tuple[Row, ...]:
    return tuple(Row(f"seed {seed}", config, overrides, seed=seed) for seed in seeds)


def _changed(config: str, *overrides: str) -> tuple[str, tuple[str, ...]]:
    return config, tuple(f"--config.{override}" for override in overrides)


def _short(*overrides: str) -> tuple[str, ...]:
    """Overrides of ElePose for `SHORT` epochs, without the completer, because the poses are complete."""
    return _changed(ELEPOSE, _NO_COMPLETER, f"lifter.epochs={SHORT}", *overrides)[1]


def _repeated(seeds: Sequence[int], *rows: Row) -> tuple[Row, ...]:
    """All rows with the first seed, then all with the second, and so on."""
    return tuple(dataclasses.replace(row, seed=seed) for seed in seeds for row in rows)


def _canonpose(*changes: tuple[str, str, tuple[str, ...]]) -> tuple[Row, ...]:
    """Rows with half of the full training length."""
    return tuple(
        Row(label, *_changed(f"configs/{config}.py", "lifter.epochs=30", *overrides))
        for label, config, overrides in changes
    )


_NO_C = "lifter.term_weights.camera=0.0"
_AS_THEY_ARE = ("denoise=never", "min_confidence=0.0")
"""Detections taken as they are, as in the paper."""

_NO_PCA, _FIXED, _NO_BONES = "prior.bases=0", "lifter.elevation=fixed", "lifter.term_weights.bone=0.0"
_NO_KNEES = ("lifter.term_weights.knees=0.0", "lifter.starts=1")
"""No knee term and no starts, because starts are compared by their knees."""

_PRECISIONS = {"bfloat16": "lifter.precision=mixed_bfloat16", "float32": "lifter.precision=float32"}
_PAPER_SIZE = (
    "prior.width=1024", "prior.layers=2", "prior.epochs=10.0", "lifter.arch=paper", "lifter.width=1024",
    "lifter.batch_size=256", "lifter.epochs=6.0", "lifter.optimizer.learning_rate=5e-4",
)  # fmt: skip
"""The paper's networks and batch, with a learning rate that is useful within few epochs."""

_NO_VIRTUAL = "lifter.term_weights.elevation=0.0"
_DETECTED = "poses_2d=detected"

PAPER_CONFIGS = {
    "h36m": "configs/h36m.py", "h36m_fetch": "configs/h36m.py", "mpi_inf_3dhp": "configs/mpi_inf_3dhp.py",
    "3dpw": "configs/3dpw.py",
}  # fmt: skip
"""{format of the data: config with the paper's sizes and schedule}."""

ABLATIONS = ("ablation", "ablation_full", "pca", "elevation")
"""Tables of ElePose whose rows make sense with any config of it."""

_LENGTH = (_NO_COMPLETER, f"lifter.epochs={SHORT}")
_SWITCHES = {FIXED: _FIXED}


def with_config(row: Row, config: str) -> Row:
    """Gives a row of `ABLATIONS` another config of ElePose, which also sets the length of the training; what the row
    switches off stays off."""
    kept = [one for one in row.overrides if one.removeprefix("--config.") not in _LENGTH]
    kept += [f"--config.{_SWITCHES[row.config]}"] if row.config in _SWITCHES else []
    return dataclasses.replace(row, config=config, overrides=tuple(kept))


TABLES: dict[str, Table] = {
    # At full length: is the sign of the depths right whatever the seed, and how far do results spread?
    "seeds": Table(_seeds(range(3), *_changed(ELEPOSE, _NO_COMPLETER))),
    # The paper's main claim: predicting the camera's elevation.
    "elevation": Table(
        (
            Row("elevation predicted", *_changed(ELEPOSE, _NO_COMPLETER)),
            Row("elevation U(-20, 20) degrees", *_changed(FIXED, _NO_COMPLETER)),
        )
    ),
    # Table 5 of ElePose.
    "ablation": Table(
        _repeated(
            range(3),
            Row("base", ELEPOSE, _short(_NO_PCA, _FIXED, _NO_BONES)),
            Row("base + bones", ELEPOSE, _short(_NO_PCA, _FIXED)),
            Row("base + bones + elevation", ELEPOSE, _short(_NO_PCA)),
            Row("base + bones + PCA", ELEPOSE, _short(_FIXED)),
            Row(FULL, ELEPOSE, _short()),
        ),
        columns=_BRIEF,
        timed=False,
    ),
    # Table 5 at full length: one seed, and several seeds if the difference is small.
    "ablation_full": Table(
        (
            Row("base", *_changed(ELEPOSE, _NO_COMPLETER, _NO_PCA, _FIXED, _NO_BONES)),
            Row("base + bones", *_changed(ELEPOSE, _NO_COMPLETER, _NO_PCA, _FIXED)),
            Row("base + bones + PCA", *_changed(FIXED, _NO_COMPLETER)),
            *_repeated(
                range(3),
                Row("base + bones + elevation", *_changed(ELEPOSE, _NO_COMPLETER, _NO_PCA)),
                Row(FULL, *_changed(ELEPOSE, _NO_COMPLETER)),
            ),
        ),
        columns=_BRIEF,
        timed=False,
    ),
    # Figure 4 of ElePose.
    "pca": Table(
        _repeated(
            range(2),
            *(Row(FIGURE_4.format(n), ELEPOSE, _short(*([f"prior.bases={n}"] if n != 26 else []))) for n in BASES),
        ),
        columns=("prior_variance_share", *_BRIEF),
        timed=False,
    ),
    # The baselines of unsupervised lifting, and the time of each.
    "lines": Table(
        (
            Row("ElePose", *_changed(ELEPOSE, _NO_COMPLETER)),
            Row("fixed elevation prior", *_changed(FIXED, _NO_COMPLETER)),
            Row(
                "supervised, ElePose's width and epochs",
                *_changed("configs/supervised_cmu.py", "lifter.width=256", "lifter.epochs=120.0"),
            ),
            Row("supervised, its own settings", "configs/supervised_cmu.py"),
            Row("CanonPose, four cameras", "configs/canonpose_cmu.py"),
            Row("LInKs", "configs/links_cmu.py"),
            Row("SVMAC", SVMAC),
            Row("ElePose, no knee term, one start", *_changed(ELEPOSE, _NO_COMPLETER, *_NO_KNEES)),
            Row("fixed elevation prior, no knee term, one start", *_changed(FIXED, _NO_COMPLETER, *_NO_KNEES)),
        ),
        columns=("pa_mpjpe_mm", "n_mpjpe_mm", "pck_150", "cps", "depth_correlation", "training_seconds"),
    ),
    # The effect of each difference from the paper, at a quarter of the full length.
    "settings": Table(
        tuple(
            Row(label, ELEPOSE, _short(*overrides))
            for label, overrides in (
                ("default", ()),
                ("bones of Human3.6M", ("bone_prior=skeleton",)),
                (
                    "gradient not clipped, no ceiling",
                    ("lifter.optimizer.clip_norm=0.0", "lifter.likelihood_ceiling=0.0"),
                ),
                ("no knee term, one start", _NO_KNEES),
                ("no term for the virtual elevation", (_NO_VIRTUAL,)),
                ("no PCA", (_NO_PCA,)),
                (NO_NOISE, ("prior.noise=0.0",)),
                (f"{NO_NOISE}, no PCA", ("prior.noise=0.0", _NO_PCA)),
                ("elevation U(-20, 20) degrees", (_FIXED,)),
                ("the same, bones of Human3.6M", (_FIXED, "bone_prior=skeleton")),
            )
        ),
        timed=False,
    ),
    # Does bfloat16 make training worse? For the default networks, and for the paper's in a short training.
    "precision": Table(
        (
            *_repeated(
                range(3),
                *(Row(f"default size, {kind}", ELEPOSE, _short(setting)) for kind, setting in _PRECISIONS.items()),
            ),
            *_repeated(
                range(2),
                *(
                    Row(
                        f"the paper's size, {kind}",
                        *_changed(ELEPOSE, _NO_COMPLETER, setting),
                        variant="paper_size",
                        hidden=_changed(ELEPOSE, *_PAPER_SIZE)[1],
                    )
                    for kind, setting in _PRECISIONS.items()
                ),
            ),
        ),
        columns=_BRIEF,
        timed=False,
    ),
    # Detections: is the sign right with every seed, which parts are needed for it, and how are people left out lifted?
    "detections": Table(
        (
            *_repeated(
                range(10),
                Row(EXACT, ELEPOSE, _short()),
                Row(DETECTIONS, ELEPOSE, _short(_DETECTED)),
            ),
            Row(AT_FULL_LENGTH.format(EXACT), *_changed(ELEPOSE, _NO_COMPLETER)),
            Row(AT_FULL_LENGTH.format(DETECTIONS), *_changed(ELEPOSE, _NO_COMPLETER, _DETECTED)),
            *_repeated(
                range(5),
                Row("detections, not denoised", ELEPOSE, _short(_DETECTED, "denoise=never")),
                Row("detections, no knee term, one start", ELEPOSE, _short(_DETECTED, *_NO_KNEES)),
                Row("detections, no term for the virtual elevation", ELEPOSE, _short(_DETECTED, _NO_VIRTUAL)),
            ),
            *(
                Row(
                    LEFT_OUT.format(line=line, subject=subject),
                    config,
                    (*overrides, f"--option=test_subjects={subject}"),
                )
                for subject in SUBJECTS
                for line, config, overrides in (
                    ("ElePose", ELEPOSE, _short()),
                    ("supervised", "configs/supervised_cmu.py", ()),
                )
            ),
        ),
        columns=_BRIEF,
        timed=False,
    ),
    # CanonPose's table 4: numbers of cameras, confidences, camera consistency (+C), and what fails.
    "canonpose": Table(
        (
            Row("exact 2D, +C, full length", "configs/canonpose_cmu.py"),
            Row("detections, +C, full length", "configs/canonpose_cmu_detected.py"),
            Row("the same, taken as they are", *_changed("configs/canonpose_cmu_detected.py", *_AS_THEY_ARE)),
            *_canonpose(
                ("detections, 4 cameras, +C", "canonpose_cmu_detected", _AS_THEY_ARE),
                ("detections, 4 cameras", "canonpose_cmu_detected", (*_AS_THEY_ARE, _NO_C)),
                ("detections, 3 cameras", "canonpose_cmu_detected", (*_AS_THEY_ARE, _NO_C, "cameras=3")),
                ("detections, 2 cameras", "canonpose_cmu_detected", (*_AS_THEY_ARE, _NO_C, "cameras=2")),
                (
                    "detections, 4 cameras, no confidences",
                    "canonpose_cmu_detected",
                    (*_AS_THEY_ARE, _NO_C, "lifter.confidences=False"),
                ),
                ("exact 2D, 4 cameras, +C", "canonpose_cmu", ()),
                ("exact 2D, 4 cameras", "canonpose_cmu", (_NO_C,)),
                (
                    "exact 2D, direct pose equality",
                    "canonpose_cmu",
                    (_NO_C, "lifter.term_weights.view=0.0", "lifter.term_weights.pose_equality=1.0"),
                ),
                (
                    "exact 2D, direct camera equality",
                    "canonpose_cmu",
                    (_NO_C, "lifter.term_weights.view=0.0", "lifter.term_weights.camera_equality=1.0"),
                ),
            ),
        ),
        timed=False,
    ),
    # The supervised baseline.
    "supervised": Table(_seeds(range(3), "configs/supervised_cmu.py")),
    # Table 4 of SVMAC.
    "svmac": Table(
        (
            *(Row("n = 2", SVMAC, seed=seed) for seed in range(3)),
            Row("without critic", *_changed(SVMAC, "generator.term_weights.adversarial=0.0")),
            Row("n = 1", *_changed(SVMAC, "generator.angles=1")),
            Row("n = 3", *_changed(SVMAC, "generator.angles=3")),
            Row(
                SUPERVISED_SHARE,
                *_changed(SVMAC, "supervised_share=0.05", "generator.term_weights.supervision=10.0"),
            ),
        ),
        timed=False,
    ),
    "quickstart": Table((Row("quickstart", "configs/quickstart.py"),)),
    # Tables 1 and 4 of ElePose, 1 and 4 of SVMAC.
    "h36m": Table(
        (
            Row("exact 2D", "configs/h36m.py"),
            Row("detections", "configs/h36m_detected.py"),
            Row("SVMAC, exact 2D", "configs/svmac_h36m.py"),
        ),
        _PAPER,
        own_data=True,
    ),
    # Table 2 of ElePose, 3 of SVMAC.
    "mpi_inf_3dhp": Table(
        (Row("exact 2D", "configs/mpi_inf_3dhp.py"), Row("SVMAC, exact 2D", "configs/svmac_mpi_inf_3dhp.py")),
        _PAPER,
        own_data=True,
    ),
    # Table 3 of ElePose.
    "3dpw": Table((Row("exact 2D", "configs/3dpw.py"),), _PAPER, own_data=True),
}

UNCERTAINTY = "uncertainty"
"""The table without trainings of its own: how well the first of `seeds` ranks its errors."""

GROUPS = {
    "paper": ("seeds", "elevation", "ablation", "ablation_full", "pca", "lines", UNCERTAINTY),
    "all": (*(name for name, table in TABLES.items() if not table.own_data), UNCERTAINTY),
}
"""Groups of tables: "paper" has the tables and figures of ElePose's paper, made from one data set, and the baselines;
"all" has every table that needs no other data.
"""
