"""The process around an IOC: settings, command line, serving, autosave, logs."""
