"""From shards to tidy tables, metrics and statistics. Imports neither torch nor matplotlib."""
