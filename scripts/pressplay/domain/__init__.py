"""The domain's types: roles, flows and the ledger's entries. Imports nothing of ours but names and errors."""
