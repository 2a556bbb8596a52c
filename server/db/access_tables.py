"""The row classes of who may come in: what officers open, whom they let in, what people agreed to, who did what,
and by which keys every machine of an installation is known.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.session import JsonDocument, RowNumber, Table, UtcInstant


class EnrolmentOpening(Table):
    """An officer on the telephone with a farmer: six digits, ten minutes, one phone, and the officer's yes or no."""

    __tablename__ = "enrolment_openings"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), comment="who opened it, and alone decides")
    code: Mapped[str | None] = mapped_column(String(6), unique=True, comment="null: used, tried too often, or too old")
    wrong_tries: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime] = mapped_column(UtcInstant)
    expires_at: Mapped[datetime] = mapped_column(UtcInstant, comment="of the code; once asked, of the officer's answer")
    token_hash: Mapped[str | None] = mapped_column(
        String(64), unique=True, comment="SHA-256 of the asking phone's token"
    )
    name: Mapped[str | None] = mapped_column(String(60), comment="what the farmer wants to be called")
    phone: Mapped[Any | None] = mapped_column(JsonDocument, comment="columns of the device that it would become")
    decided_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"), comment="set: the officer said yes")

    def state(self, now: datetime) -> str:
        """`open`, `asked`, `enrolled`, `refused` or `closed`."""
        if self.decided_at is not None:
            return "refused" if self.device_id is None else "enrolled"
        if self.expires_at <= now or (self.code is None and self.token_hash is None):
            return "closed"
        return "open" if self.token_hash is None else "asked"


class Consent(Table):
    """What a farmer said to the app's question, each time: never changed, and kept when the rest is erased, as proof."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), index=True)
    agreed: Mapped[bool] = mapped_column(comment="false: taken back")
    version: Mapped[int] = mapped_column(comment="of the words that were shown")
    locale: Mapped[str] = mapped_column(String(40), comment="in which language")
    at: Mapped[datetime] = mapped_column(UtcInstant, comment="by the phone's clock")
    received_at: Mapped[datetime] = mapped_column(UtcInstant)


class Approval(Table):
    """An agronomist has read a threshold, or a sentence of advice in one language, and stands by it."""

    __tablename__ = "approvals"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), comment="threshold, or advice")
    key: Mapped[str] = mapped_column(String(80), comment="of the threshold or the sentence")
    locale: Mapped[str] = mapped_column(String(16), comment="of the sentence; en for a threshold")
    content_hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of what was read, hex")
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UtcInstant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcInstant)


class AuditEntry(Table):
    """Who did what to whom. A trigger of the database refuses to change or delete one."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcInstant)
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), comment="null: on the command line, or by itself"
    )
    region_id: Mapped[str | None] = mapped_column(ForeignKey("regions.id"), comment="null: of no one region")
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80), comment="to whom or what: device 7, staff asha")
    detail: Mapped[dict[str, Any]] = mapped_column(JsonDocument, comment="never a name of a farmer")


class Fingerprint(Table):
    """A key or a secret that every machine of this installation must have: a slow hash of it, so that it stays one."""

    __tablename__ = "fingerprints"

    name: Mapped[str] = mapped_column(String(32), primary_key=True, comment="of a setting or a key")
    value: Mapped[str] = mapped_column(String(64), comment="a slow hash of it, hex")
    noted_at: Mapped[datetime] = mapped_column(UtcInstant)
