"""Optical-flow networks."""
