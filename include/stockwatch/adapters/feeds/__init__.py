"""Reading partner files: one module per format, each giving texts; `binding` gives the texts their meaning."""
