"""The HTTP interface for phones, /api/v1: parse, ask the store, answer. No handler enqueues work."""
