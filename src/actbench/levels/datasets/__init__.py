"""The data sets: one file each, with `SUMMARY` (one line) and `load(folder) -> Dataset`.

A data set that is not generated also has `obtain(folder, source) -> Dataset`, which may download it.
"""
