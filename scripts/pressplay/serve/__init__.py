"""Comments of pull requests for agents and people: over MCP and over HTTP, read-only (FR9).

One table of operations (`operations`) is served twice, as tools (`tools`) and as addresses (`app`), with the same
arguments, messages and answers. What people wrote is data in all of them: quoted in Markdown, a field in JSON, never
interpreted.

Nothing here is imported unless `pressplay serve` runs: its libraries are the extra `serve`.
"""
