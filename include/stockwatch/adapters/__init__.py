"""All input and output: partner files, the lake, the state store, data quality, Slack."""
