"""Nouns: species, places, catches, thresholds. Frozen data; standard library only."""
