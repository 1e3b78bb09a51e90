"""The part of expr-lang (the language inside `{{=…}}`, `expression:` and `depends:`) that the chart uses."""

from pressplay.sandbox.engine.expression.errors import ExpressionError, UnknownFunction, UnknownName
from pressplay.sandbox.engine.expression.programs import Program, program

__all__ = ["ExpressionError", "Program", "UnknownFunction", "UnknownName", "program"]
