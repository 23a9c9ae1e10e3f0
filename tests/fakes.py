"""Stand-ins and small builders for tests."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

OAT, NUT, COFFEE = "850007123017", "850007123024", "850007123031"
HEADER = "date,store_nbr,store,upc,item,category,on_hand,units_sold,on_order,price"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: dt.datetime

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self.move(seconds=seconds)

    def move(self, **by: float) -> None:
        """Move the time, e.g. `clock.move(hours=1)`."""
        self.at += dt.timedelta(**by)


def row(
    date: dt.date | str,
    store: str,
    *,
    item: str = OAT,
    name: str = "Oat Bar",
    place: str = "Reno",
    on_hand: object = 10,
    sold: object = 2,
    on_order: object = 0,
    price: object = "6.49",
) -> str:
    """One line of the Northfield sample feed."""
    return f"{date},{store},{place},{item},{name},Snacks,{on_hand},{sold},{on_order},{price}"


def northfield(path: Path, rows: Iterable[str], header: str = HEADER) -> Path:
    """A file of the Northfield sample feed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def dc(place: str, *, date: str = "01.11.2026", item: str = NUT, on_hand: object = 5) -> str:
    """One line of the Westway sample feed."""
    return f"{date};{place};{item};Mix;Snacks;{on_hand};1;0;2,63"


def westway(path: Path, rows: Iterable[str]) -> Path:
    """A file of the Westway sample feed."""
    header = "Stichtag;Lager;EAN;Artikel;Gruppe;Bestand;Abgang;Unterwegs;Preis"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\r\n".join([header, *rows]).encode("cp1252") + b"\r\n")
    return path


def days(first: dt.date, count: int) -> list[dt.date]:
    """Consecutive dates."""
    return [first + dt.timedelta(days=n) for n in range(count)]


Fault = Callable[[BaseHTTPRequestHandler, Callable[[], requests.Response]], requests.Response | None]


@dataclass
class FaultProxy:
    """An HTTP proxy on loopback that does what a script says with each call of a method, then forwards (A-90)."""

    target: str
    plan: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)  # of the calls, as they came
    url: str = ""

    def script(self, method: str, *faults: Fault) -> None:
        """What the next calls of a Slack method meet; after the last one everything passes."""
        self.plan[method] = list(faults)


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A running fault proxy before a Slack server."""
    proxy = FaultProxy(target)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            method = self.path.rsplit("/", 1)[-1].split("?")[0]
            proxy.calls.append(method)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.bodies.append(body.decode("utf-8", "replace"))

            def forward() -> requests.Response:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
                session = requests.Session()
                session.trust_env = False
                return session.post(proxy.target + self.path, data=body, headers=headers, timeout=30)

            faults = proxy.plan.get(method) or []
            answer = faults.pop(0)(self, forward) if faults else forward()
            if answer is None:
                return
            self.send_response(answer.status_code)
            for name in ("Content-Type", "Retry-After", "X-OAuth-Scopes"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def _answer(status: int, content: bytes, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = content
    made.headers.update(headers)
    return made


def answer(told: Mapping[str, Any], **headers: str) -> Fault:
    """Answer as Slack does, without forwarding."""
    content = json.dumps(told).encode()
    return lambda _handler, _forward: _answer(200, content, **{"Content-Type": "application/json", **headers})


def refuse(error: str) -> Fault:
    """Answer `ok: false` with an error, without forwarding."""
    return answer({"ok": False, "error": error})


def rate_limit(seconds: int) -> Fault:
    """Answer 429 with Retry-After."""
    content = b'{"ok": false, "error": "ratelimited"}'
    headers = {"Content-Type": "application/json", "Retry-After": str(seconds)}
    return lambda _handler, _forward: _answer(429, content, **headers)


def page(status: int) -> Fault:
    """Answer with a page that is not Slack's, without forwarding."""
    return lambda _handler, _forward: _answer(status, b"<html>busy</html>", **{"Content-Type": "text/html"})


unavailable = page(503)


def lose_request(handler: BaseHTTPRequestHandler, _forward: Callable[[], requests.Response]) -> None:
    """Drop the connection; Slack never hears of the call."""
    handler.connection.close()


def lose_answer(handler: BaseHTTPRequestHandler, forward: Callable[[], requests.Response]) -> None:
    """Let Slack do it, and drop the connection before the answer."""
    forward()
    handler.connection.close()


def hang(seconds: float) -> Fault:
    """Let Slack do it, and answer too late."""

    def later(handler: BaseHTTPRequestHandler, forward: Callable[[], requests.Response]) -> None:
        forward()
        time.sleep(seconds)
        handler.connection.close()

    return later
