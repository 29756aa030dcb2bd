"""Studer Xcom gateways: inverters, solar chargers and batteries of an off-grid site."""
