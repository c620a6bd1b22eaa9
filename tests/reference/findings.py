"""Findings of sanity checks, and recordings to be checked."""

import dataclasses

import numpy as np

from tf_elepose.data.checks import sanity
from tf_elepose.data.recording import Recording


def found(recording) -> dict[str, sanity.Finding]:
    findings = sanity.findings(recording)
    assert all("\n" not in str(finding) for finding in findings)
    return {finding.test: finding for finding in findings}


def only_2d(recording, **changes) -> Recording:
    return dataclasses.replace(recording, poses_3d=None, **changes)


def joined(*recordings) -> Recording:
    fields = ("poses_2d", "poses_3d", "subject", "action", "clip", "camera", "frame", "split")
    return dataclasses.replace(
        recordings[0], **{name: np.concatenate([getattr(r, name) for r in recordings]) for name in fields}
    )
