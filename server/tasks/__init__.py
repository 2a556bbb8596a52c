"""What happens by itself: advice is issued, models are retrained. Plain functions; Celery and `embedded` call the same ones."""
