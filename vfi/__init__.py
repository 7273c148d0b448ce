"""Video frame interpolation."""
