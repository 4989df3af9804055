"""From files to batches: readers, transforms, the loader, and the embedded benchmark.

A sample is an image, uint8 (H,W,3), and a target, int32 (H,W), where -1 is ignored whatever the files say.
"""
