"""Landings: the places where partners' files arrive, be it a folder, an S3-compatible store or an SFTP server."""

from include.stockwatch.adapters.landing.copy import archive
from include.stockwatch.adapters.landing.credentials import Credentials
from include.stockwatch.adapters.landing.listing import Place, look
from include.stockwatch.adapters.landing.store import LandedFile, is_folder

__all__ = ["Credentials", "LandedFile", "Place", "archive", "is_folder", "look"]
