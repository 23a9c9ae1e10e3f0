# For `astro dev start` and Astro deployments; the Makefile needs no Docker.
FROM astrocrpublic.azurecr.io/runtime:3.3-2
