"""Tests of the operator screens."""
