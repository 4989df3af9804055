"""Turning a network that takes one size of image into scores for photographs of any size."""
