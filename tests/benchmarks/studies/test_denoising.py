"""Claims: denoising made-up people reduces detection errors and keeps exact poses."""

from benchmarks.studies.denoising import markdown, measure
from tf_elepose.data.synthetic import synthesize
from tf_elepose.skeleton.skeletons import H36M_17


def test_detections_gain_and_exact_poses_stay():
    rows = measure(synthesize(H36M_17, subjects=3, takes=1, frames=48, frame_rate=25.0))
    errors = {row["label"]: [row[when]["mean_px"] for when in ("before", "after")] for row in rows}
    before, after = errors["detections, with confidences"]
    assert after < 0.75 * before
    assert after < errors["detections, without"][1] < errors["the same, of every second picture"][1] < before
    assert after < errors["detections, with confidences, 20 % hidden"][1] < 0.85 * before
    assert errors["exact poses"][0] == 0.0 and errors["exact poses"][1] < 0.1 * before
    text = markdown({"rows": rows})
    assert len(text.splitlines()) == 2 + len(rows) and f"| {before:.2f} | {after:.2f} |" in text
