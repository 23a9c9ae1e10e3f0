"""The ops board: pages over what the other layers know. The plugin hands in who is looking, and what they may see."""
