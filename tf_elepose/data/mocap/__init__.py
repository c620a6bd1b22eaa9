"""Motion capture seen by virtual cameras."""
