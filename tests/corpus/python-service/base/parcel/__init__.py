"""Quotes the price of sending a parcel."""

VERSION = "1.4.0"
