"""The engine room: cluster, set-up, keys."""
