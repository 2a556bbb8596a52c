"""What makes a file a model that phones accept: manifest, signature, place on the shelf, card."""
