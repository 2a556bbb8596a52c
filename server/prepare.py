"""`python -m server.prepare`: what a container does before its service starts; harmless to run twice at once."""

from server.config import Settings
from server.db.session import open_engine
from server.first_start import prepare


def main() -> None:
    """Makes keys, schema, first region and first officer, where they are missing."""
    settings = Settings.from_env()
    engine = open_engine(settings.database_url)
    first = prepare(engine, settings)
    engine.dispose()
    if first.password:
        print(f"login {first.officer} with password {first.password} (shown this once)", flush=True)


if __name__ == "__main__":
    main()
