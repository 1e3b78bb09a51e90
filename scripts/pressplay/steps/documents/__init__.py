"""Documents of tasks, which Morgan writes."""
