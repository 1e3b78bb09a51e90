"""Looks into access logs."""
