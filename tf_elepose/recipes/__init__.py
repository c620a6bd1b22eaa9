"""How each method is trained, a folder each: its config, its settings and its run."""
