"""Frame interpolation models."""
