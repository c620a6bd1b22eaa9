"""Files that lifted poses are written to."""
