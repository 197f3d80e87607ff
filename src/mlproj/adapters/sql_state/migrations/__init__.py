"""Revisions of the state database, oldest first. A new one is a file in `versions` and an entry here."""

REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]

# What the JSON in the tables looks like. Raise it when an older mlproj could not read what this one writes; a state of
# an older format is refused. 2: features and row sets carry fingerprints of their own, commits say what they changed.
FORMAT = 2
