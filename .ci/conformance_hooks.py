"""What schemathesis does not know of our API by itself."""

import schemathesis

# The bytes of an upload travel as they are (tus 1.0).
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
