"""The endpoints, a module for each subject; importing one registers its routes."""
