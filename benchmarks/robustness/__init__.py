"""What noise, missing joints, kills and hostile files do to results."""
