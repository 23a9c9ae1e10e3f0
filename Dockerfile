# For `astro dev start` and Astro deployments; the Makefile needs no Docker.
# Only dags/, plugins/, include/ and tests/ are mounted into every container, so the home lies in one of them.
FROM astrocrpublic.azurecr.io/runtime:3.3-2
ENV STOCKWATCH_HOME=/usr/local/airflow/include/var
