"""Optical flow: a field (B, 2, H, W) float32 in pixels of its own grid, dx (right) then dy (down)."""
