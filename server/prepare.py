"""`python -m server.prepare`: what a container does before its service starts; harmless to run twice at once."""

import sys

from pestwatch.errors import Problem
from server.config import Settings
from server.db.session import open_engine
from server.first_start import prepare


def main() -> None:
    """Makes schema, keys, first region and first officer, where they are missing."""
    settings = Settings.from_env()
    engine = open_engine(settings.database_url)
    try:
        first = prepare(engine, settings)
    except Problem as problem:  # one line for whoever reads a container's log, and the service does not start
        sys.exit(str(problem))
    finally:
        engine.dispose()
    if first.lacking:
        print(first.lacking, flush=True)
    if first.password:
        print(f"login {first.officer} with password {first.password} (shown this once)", flush=True)


if __name__ == "__main__":
    main()
