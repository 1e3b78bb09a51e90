"""The proof of a commit as a document: an in-toto Statement of what was shown of it, signed by the harness."""
