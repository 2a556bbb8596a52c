"""Tests of pestwatch/vision. A package, so that its files may share names with other rooms' and import their pictures."""
