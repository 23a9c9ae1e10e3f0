"""Settings as data: the models of every file in the config folder, and the loader that explains mistakes."""
