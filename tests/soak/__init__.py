"""Faults on purpose: `make test` tries a minute of each kind, `make soak` the full number."""
