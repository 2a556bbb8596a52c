"""`flask --app server …`: what an operator does without the dashboard."""

import hashlib
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import click
import segno
from flask import Flask, current_app
from flask.cli import with_appcontext

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from pestwatch.release.manifest import BASE_REGION
from pestwatch.release.registry import find_release, restore
from pestwatch.surveillance.rollup import INDIA
from server import auth, backup
from server.api.openapi import as_yaml
from server.config import current_settings, current_time
from server.db import audit, devices, people, work
from server.db.eras import begin_era
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from server.db.tables import Release
from server.exchange.giving_out import FORMATS, file_name, give_out
from server.exchange.mapping import KINDS, read_mapping, renamed, shipped_mapping
from server.exchange.rejects import write_rejects
from server.exchange.taking_in import Intake

REGION = click.option("--region", help="District id such as IN-MH-500; the installation's first region if left out.")


def register(app: Flask) -> None:
    """Gives the app its commands."""
    office = (db_upgrade, seed_region, first_officer, enrolment_code, revoke_device, retrain_now, roll_back, bring_sms)
    for command in (
        *office,
        import_observations,
        export_observations,
        back_up,
        restore_backup,
        note_restored,
        describe_api,
    ):
        app.cli.add_command(command)


class InWords(click.Command):
    """A command whose Problems are one line on the terminal instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            raise click.ClickException(str(problem)) from problem


@click.command("db-upgrade", cls=InWords)
@with_appcontext
def db_upgrade() -> None:
    """Bring the database to the schema that this version needs."""
    upgrade_to_head(current_app.extensions["pestwatch.engine"])
    click.echo("The database is up to date.")


@click.command("seed-region", cls=InWords)
@REGION
@click.option("--name", required=True, help="Name for people, such as Pune.")
@with_appcontext
def seed_region(region: str | None, name: str) -> None:
    """Add a region, or rename it."""
    with request_scope() as session:
        row = people.record_region(session, region or current_settings().region, name, current_time())
        click.echo(f"{row.id} is {row.name}.")


@click.command("first-officer", cls=InWords)
@click.option("--name", default="officer", show_default=True, help="Login name.")
@click.option("--password", help="A password is made and printed if left out.")
@click.option("--admin", is_flag=True, help="The same as --role admin.")
@click.option("--role", type=click.Choice(sorted(auth.RIGHTS)), default="officer", show_default=True)
@REGION
@with_appcontext
def first_officer(name: str, password: str | None, admin: bool, role: str, region: str | None) -> None:
    """Add somebody who may log in to the dashboard: an officer of one region, an agronomist, or an administrator."""
    chosen = password or secrets.token_urlsafe(9)
    hashed = auth.hash_password(chosen)
    region = region or current_settings().region
    with request_scope() as session:
        people.region_by_id(session, region)
        if people.name_is_taken(session, name):
            raise click.ClickException(f"{name} is there already.")
        role = "admin" if admin else role
        people.record_staff(session, name, password_hash=hashed, role=role, regions=[region], now=current_time())
        audit.note(session, "hire", people.folded(name), staff=None, now=current_time(), role=role)
    click.echo(f"{name} may log in." if password else f"{name} may log in with the password {chosen}")


@click.command("enrolment-code", cls=InWords)
@REGION
@click.option("--qr/--no-qr", default=True, show_default=True, help="Draw the code for a phone's camera.")
@with_appcontext
def enrolment_code(region: str | None, qr: bool) -> None:
    """Make a code that enrols one phone, once, within 24 hours."""
    settings = current_settings()
    with request_scope() as session:
        row = people.region_by_id(session, region or settings.region)
        code = auth.make_code(session, row.id, current_time())
    address = auth.enrolment_address(settings.public_url, code)
    if qr:
        segno.make(address).terminal(compact=True)
    click.echo(f"{code}\n{address}")


@click.command("revoke-device", cls=InWords)
@click.argument("device", type=int)
@with_appcontext
def revoke_device(device: int) -> None:
    """Keep what a phone sends from now on in quarantine."""
    with request_scope() as session:
        devices.revoke_device(session, device, current_time())
        region = devices.device_by_id(session, device).region_id
        audit.note(session, "stop_phone", f"device {device}", staff=None, now=current_time(), region=region)
    click.echo(f"Phone {device} is revoked. What it sends is kept, and not counted.")


@click.command("retrain-now", cls=InWords)
@REGION
@with_appcontext
def retrain_now(region: str | None) -> None:
    """Ask for a region's model to be retrained; the worker starts it."""
    with request_scope() as session:
        row = people.region_by_id(session, region or current_settings().region)
        run = work.request_run(session, row.id, current_time())
        click.echo(f"Run {run.id} for {row.id} is {run.state}.")


@click.command("roll-back", cls=InWords)
@click.argument("version")
@REGION
@with_appcontext
def roll_back(version: str, region: str | None) -> None:
    """Give a region the model of an earlier VERSION again, its own or a base release; it gets a new name."""
    settings, now = current_settings(), current_time().replace(microsecond=0)
    shelves = (settings.releases_dir, settings.models_dir / "releases")
    with request_scope(read_only=True) as session:
        region = people.region_by_id(session, region or settings.region).id
    owner = BASE_REGION if version.startswith(f"{BASE_REGION}-") else region
    earlier = find_release(owner, version, *shelves)
    made = restore(settings.releases_dir, region, earlier, open_installation(settings.keys_dir, now).online, now=now)
    row = Release(
        version=made.manifest.version,
        region_id=region,
        seq=made.manifest.seq,
        manifest_sha256=hashlib.sha256(made.content).hexdigest(),
        published_at=now,
    )
    with request_scope() as session:
        work.record_release(session, row)
    click.echo(f"{region} counts with the model of {version} again, as {made.manifest.version}.")


@click.command("import-observations", cls=InWords)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@REGION
@click.option(
    "--mapping", "chosen", default="odk", show_default=True, help="odk, plain, or a mapping file of your own."
)
@click.option("--source", help="The form's name, if not the mapping's; never change it between imports.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the rows that need correcting; beside FILE if left out.",
)
@with_appcontext
def import_observations(file: Path, region: str | None, chosen: str, source: str | None, rejects: Path | None) -> None:
    """Take in observations from FILE: CSV or JSON of ODK Central or KoboToolbox, or a plain CSV table."""
    mapping = shipped_mapping(chosen) if chosen in KINDS else read_mapping(Path(chosen).read_bytes(), chosen)
    if source:
        mapping = renamed(mapping, source)
    rejects = rejects or file.with_name(f"{file.stem}-rejects.csv")
    engine, intake = current_app.extensions["pestwatch.engine"], Intake()
    region, now = region or current_settings().region, current_time()
    with file.open("rb") as rows, rejects.open("wb") as out:
        troubles = intake.take(engine, rows, mapping, region, name=file.name, staff=None, now=now)
        for trouble in write_rejects(troubles, mapping, out):
            click.echo(str(trouble.problem), err=True)
    click.echo(", ".join(f"{number} {status}" for status, number in sorted(intake.rows.items())) or "no rows")
    if intake.rows["rejected"] or intake.rows["conflict"]:
        click.echo(f"What to correct: {rejects}")


@click.command("export-observations", cls=InWords)
@REGION
@click.option("--as", "kind", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@click.option("--first", type=click.DateTime(["%Y-%m-%d"]), help="First day, in India; a year before the last.")
@click.option("--last", type=click.DateTime(["%Y-%m-%d"]), help="Last day; today if left out.")
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write to; this folder if left out.")
@with_appcontext
def export_observations(
    region: str | None, kind: str, first: datetime | None, last: datetime | None, out: Path | None
) -> None:
    """Give out a region's observations; docs/exchange.md explains the formats."""
    now = current_time()
    until = last.date() if last else now.astimezone(INDIA).date()
    since = first.date() if first else until - timedelta(days=365)
    with request_scope(read_only=True) as session:
        row = people.region_by_id(session, region or current_settings().region)
    path = out or Path()
    path = path / file_name(row.id, kind, since, until) if path.is_dir() else path
    engine, settings = current_app.extensions["pestwatch.engine"], current_settings()
    with path.open("w+b") as file:
        rows = give_out(engine, settings, row, kind, file, first=since, last=until, staff=None, now=now)
    click.echo(f"{path}: {rows} {'lines' if kind in {'figures', 'plants'} else 'observations'}")


@click.command("bring-sms", cls=InWords)
@click.argument("text")
@click.option("--sender", default="+910000000000", show_default=True, help="Number that the SMS comes from.")
@click.option("--url", help="The server's address; the public one if left out.")
@click.option("--tries", default=5, show_default=True, help="How often to knock before giving up.")
@with_appcontext
def bring_sms(text: str, sender: str, url: str | None, tries: int) -> None:
    """Bring a TEXT as an SMS gateway does, again and again until the server has it: for trying the SMS path out."""
    settings = current_settings()
    form = urllib.parse.urlencode({"text": text, "from": sender}).encode()
    headers = {"Authorization": f"Bearer {settings.sms_secret or ''}"}
    wanted = urllib.request.Request(f"{url or settings.public_url}/api/v1/sms", form, headers)  # noqa: S310 - our own
    for pause_s in [*(2**n for n in range(tries - 1)), None]:
        try:
            with urllib.request.urlopen(wanted, timeout=30) as response:  # noqa: S310
                click.echo(response.read())
                return
        except urllib.error.URLError as error:
            said = error.read().decode() if isinstance(error, urllib.error.HTTPError) else str(error.reason)
            if pause_s is None:
                raise click.ClickException(said) from error
            asked_s = error.headers.get("Retry-After") if isinstance(error, urllib.error.HTTPError) else None
            time.sleep(float(asked_s or pause_s))


@click.command("backup", cls=InWords)
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def back_up(file: Path) -> None:
    """Write the whole installation into FILE, or into a new file of that folder; web may go on meanwhile."""
    now = current_time()
    path = file / f"pestwatch-{now:%Y%m%d-%H%M%S}.zip" if file.is_dir() else file
    made = backup.back_up(current_app.extensions["pestwatch.engine"], current_settings(), path, now)
    click.echo(f"{path}: {made.rows['facts']} facts, {made.photos} photos. Keep it like a key.")
    if made.missing_photos:
        click.echo(f"{made.missing_photos} photos are noted and were not found.", err=True)


@click.command("restore", cls=InWords)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@with_appcontext
def restore_backup(file: Path) -> None:
    """Make this installation, which no phone may know yet, the one of a backup FILE."""
    brought = backup.restore(current_app.extensions["pestwatch.engine"], current_settings(), file, current_time())
    click.echo(f"{brought.rows['facts']} facts and {brought.photos} photos of {brought.made_at:%Y-%m-%d %H:%M} UTC.")


@click.command("restored", cls=InWords)
@with_appcontext
def note_restored() -> None:
    """Say that the database came back by other means than `restore`: phones then send again what it lacks."""
    with current_app.extensions["pestwatch.engine"].begin() as connection:
        begin_era(connection, current_time())
    click.echo("Each phone is told at its next sync, and sends again what is missing here.")


@click.command("describe-api")
@with_appcontext
def describe_api() -> None:
    """Write the OpenAPI document of phones' interface: docs/api.yaml."""
    click.echo(as_yaml(current_app), nl=False)
