"""How fast ms_ovs is, and beside what: `python -m benchmarks` measures and writes docs/performance.md.

Every side runs in a process of its own (thread pools of MindSpore and torch disturb each other) and
the sides take turns, so that the drift of a shared machine falls on both alike.
"""
