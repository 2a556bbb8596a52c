"""What many counts say together."""
