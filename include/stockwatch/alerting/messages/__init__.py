"""What is told, as Slack shows it."""
