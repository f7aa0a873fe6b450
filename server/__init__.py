"""Gatepost: one script tag, one first-party endpoint, every vendor served from the server."""

__version__ = "0.1.0"
