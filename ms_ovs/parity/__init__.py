"""Parity: is what this machine computes what the authors' own programs computed?"""
