"""Files in: read → headings → coordinates → check → change set → apply in one transaction."""
