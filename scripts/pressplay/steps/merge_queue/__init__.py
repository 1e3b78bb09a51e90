"""Groups of GitHub's merge queue: who is in one, and the check on its commit."""
