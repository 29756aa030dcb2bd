"""Arbin battery cyclers over CTI, the TCP interface of the vendor's console program."""
