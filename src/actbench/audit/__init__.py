"""A second, plain path from raw rows to printed numbers; it shares no code with the statistics."""
