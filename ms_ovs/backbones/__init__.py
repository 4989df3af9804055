"""Backbones: normalised images to feature maps."""
