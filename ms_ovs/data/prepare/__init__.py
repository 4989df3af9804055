"""From the archives that the authors of a data set offer to the folders that are read here.

Nothing is fetched: people agree to the terms on the authors' own pages. What they bring is checked, unpacked,
converted and counted; what they brought stays as it is. A new data set is a `Recipe` in a module like
`coco_stuff`, a line in `datasets`, and a place in `ms_ovs.data.layouts`.
"""
