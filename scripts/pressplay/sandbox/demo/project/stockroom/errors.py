"""The error that is meant for people."""


class StockroomError(Exception):
    """What was asked is refused; the text says why and what to do."""
