"""Losses: pure tensor code."""
