"""Training: one compiled step, what surrounds it, and what is kept of it."""
