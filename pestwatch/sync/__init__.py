"""What phone and server say to each other; plain Python, twin of field/src/sync."""
