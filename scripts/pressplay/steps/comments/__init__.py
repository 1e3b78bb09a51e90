"""What people say on a pull request, and the answers."""
