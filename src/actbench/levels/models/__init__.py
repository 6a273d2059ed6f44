"""Model families: one file each, with `build(run, inputs, classes) -> Network`."""
