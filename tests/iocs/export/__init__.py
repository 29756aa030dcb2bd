"""Tests of what is exported from the declarations of IOCs."""
