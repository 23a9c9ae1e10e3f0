"""Every error Stockwatch raises on purpose.

StockwatchError
├─ ConfigError          a setting is wrong                        fix the file; never retried
├─ FeedUnreachable      a landing cannot be listed or read        retried
├─ FeedHeld             a file broke its contract or its checks   kept and explained; never retried
├─ RowsLost             counts of a file do not add up            a bug of ours; never retried
├─ LakeTooOld           a table is parted in another way          load the files again into an empty home
├─ LakeLost             the lake lacks what the ledger published  mount it, or put it back
├─ DeliveryFailed       Slack did not take a message              the outbox decides
├─ SlackNotReady        the app lacks scopes or channels          mend the app or the routes; never retried
└─ NotReplayable        a message cannot be replayed or discarded pick another one
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class StockwatchError(Exception):
    """Base of all errors that Stockwatch raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One wrong place in a settings file: where it is, what is wrong, how to mend it."""

    file: str
    line: int
    column: int
    path: str
    what: str
    source_line: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        subject = f"{self.path}: " if self.path else ""
        quoted = f"\n{self.line:>5} | {self.source_line}" if self.source_line.strip() else ""
        return f"{where}{subject}{self.what}{quoted}\n  fix: {self.fix}"


def closest(name: str, names: Iterable[str]) -> str:
    """A question that offers the nearest of some names; empty if none is near."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean `{close[0]}`?" if close else ""


class ConfigError(StockwatchError):
    """Settings are wrong. Carries every problem found, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class SlackNotReady(StockwatchError):
    """The connection to Slack lacks what messages will need. Carries every finding, each with its remedy."""

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(self.findings))


class FeedUnreachable(StockwatchError):
    """A landing location could not be listed or a landed file could not be read; trying later may help."""

    def __init__(self, url: str, cause: str) -> None:
        self.url, self.cause = url, cause
        super().__init__(f"cannot read {url}: {cause}")


class HoldCode(StrEnum):
    """Why a whole file is held back. Nothing of a held file is published until somebody decides."""

    # the file cannot be read as what it should be: mend or discard it
    EMPTY = "EMPTY"
    NO_ROWS = "NO_ROWS"
    ENCODING = "ENCODING"
    LAYOUT_CHANGED = "LAYOUT_CHANGED"
    NO_DATE = "NO_DATE"
    TRUNCATED = "TRUNCATED"
    NO_ENVELOPE = "NO_ENVELOPE"
    UNSUPPORTED = "UNSUPPORTED"
    WRONG_FORMAT = "WRONG_FORMAT"
    UNSAFE_CONTENT = "UNSAFE_CONTENT"
    TOO_LARGE = "TOO_LARGE"
    ARCHIVE_RATIO = "ARCHIVE_RATIO"
    ARCHIVE_SIZE = "ARCHIVE_SIZE"
    ARCHIVE_MEMBERS = "ARCHIVE_MEMBERS"
    ARCHIVE_NESTED = "ARCHIVE_NESTED"
    ARCHIVE_PATH = "ARCHIVE_PATH"
    ARCHIVE_LINK = "ARCHIVE_LINK"
    ARCHIVE_ENCRYPTED = "ARCHIVE_ENCRYPTED"
    ARCHIVE_DAMAGED = "ARCHIVE_DAMAGED"
    # the file can be read and something is wrong with it: a person may release it
    WRONG_COUNTS = "WRONG_COUNTS"
    UNKNOWN_SENDER = "UNKNOWN_SENDER"
    WRONG_RECEIVER = "WRONG_RECEIVER"
    TEST_DATA = "TEST_DATA"
    CANCELLATION = "CANCELLATION"
    CONTROL_NUMBER_REUSED = "CONTROL_NUMBER_REUSED"
    TOTAL_DIFFERS = "TOTAL_DIFFERS"
    TOO_MANY_REJECTS = "TOO_MANY_REJECTS"
    UNKNOWN_IDS = "UNKNOWN_IDS"
    ID_REPAIR_UNCLEAR = "ID_REPAIR_UNCLEAR"
    ROW_COUNT = "ROW_COUNT"
    NOT_VALIDATED = "NOT_VALIDATED"
    UNPLACED_ROWS = "UNPLACED_ROWS"
    LAST_LINE_CUT = "LAST_LINE_CUT"
    SUPERSEDED = "SUPERSEDED"

    @property
    def is_releasable(self) -> bool:
        """Whether a person may decide to publish the file all the same."""
        return self in RELEASABLE


RELEASABLE = frozenset(
    {
        HoldCode.WRONG_COUNTS,
        HoldCode.UNKNOWN_SENDER,
        HoldCode.WRONG_RECEIVER,
        HoldCode.TEST_DATA,
        HoldCode.CANCELLATION,
        HoldCode.CONTROL_NUMBER_REUSED,
        HoldCode.TOTAL_DIFFERS,
        HoldCode.TOO_MANY_REJECTS,
        HoldCode.UNKNOWN_IDS,
        HoldCode.ID_REPAIR_UNCLEAR,
        HoldCode.ROW_COUNT,
        HoldCode.NOT_VALIDATED,
        HoldCode.UNPLACED_ROWS,
        HoldCode.LAST_LINE_CUT,
        HoldCode.SUPERSEDED,
    }
)


@dataclass(frozen=True)
class Hold:
    """The reason a file is held: code, sentence, and what a person can do."""

    code: HoldCode
    what: str
    fix: str


class FeedHeld(StockwatchError):
    """A file broke its contract or its quality checks. Its bytes are archived, nothing of it is published."""

    def __init__(self, feed_id: str, file_name: str, holds: tuple[Hold, ...]) -> None:
        self.feed_id, self.file_name, self.holds = feed_id, file_name, holds
        lines = [f"{file_name}: feed `{feed_id}`: {hold.code}: {hold.what}\n  fix: {hold.fix}" for hold in holds]
        super().__init__("\n".join(lines))


class RowsLost(StockwatchError):
    """Rows in are not rows published plus rows rejected. Nothing of the file is published."""

    def __init__(self, file_name: str, rows_in: int, rows_published: int, rows_rejected: int) -> None:
        self.rows_in, self.rows_published, self.rows_rejected = rows_in, rows_published, rows_rejected
        super().__init__(
            f"{file_name}: {rows_in} rows in, but {rows_published} to publish and {rows_rejected} rejected: "
            "this is a defect of Stockwatch, please report it with the file"
        )


class LakeTooOld(StockwatchError):
    """A table was made by a version that parts it by other columns. Nothing of it is touched."""

    def __init__(self, table: str, parted_by: list[str], wanted: list[str]) -> None:
        self.table, self.parted_by, self.wanted = table, parted_by, wanted
        super().__init__(
            f"table `{table}` is parted by {', '.join(parted_by)}, this version parts it by {', '.join(wanted)}\n"
            "  fix: load the files again into an empty home"
        )


class LakeLost(StockwatchError):
    """The lake lacks most of what the ledger says was published. Nothing is checked: shelves would seem to be back."""

    def __init__(self, folder: str, published: int, there: int) -> None:
        self.published, self.there = published, there
        super().__init__(
            f"the ledger has {published} dates of feeds in the look-back, `{folder}` has {there} of them\n"
            "  fix: mount the folder that is STOCKWATCH_HOME for the other workers, or put a backup of it back"
        )


class StoreLost(StockwatchError):
    """The store is empty beside a lake that has been filled: what was published, decided and said is not known."""

    def __init__(self, store: str, lake: str) -> None:
        super().__init__(
            f"`{lake}` has observations, but the store `{store}` is empty: it is not the one that belongs to them\n"
            "  fix: name that one in STOCKWATCH_DB or the connection `stockwatch_db`, or put a backup of it back; to "
            "begin anew, load the files again into an empty home"
        )


class Refusal(StrEnum):
    """What a refused or unanswered Slack call means for the outbox (alerting requirement A-69)."""

    WAIT = "wait"  # too fast: later
    AMBIGUOUS = "ambiguous"  # nobody knows whether it arrived: look, then send again
    CHANNEL = "channel"  # not to this channel: join it once, else give up and tell the triage channel
    TOKEN = "token"  # not with this token: stop everything until somebody mends it
    CONTENT = "content"  # not in this form: once more as plain words
    TARGET = "target"  # the message to change or answer is gone: a new one in its place
    PERSON = "person"  # nobody of this name: once more without mentions
    UNKNOWN = "unknown"  # an error that we do not know: three attempts


class DeliveryFailed(StockwatchError):
    """Slack did not confirm a message. `refusal` says what the outbox does next; `method` is what was called."""

    def __init__(
        self, refusal: Refusal, reason: str, retry_after_seconds: float | None = None, method: str | None = None
    ) -> None:
        self.refusal, self.reason, self.method = refusal, reason, method
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{refusal}: {reason}")


class ActionRefused(StockwatchError):
    """An action on an incident lacks something, or may not be done; nothing was changed."""


class NotReplayable(StockwatchError):
    """A message cannot be replayed or discarded: it is not dead, or something newer shows more."""

    def __init__(self, outbox_id: int, what: str) -> None:
        self.outbox_id = outbox_id
        super().__init__(f"message {outbox_id}: {what}")
