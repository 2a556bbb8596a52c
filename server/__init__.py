"""The server: Flask, SQLAlchemy, Celery."""
