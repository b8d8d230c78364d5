"""Thin routers: parse the request, call one function of a room, answer."""
