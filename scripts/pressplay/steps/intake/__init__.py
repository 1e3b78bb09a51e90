"""Work that comes from issues and alerts."""
