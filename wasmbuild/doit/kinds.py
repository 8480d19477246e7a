"""What the reporter tells our tasks by: an entry of their ``meta``, and its values."""

META = "wasmbuild"

OUTDATED = "outdated"
UP_TO_DATE = "up-to-date"
MANIFESTS = "manifests"
