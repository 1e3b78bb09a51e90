"""What `reconcile` does each minute: waits, lost events, cleanup."""
