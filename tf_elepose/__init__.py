"""Unsupervised 3D human pose estimation: 2D keypoints in, 3D poses, camera elevation and likelihood out."""
