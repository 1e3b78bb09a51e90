"""Coding agents' command lines: an adapter for each, and what they share (`pressplay agent NAME`).

An adapter (`adapter.Adapter`) says how its command line is started and how its report is read. Everything else is
shared: tools (`servers`), limits and stalls (`process`), classes of failure (`failures`), what is handed over (`run`).
Others add theirs by an entry point of the group `pressplay.agents` (`registry`).
"""
