"""Take presses of Slack's buttons over a socket that we open: for networks that nothing reaches from outside.

The Slack connection's extra needs an `app_token` (xapp-…). One process is enough; it runs until it is told to stop,
beside the scheduler and with the same environment.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")  # connections are read as the API server reads them

from include.stockwatch import orchestration  # noqa: E402
from include.stockwatch.workflows.messages.presses import listen  # noqa: E402


def main() -> int:
    """Listen until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    listen(orchestration.services(), orchestration.slack_inbound(), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
