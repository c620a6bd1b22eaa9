"""One file a format; each turns a path into a `Recording` of the wanted skeleton."""
