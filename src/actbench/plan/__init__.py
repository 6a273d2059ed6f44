"""What is to be trained: config, design, shards, seeds, schema. Imports the standard library and yaml only."""
