"""`flask --app server …`: what an operator does without the dashboard."""

import hashlib
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request

import click
import segno
from flask import Flask, current_app
from flask.cli import with_appcontext

from pestwatch.errors import Problem
from pestwatch.release.installation import open_installation
from pestwatch.release.manifest import BASE_REGION
from pestwatch.release.registry import find_release, restore
from server import auth
from server.config import current_settings, current_time
from server.db import devices, people, work
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from server.db.tables import Release

REGION = click.option("--region", help="District id such as IN-MH-500; the installation's first region if left out.")


def register(app: Flask) -> None:
    """Gives the app its commands."""
    for command in (
        db_upgrade,
        seed_region,
        first_officer,
        enrolment_code,
        revoke_device,
        retrain_now,
        roll_back,
        bring_sms,
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
@click.option("--admin", is_flag=True, help="May see every region.")
@REGION
@with_appcontext
def first_officer(name: str, password: str | None, admin: bool, region: str | None) -> None:
    """Add somebody who may log in to the dashboard."""
    chosen = password or secrets.token_urlsafe(9)
    hashed = auth.hash_password(chosen)
    region = region or current_settings().region
    with request_scope() as session:
        people.region_by_id(session, region)
        if people.staff_by_name(session, name) is not None:
            raise click.ClickException(f"{name} is there already.")
        role = "admin" if admin else "officer"
        people.record_staff(session, name, password_hash=hashed, role=role, regions=[region], now=current_time())
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
