"""What is compared with the truth each minute: waits, lost events, leftovers."""
