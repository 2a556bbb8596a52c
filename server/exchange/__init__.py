"""Observations as files: taken in from other systems, given out to them. docs/exchange.md explains formats and terms."""
