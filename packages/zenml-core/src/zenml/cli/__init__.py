"""The command line: one file per group; a group is imported only when it is used."""
