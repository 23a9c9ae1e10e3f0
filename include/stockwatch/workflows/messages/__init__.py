"""Messages on their way to Slack, and what comes back from there."""
