"""The recipes, which say how each method is trained: a folder each, with config, settings and run."""
