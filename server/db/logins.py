"""The login of web and workers on PostgreSQL: one that may use the tables, and neither owns nor changes them.

Whoever takes over a web process then has what the server's code needs: no other schema, no policy set aside, no entry of
the log changed, no stored fact deleted. What it may do is given to the role of migration 0010; the login is a member of it.
Source: docs/adr/0026.
"""

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import OperationalError

from pestwatch.errors import Problem
from server.db.migrate import ADVISORY_LOCK
from server.db.scope import ROLE
from server.db.session import open_engine

SERVER = "pestwatch_server"
"""A role of PostgreSQL that may not log in; it sees every row, and its members enter `pestwatch_scoped` for each request."""


def let_in(owner: Engine, database_url: str) -> None:
    """Makes the login of a URL, or only gives it its rights if an operator has made it.

    Args:
      owner: the schema's owner, allowed to make roles; with a schema at head.
      database_url: what web and workers are told.

    Raises:
      Problem 422.5: that login may do everything, or the database is none with logins.
    """
    wanted = make_url(database_url)
    if owner.dialect.name != "postgresql" or not wanted.username:
        raise Problem("422.5", field="PESTWATCH_OWNER_DATABASE_URL", detail="only PostgreSQL has logins")
    is_good = _is_good(database_url)
    with owner.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        named = {"login": wanted.username}
        found = connection.execute(
            text(
                "SELECT rolsuper OR rolbypassrls OR rolname = current_user OR pg_has_role(rolname, current_user, 'MEMBER')"
                " FROM pg_roles WHERE rolname = :login"
            ),
            named,
        ).scalar()
        if found:
            detail = "its login may do everything; name another one, which is then made"
            raise Problem("422.5", field="PESTWATCH_DATABASE_URL", detail=detail)
        login = connection.dialect.identifier_preparer.quote_identifier(wanted.username)
        if not is_good:
            word = "CREATE" if found is None else "ALTER"
            verifier = _verifier(connection, wanted.username, wanted.password or "")
            connection.exec_driver_sql(f"{word} ROLE {login} LOGIN PASSWORD '{verifier}'")
        for role in (SERVER, ROLE):
            is_member = text("SELECT pg_has_role(:login, :role, 'MEMBER')")
            if not connection.execute(is_member, named | {"role": role}).scalar():
                connection.exec_driver_sql(f"GRANT {role} TO {login}")


def is_owner(engine: Engine) -> bool:
    """Whether this login may change the schema."""
    if engine.dialect.name != "postgresql":
        return True
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT has_schema_privilege('public', 'CREATE')")).scalar())


def require_owner(engine: Engine) -> None:
    """Makes sure of it.

    Raises:
      Problem 422.5: it may not.
    """
    if not is_owner(engine):
        detail = "this needs the login that owns the tables"
        raise Problem("422.5", field="PESTWATCH_OWNER_DATABASE_URL", detail=detail)


def _is_good(database_url: str) -> bool:
    """Whether the login is there and its password is right; then it is left alone."""
    engine = open_engine(database_url)
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


def _verifier(connection: Connection, login: str, password: str) -> str:
    """What PostgreSQL keeps of a password, made here: so it stands in no log of statements."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise Problem("503.4", seconds=30)
    return str(driver.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode())
