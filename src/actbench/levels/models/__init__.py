"""Model families: one file each, with `build(runs, inputs, classes) -> Network`."""
