"""What looks wrong in data before anything is trained on it."""
