"""A small MPI-INF-3DHP folder: two training sequences (MATLAB 5) and two test sequences (HDF5, MATLAB 7.3)."""

import pathlib

import h5py
import numpy as np
import scipy.io

from samples.h36m_fetch import body

FOCAL, CENTER = 1500.0, 1024.0
FRAMES = 5


def poses(convention: str, frames: int, camera: int) -> np.ndarray:
    """[frames, J, 3] mm, camera frame: the body with the root at (10 frame, 0, 4000 + 10 camera)."""
    frame = np.arange(frames)[:, np.newaxis, np.newaxis]
    return body(convention) + frame * (10, 0, 0) + (0, 0, 4000 + 10 * camera)


def projected(points: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:] * FOCAL + CENTER


def cells(arrays: list[np.ndarray]) -> np.ndarray:
    """A MATLAB cell array [n, 1]."""
    held = np.empty((len(arrays), 1), object)
    held[:, 0] = arrays
    return held


def write_training(folder: pathlib.Path, frames: int, compressed: bool) -> None:
    folder.mkdir(parents=True)
    truth = [poses("mpi3dhp_28", frames, camera) for camera in range(14)]
    variables = {
        "annot2": cells([projected(pose).reshape(frames, -1) for pose in truth]),
        "annot3": cells([pose.reshape(frames, -1) for pose in truth]),
        "univ_annot3": cells([0.9 * pose.reshape(frames, -1) for pose in truth]),
        "cameras": np.arange(14).reshape(-1, 1),
        "frames": np.arange(frames).reshape(-1, 1),
    }
    scipy.io.savemat(folder / "annot.mat", variables, do_compression=compressed)


def write_test(folder: pathlib.Path, valid: list[int]) -> None:
    folder.mkdir(parents=True)
    n = len(valid)
    truth = poses("mpi3dhp_17", n, 14)[:, np.newaxis]
    with h5py.File(folder / "annot_data.mat", "w", userblock_size=512) as file:
        for name, array in {
            "annot2": projected(truth),
            "annot3": truth,
            "univ_annot3": 0.9 * truth,
            "valid_frame": np.array(valid, np.float64)[:, np.newaxis],
            "activity_annotation": np.ones((n, 1)),
            "bb_crop": np.zeros((n, 4)),
        }.items():
            packed = file.create_dataset(name, data=array, compression="gzip", chunks=array.shape)
            packed.attrs["MATLAB_class"] = np.bytes_("double")
    with open(folder / "annot_data.mat", "r+b") as file:  # The block of 512 bytes that MATLAB puts before HDF5.
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    write_training(folder / "S1" / "Seq1", FRAMES, compressed=True)
    write_training(folder / "S4" / "Seq2", FRAMES, compressed=False)
    write_test(folder / "mpi_inf_3dhp_test_set" / "TS1", [0, 1, 1, 0, 1])
    write_test(folder / "mpi_inf_3dhp_test_set" / "TS6", [1, 1, 0])
    return f"mpi_inf_3dhp:{folder}", {}
