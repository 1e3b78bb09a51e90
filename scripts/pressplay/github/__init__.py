"""GitHub: access as an App, and everything that we do there, a module for each subject.

Answers are read as JSON, not through githubkit's models: those take most of a second to import, which every step
would pay. That GitHub's answers have the fields we read is tested against the models.
"""
