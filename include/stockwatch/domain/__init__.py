"""The pure core: tables in, tables out. No clock, environment, network, files or Airflow."""
