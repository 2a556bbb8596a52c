"""Tables, sessions and every read and write; no HTTP."""
