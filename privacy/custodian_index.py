"""
What a custodian's index remembers: keyed hashes, lengths, times and signed manifests.

No account's name is in it, no session's id and no word.  `staff` and `forgotten` hold accounts that
were declared to be staff, and those that are never to be sealed again.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    account BLOB, record BLOB, session BLOB, PRIMARY KEY (account, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keeper (
    one INTEGER PRIMARY KEY CHECK (one = 1), floor TEXT, signing TEXT, number INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS forgotten (account BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staff (account BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed (
    session BLOB PRIMARY KEY, content BLOB, size INTEGER, batch INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telemetry (
    session BLOB PRIMARY KEY, content BLOB, points INTEGER, began INTEGER, batch INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, digest TEXT, slots INTEGER, size INTEGER, manifest BLOB
) STRICT;
"""
