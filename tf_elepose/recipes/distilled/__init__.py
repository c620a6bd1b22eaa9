"""The recipe of a student of a trained ElePose."""
