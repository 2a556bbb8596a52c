"""Whose rows a transaction may see and write. On PostgreSQL the database itself holds every query to it.

A transaction without a scope is the office's own: migrations, background jobs, the command line. Inside a request there is
always one, and to begin with it holds nothing but the phone whose token was shown. The policies stand in migration 0007;
on SQLite, which has none, the queries' own conditions are all there is. Source: docs/adr/0018.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

ROLE = "pestwatch_scoped"
"""A role of PostgreSQL that may not log in and owns nothing, so that policies hold for it whoever the server logs in as."""
EVERYWHERE = "*"
_ENTER = (
    "SELECT set_config('role', %s, true), set_config('app.regions', %s, true), set_config('app.device', %s, true), "
    "set_config('app.home', %s, true), set_config('app.token_hash', %s, true)"
)


@dataclass(frozen=True)
class Scope:
    """What belongs to whoever asks.

    Args:
      regions: whose every row they see; `("*",)` is all.
      device: the phone that asks.
      home: its region, whose advice for everybody it reads.
      token_hash: of the token that was shown: it lets the phone's own row be found.
    """

    regions: tuple[str, ...] = ()
    device: int | None = None
    home: str = ""
    token_hash: str = ""


NOBODY = Scope()


def enter(connection: Connection, scope: Scope) -> None:
    """Holds the rest of this transaction to a scope; on PostgreSQL, in one statement."""
    if connection.dialect.name == "postgresql":
        device = "" if scope.device is None else str(scope.device)
        said = (ROLE, ",".join(scope.regions), device, scope.home, scope.token_hash)
        connection.exec_driver_sql(_ENTER, said)
