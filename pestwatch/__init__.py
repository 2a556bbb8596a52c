"""The library: pests, pictures, rules and messages. No HTTP, no SQL, no Celery."""

__version__ = "0.1.0"
