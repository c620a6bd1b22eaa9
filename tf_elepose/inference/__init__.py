"""Trained and exported models behind one interface; TensorFlow is imported only for models that need it."""
