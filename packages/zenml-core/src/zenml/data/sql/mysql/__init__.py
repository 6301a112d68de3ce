"""MySQL and MariaDB, read as one stream of rows in one transaction.

PyMySQL's unbuffered cursor is slower than an Arrow-native reader would be, but the one that there is for MySQL under a
permissive licence, connectorx, was tried and left: it executes whatever it is given outside of a read-only
transaction, panics at dates of zeros and when the connection is lost, tries a wrong password for half a minute, and
offers no settings for the session. The values stay bytes in Python; Arrow parses them, in the shard jobs.
"""
