"""How often the gates approve what is wrong, and refuse what is right: trials over a corpus of known changes."""
