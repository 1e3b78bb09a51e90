"""One module a command: its docstring, `configure(parser)` and `run(arguments) -> exit status`."""
