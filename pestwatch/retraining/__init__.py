"""One region's learning cycle, without Celery: recounts in, a candidate or a reason out."""
