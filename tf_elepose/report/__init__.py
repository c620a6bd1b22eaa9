"""The page of figures that `tf_elepose.evaluate --figures` writes."""
