"""Load that outlives the broker's deaths, and a judge of what the broker kept of it."""
