"""Labelled photos from elsewhere: one reader per format, one way in (opened.py)."""
