"""What every room builds on: the context, verdicts, parking, landing, consent."""
