"""The lint gate: which commands a project's files ask for, the script that runs them, what its exit status means."""
