"""Why an expression has no value."""


class ExpressionError(Exception):
    """An expression that cannot be parsed or evaluated; the text says why."""


class UnknownName(ExpressionError):
    """An expression that uses a variable which is not there."""


class UnknownFunction(ExpressionError):
    """An expression that calls a function which this engine does not have, or uses syntax that it does not know."""
