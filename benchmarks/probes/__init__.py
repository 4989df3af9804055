"""What runs inside a side's process: one module a library, imported nowhere else."""
