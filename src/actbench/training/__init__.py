"""The one training loop and the cache of finished runs. It names no level: a level is data."""
