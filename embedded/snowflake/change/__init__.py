"""Streams: the changes of a table since an offset."""
