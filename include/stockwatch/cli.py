"""Stockwatch at the command line: `python -m include.stockwatch.cli --help`.

Exit codes: 0 done; 1 the input is at fault (a held file, a wrong setting); 2 wrong use of the command.
"""

from __future__ import annotations

import argparse
import datetime as dt
import errno
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv

from include.stockwatch.errors import ConfigError, FeedHeld, Problem, StockwatchError, closest
from include.stockwatch.settings.reading import open_file
from include.stockwatch.simulation.command import add_arguments as add_simulate_arguments
from include.stockwatch.workflows.services import PROJECT, Services, config_folder, home_folder

if TYPE_CHECKING:
    from include.stockwatch.adapters.state.ledger import Delivery
    from include.stockwatch.settings.models import Settings


def services() -> Services:
    """Services on local paths: no Airflow, messages previewed."""
    return Services(home_folder(), config_folder(), lambda: dt.datetime.now(dt.UTC))


def check_config(_arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the config folder and say what is wrong with it, and which rules change nothing for what was checked."""
    from include.stockwatch.settings.loader import load
    from include.stockwatch.workflows.checks.idle_rules import idle_now

    settings = load(config_folder())
    problems = tuple(_unknown_expectations(settings))
    if problems:
        raise ConfigError(problems)
    return {
        "config": str(config_folder()),
        "feeds": sorted(settings.feeds),
        "master_data": sorted(settings.masters),
        "thresholds": [rule.name for rule in settings.thresholds.thresholds],
        "routes": [route.name for route in settings.routes.routes],
        "idle_rules": idle_now(services()),
    }


def ingest(arguments: argparse.Namespace) -> dict[str, Any]:
    """Take in one file of a feed, or of master data, past the landing."""
    from include.stockwatch.workflows.feeds import deliveries, master_files
    from include.stockwatch.workflows.feeds import ingest as feed_files

    made = services()
    _known_feed(made, arguments.feed)
    take: Any = master_files if arguments.feed in made.settings.masters else feed_files
    path = arguments.file.resolve()
    if not path.is_file():
        raise SystemExit(f"{arguments.file}: {'no file' if path.exists() else 'no such file'}")
    before = deliveries.receive(made, arguments.feed, str(path.parent), str(path), path.name)
    is_duplicate = before.status == deliveries.PUBLISHED
    stored = take.read(made, arguments.feed, before.delivery_id)
    if not is_duplicate:
        stored = take.publish(made, arguments.feed, before.delivery_id)
    return {
        "outcome": "already published" if is_duplicate else "published",
        "feed": stored.feed_id,
        "file": stored.file_name,
        "delivery": stored.delivery_id,
        "rows_in": stored.rows_in,
        "rows_published": 0 if is_duplicate else stored.rows_published,
        "rows_rejected": 0 if is_duplicate else stored.rows_rejected,
        "rows_parked": 0 if is_duplicate else stored.rows_parked,
        "rows_dropped": 0 if is_duplicate else stored.rows_dropped,
        "rows_already_published": stored.rows_published if is_duplicate else 0,
        "reject_codes": stored.reject_codes,
        "dates": len(stored.business_dates),
        "first_date": stored.business_dates[0] if stored.business_dates else None,
        "last_date": stored.business_dates[-1] if stored.business_dates else None,
    }


def held(_arguments: argparse.Namespace) -> dict[str, Any]:
    """List the files that wait for a decision, oldest first."""
    waiting = _waiting(services())
    shown = [
        {"feed": one.feed_id, "file": one.file_name, "delivery": one.delivery_id[:12]}
        | {"received": one.received_at, "can_be": "released or discarded" if one.is_releasable else "discarded"}
        | {"why": "; ".join(f"{hold['code']}: {hold['what']}" for hold in one.holds)}
        for one in waiting
    ]
    return {"held": shown or "none"}


def decide(arguments: argparse.Namespace) -> dict[str, Any]:
    """Release or discard a held file in a person's name; what Airflow asks under Required Actions."""
    from include.stockwatch.workflows.feeds import ingest as feed_files
    from include.stockwatch.workflows.feeds import master_files

    made = services()
    waiting = _waiting(made)
    found = [one for one in waiting if arguments.file == one.file_name or one.delivery_id.startswith(arguments.file)]
    if len(found) > 1:
        raise SystemExit(f"{len(found)} held files are meant by `{arguments.file}`: give the delivery, as in `held`")
    if not found:
        hint = closest(arguments.file, [one.file_name for one in waiting]) or "`held` lists them"
        raise SystemExit(f"no held file is called `{arguments.file}`; {hint}")
    feed_id, delivery_id = found[0].feed_id, found[0].delivery_id
    take: Any = master_files if feed_id in made.settings.masters else feed_files
    done = take.decide(made, feed_id, delivery_id, arguments.choice, arguments.person)
    return {
        "outcome": done.status,
        "feed": feed_id,
        "file": done.file_name,
        "rows_in": done.rows_in,
        "rows_published": done.rows_published,
        "rows_rejected": done.rows_rejected,
        "dates": list(done.business_dates),
        "by": done.decided_by,
    }


def try_feed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say what an unknown file is, propose a feed definition, and show what it would publish and reject."""
    from include.stockwatch.workflows.new_feeds.try_feed import try_feed as run
    from include.stockwatch.workflows.new_feeds.try_feed_text import as_text

    missing = [str(file) for file in arguments.file if not file.is_file()]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: no such file")
    path, *more = (file.resolve() for file in arguments.file)
    answer = run(
        path,
        path.name,
        config_folder(),
        dt.datetime.now(dt.UTC),
        feed_id=arguments.feed,
        partner=arguments.partner,
        write=arguments.write,
        more=more,
    )
    return answer if arguments.json else {"outcome": answer["outcome"], "text": as_text(answer)}


def check(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check one business date."""
    from include.stockwatch.workflows.checks.check import check as run

    made = services()
    if arguments.date > made.now().date() + dt.timedelta(days=1):  # somewhere it may be tomorrow already
        raise SystemExit(f"{arguments.date} is still to come")
    return run(made, arguments.date)


def explain(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say what is known of one series on a date, and which rule applies."""
    from include.stockwatch.workflows.checks.explain import explain as run

    found = run(services(), arguments.partner, arguments.location, arguments.item, arguments.date)
    if not arguments.json:
        print(found.pop("text"))
        return {}
    return found


def preview(arguments: argparse.Namespace) -> dict[str, Any]:
    """Show the message of an incident as it stands: words, and Slack blocks with --json."""
    from include.stockwatch.adapters.state import incidents
    from include.stockwatch.alerting.kinds import render

    with services().state.begin() as tx:
        incident = incidents.find(tx, arguments.incident)
        history = incidents.events(tx, arguments.incident)
    if incident is None:
        raise SystemExit(f"no incident {arguments.incident}; `messages` lists those with a message")
    shown = render(incident)
    if not arguments.json:
        steps = [f"  {e['business_date'] or e['at'].date()} {e['kind']} ({e['reason']})" for e in history]
        print("\n".join([shown.fallback, "", shown.as_text(), *(["", "History:", *steps] if steps else [])]))
        return {}
    return {"incident": arguments.incident, "text": shown.slack_text(), "blocks": shown.blocks()}


def messages(_arguments: argparse.Namespace) -> dict[str, Any]:
    """List every message of the outbox, oldest first."""
    from include.stockwatch.adapters.state import outbox

    with services().state.begin() as tx:
        found = outbox.messages(tx)
    wanted = ("incident_id", "event_seq", "operation", "channel", "status", "text")
    return {"messages": [{name: message[name] for name in wanted} for message in found]}


def deliver(arguments: argparse.Namespace) -> dict[str, Any]:
    """Preview what is due; list, replay or discard dead messages."""
    import getpass

    from include.stockwatch.workflows.messages import dead_letters, delivery

    made = services()
    if arguments.discard is not None and not arguments.reason:
        raise SystemExit("--discard needs --reason")
    if arguments.replay is not None:
        dead_letters.replay(made, arguments.replay, getpass.getuser())
        return {"replayed": arguments.replay, "sent": "by the next run of deliver_alerts"}
    if arguments.discard is not None:
        dead_letters.discard(made, arguments.discard, arguments.reason, getpass.getuser())
        return {"discarded": arguments.discard}
    if arguments.dead:
        return {"dead": dead_letters.dead_letters(made)}
    return {"delivered": delivery.deliver(made)}


def backtest(arguments: argparse.Namespace) -> dict[str, Any]:
    """Replay history without touching it: who would be told how often, and what it catches."""
    from include.stockwatch.workflows.backtest import backtest as run
    from include.stockwatch.workflows.backtest_text import as_text

    if arguments.plot and (arguments.plot.suffix not in (".svg", ".png") or not arguments.plot.parent.is_dir()):
        raise SystemExit(f"{arguments.plot}: name an .svg or a .png in a folder that exists")
    if arguments.set and not arguments.set.is_file():
        raise SystemExit(f"{arguments.set}: no such file")
    proposed = None
    if arguments.set:
        from include.stockwatch.domain.thresholds import Thresholds
        from include.stockwatch.settings.reading import read

        proposed = read(arguments.set, Thresholds)
    found = run(services(), arguments.first, arguments.last, proposed=proposed, truth=arguments.truth)
    replays = {name: found[name] for name in ("current", "proposed")} if arguments.set else {"current": found}
    if arguments.plot:
        from include.stockwatch.adapters.plots import plot_backtest

        plot_backtest(replays, arguments.plot)
    return found if arguments.json else {"text": as_text(replays)}


def scorecard(arguments: argparse.Namespace) -> dict[str, Any]:
    """Show the scorecard of a week: what each partner kept and broke."""
    from include.stockwatch.workflows.promises.scorecard import scorecard as run

    found = run(services(), arguments.week)
    return found if arguments.json else {"text": found["text"]}


def precision(arguments: argparse.Namespace) -> dict[str, Any]:
    """Show how often alerts were right as people judged them, and the week's sample for an audit."""
    from include.stockwatch.workflows.incidents.precision import precision as run

    return run(services(), arguments.week, arguments.weeks)


def act(arguments: argparse.Namespace) -> dict[str, Any]:
    """Do something with an incident in a person's name: acknowledge, snooze, resolve, give a verdict."""
    from include.stockwatch.alerting.actions import Act, Action
    from include.stockwatch.workflows.incidents.act import act as run

    made = services()
    action = Action(
        act=Act(arguments.act),
        person=arguments.person,
        at=made.now(),
        until=arguments.until,
        reason=arguments.reason,
        restock_on=arguments.restock_on,
        restock_units=arguments.restock_units,
    )
    done = run(made, arguments.incident, action)
    return {"text": done.said, "incident": done.case.incident_id, "changed": done.has_changed}


def route(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say where an incident goes, who is asked in which order and when it is sent, and why. Sends nothing."""
    from include.stockwatch.workflows.routing import explain as run

    made = services()
    _known_partners(made, arguments.what)
    return run(made, arguments.what)


def silences(_arguments: argparse.Namespace) -> dict[str, Any]:
    """List silences: incidents whose messages are held back, until when, by whom and why."""
    from include.stockwatch.workflows.incidents import silences as workflow

    made = services()
    now, found = made.now(), workflow.listed(made)
    shown = [
        {"silence": one.silence_id, "active": one.is_active(now), "what": str(one.match), "until": one.ends_at}
        | {"author": one.author, "comment": one.comment, "ended_by": one.ended_by}
        for one in found
    ]
    return {"silences": shown} if shown else {"silences": "none"}


def silence(arguments: argparse.Namespace) -> dict[str, Any]:
    """Hold back the messages of some incidents for a while. They keep their state and count in every figure."""
    from include.stockwatch.workflows.incidents import silences as workflow

    match: dict[str, list[str]] = {}
    for text in arguments.what:
        name, _, value = text.partition("=")
        match.setdefault(name, []).append(value)
    made = services()
    _known_partners(made, arguments.what)
    added = workflow.add(made, match, until=arguments.until, author=arguments.person, comment=arguments.comment)
    return {"silence": added.silence_id, "what": str(added.match), "until": added.ends_at}


def unsilence(arguments: argparse.Namespace) -> dict[str, Any]:
    """End a silence before its time."""
    from include.stockwatch.workflows.incidents import silences as workflow

    ended = workflow.end(services(), arguments.silence, arguments.person)
    return {"silence": ended.silence_id, "what": str(ended.match), "ended": ended.ends_at}


def simulate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a small world with known truth: settings, partner files, master data, complaints."""
    from include.stockwatch.simulation.command import run

    return run(arguments)


def _unknown_expectations(settings: Settings) -> Iterator[Problem]:
    """Expectations of feeds that Great Expectations does not have; it is only loaded if a feed has any."""
    import difflib

    for feed_id, feed in settings.feeds.items():
        if not feed.quality.expectations:
            continue
        from include.stockwatch.adapters.quality import known_expectations

        file, known = open_file(config_folder() / "feeds" / f"{feed_id}.yaml"), known_expectations()
        for position, added in enumerate(feed.quality.expectations):
            if added.type not in known:
                loc = ("quality", "expectations", position, "type")
                close = difflib.get_close_matches(added.type, known, n=1)
                fix = f"did you mean `{close[0]}`?" if close else "see the Great Expectations gallery"
                what = f"Great Expectations has no `{added.type}`"
                yield file.problem(file.mark(loc), ".".join(map(str, loc)), what, fix)


def _known_feed(made: Services, feed_id: str) -> None:
    if feed_id not in made.settings.receiving():
        known = sorted(made.settings.receiving())
        raise SystemExit(f"no feed `{feed_id}`; {closest(feed_id, known)} known: {', '.join(known)}")


def _known_partners(made: Services, facts: Iterable[str]) -> None:
    known = sorted({feed.partner for feed in made.settings.feeds.values()})
    for name, _, partner in (fact.partition("=") for fact in facts):
        if name == "partner" and partner not in known:
            hint = closest(partner, known) or f"known: {', '.join(known)}"
            raise SystemExit(f"no feed has the partner `{partner}`; {hint}")


def _waiting(made: Services) -> list[Delivery]:
    from include.stockwatch.adapters.state import ledger

    with made.state.read() as tx:
        return ledger.undecided(tx)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is no date; write it like 2026-11-22") from None


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is no time; write it like 2026-11-24T08:00+01:00") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"`{text}` has no zone; write it like 2026-11-24T08:00+01:00")
    return moment


def _week(text: str) -> dt.date:
    from include.stockwatch.workflows.promises.scorecard import week_of

    try:
        return week_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is no week; write it like 2026-W45, or name a date in it") from None


ACTS = (
    *("acknowledge", "snooze", "wake", "resolve", "confirm", "false_alarm", "claim", "restock"),
    *("approve", "discard"),
)


def parser() -> argparse.ArgumentParser:
    """Every command and its arguments."""
    top = argparse.ArgumentParser(prog="stockwatch", description="Stock availability from partners' feeds.")
    top.add_argument("--json", action="store_true", help="print JSON for scripts")
    top.add_argument("--verbose", action="store_true", help="log every step to standard error")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], dict[str, Any]]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    add("check-config", check_config)
    command = add("ingest", ingest)
    command.add_argument("feed")
    command.add_argument("file", type=Path)
    add("held", held)
    command = add("decide", decide)
    command.add_argument("file", help="name of the held file, or how its delivery begins")
    command.add_argument("choice", choices=("release", "release_passing", "discard"))
    command.add_argument("--as", dest="person", required=True, metavar="EMAIL", help="who decides")
    command = add("try-feed", try_feed)
    command.add_argument("file", type=Path, nargs="+", help="the file; behind it others of the same feed")
    command.add_argument("--feed", metavar="ID", help="use this feed's definition; with --write, the id of a new one")
    command.add_argument("--partner", metavar="NAME", help="whose file it is, e.g. 'Harbor Foods'")
    command.add_argument("--write", action="store_true", help="put the proposal into the config folder's feeds/")
    add("check", check).add_argument("date", type=_date)
    command = add("explain", explain)
    for name in ("partner", "location", "item"):
        command.add_argument(name)
    command.add_argument("date", type=_date)
    add("preview", preview).add_argument("incident")
    add("messages", messages)
    command = add("deliver", deliver)
    choice = command.add_mutually_exclusive_group()
    choice.add_argument("--dead", action="store_true", help="list the messages that were given up")
    choice.add_argument("--replay", type=int, metavar="ID", help="send a dead message again, unless it arrived")
    choice.add_argument("--discard", type=int, metavar="ID", help="take a dead message off the list")
    command.add_argument("--reason", help="why it is discarded")
    command = add("scorecard", scorecard)
    command.add_argument("--week", type=_week, help="2026-W45, or a date in it; default the last whole week")
    command = add("precision", precision)
    command.add_argument("--week", type=_week, help="2026-W45, or a date in it; default the running week")
    command.add_argument("--weeks", type=int, default=8, help="how many weeks count, default 8")
    command = add("act", act)
    command.add_argument("incident")
    command.add_argument("act", choices=ACTS)
    command.add_argument("--as", dest="person", required=True, metavar="EMAIL", help="who does it")
    command.add_argument("--until", type=_moment, help="end of a snooze, e.g. 2026-11-24T08:00+01:00")
    command.add_argument("--reason", help="why; for a false alarm one of the reasons that an empty one lists")
    command.add_argument("--restock-on", type=_date, help="when stock arrives, as somebody confirmed it")
    command.add_argument("--restock-units", type=float)
    what = "facts such as partner=northfield severity=high"
    add("route", route).add_argument("what", nargs="+", help=f"the id of an incident, or {what}")
    add("silences", silences)
    command = add("silence", silence)
    command.add_argument("what", nargs="+", help=f"{what}; a fact given twice means either")
    command.add_argument("--until", type=_moment, required=True, help="e.g. 2026-11-24T08:00+01:00")
    command.add_argument("--as", dest="person", required=True, metavar="EMAIL", help="who says so")
    command.add_argument("--comment", required=True, help="why")
    command = add("unsilence", unsilence)
    command.add_argument("silence", type=int, help="its number, as `silences` lists it")
    command.add_argument("--as", dest="person", required=True, metavar="EMAIL", help="who says so")
    add_simulate_arguments(add("simulate", simulate))
    command = add("backtest", backtest)
    command.add_argument("--from", dest="first", type=_date, help="first date, default the first delivered")
    command.add_argument("--to", dest="last", type=_date, help="last date, default the last delivered")
    command.add_argument("--set", type=Path, metavar="FILE", help="a thresholds.yaml to replay beside the current one")
    command.add_argument("--truth", type=Path, metavar="FILE", help="Parquet with is_empty: adds precision and recall")
    command.add_argument("--plot", type=Path, metavar="FILE", help="picture to write, .svg or .png")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    load_dotenv(PROJECT / ".env")  # what is set already wins
    parsed = parser().parse_args(arguments)
    level = logging.INFO if parsed.verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        answer = parsed.run(parsed)
    except FeedHeld as error:
        code = _fault(parsed, error, {"outcome": "held", "holds": [hold.__dict__ for hold in error.holds]})
        if not parsed.json and error.file_name in [one.file_name for one in _waiting(services())]:
            choice = "release" if all(hold.code.is_releasable for hold in error.holds) else "discard"
            print(f"It waits for a decision: decide {error.file_name} {choice} --as EMAIL", file=sys.stderr)
        return code
    except ConfigError as error:
        return _fault(parsed, error, {"problems": [problem.__dict__ for problem in error.problems]})
    except StockwatchError as error:
        return _fault(parsed, error, {})
    except Exception as error:
        told = _in_words(error)
        if parsed.verbose or not told:
            raise
        print(told, file=sys.stderr)
        return 1
    if answer:
        print(
            json.dumps(answer, indent=2, ensure_ascii=False, default=str)
            if parsed.json
            else answer.get("text") or _lines(answer)
        )
        sys.stdout.flush()
    return 1 if answer.get("outcome") == "held" else 0


def _fault(parsed: argparse.Namespace, error: StockwatchError, details: dict[str, Any]) -> int:
    if parsed.json:
        print(json.dumps({"error": type(error).__name__, "message": str(error), **details}, indent=2, default=str))
    else:
        print(error, file=sys.stderr)
    return 1


def _in_words(error: Exception) -> str:
    """What the disk or the state store refuses and what to do, without its stack; empty of any other error."""
    from alembic.util.exc import CommandError
    from sqlalchemy.exc import ArgumentError, DBAPIError

    match error:
        case BrokenPipeError():
            return ""
        case OSError(errno=errno.ENOSPC):
            return f"{error.filename or 'the disk'}: {error.strerror}\n  fix: make room, then run the command again"
        case OSError(filename=str()):
            fix = "STOCKWATCH_HOME must be a folder in which this user may write"
            return f"{error.filename}: {error.strerror}\n  fix: {fix}"
        case ArgumentError():
            fix = "write it like postgresql://user:password@host:5432/stockwatch, or unset it for SQLite in the home"
            return f"STOCKWATCH_DB is no URL of a store\n  fix: {fix}"
        case ValueError() if str(error).startswith("the state store"):
            return f"{error}\n  fix: change STOCKWATCH_DB"
        case CommandError():
            fix = "run that version again, or put back the backup that was made before it"
            return f"the state store was made by a later version: {error}\n  fix: {fix}"
        case DBAPIError():
            said = error.orig.args[0] if error.orig and error.orig.args else error
            told = said.get("M", said) if isinstance(said, dict) else said
            fixes = {
                "locked": "another process has been writing for 30 s: look for one that hangs, then try again",
                "disk": "is the disk full? Make room, then run the command again",
                "not a database": "the file is damaged: put its backup in its place",
            }
            fix = next((fixes[part] for part in fixes if part in str(told)), "does the database of STOCKWATCH_DB run?")
            return f"the state store cannot be used: {told}\n  fix: {fix}"
    return ""


def _lines(answer: Any, indent: int = 0) -> str:
    """A small answer as indented lines."""
    pad = "  " * indent
    if isinstance(answer, dict):
        parts = []
        for key, value in answer.items():
            nested = value and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))
            parts.append(f"{pad}{key}:\n{_lines(value, indent + 1)}" if nested else f"{pad}{key}: {_flat(value)}")
        return "\n".join(parts)
    return "\n".join(f"{pad}- " + "; ".join(f"{k} {_flat(v)}" for k, v in item.items()) for item in answer)


def _flat(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "-" if value in (None, {}) else str(value)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # whoever reads, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
