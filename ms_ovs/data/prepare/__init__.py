"""From the archives that the authors of a data set offer to the folders that are read here.

Nothing is fetched: people agree to the terms on the authors' own pages. What they bring is checked, unpacked
and counted. A new data set is a description like `ade20k` and a line in `datasets`.
"""
