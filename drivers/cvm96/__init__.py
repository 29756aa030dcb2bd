"""Circutor CVM-NRG96 (CVM-96) three-phase power analysers, one or many on an RS-485 bus."""
