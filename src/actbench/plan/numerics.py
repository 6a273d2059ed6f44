"""The version of the trained numbers."""

# Raised, with a line in CHANGELOG.md, whenever any trained number may change.
NUMERICS = 3
