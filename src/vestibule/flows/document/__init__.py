"""The configuration as one readable document: tables of fields that read and write it."""
