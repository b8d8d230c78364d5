"""mapsvc: 一网四图, the four maps of county and township emergency management."""

__version__ = "0.1.0"
