"""A Channel Access server in asyncio: circuits, search, subscriptions, DBR, filters, access rules.

It knows channels and nothing of records.
"""
