"""Open standards, read and written: WARC, BagIt, OCFL, PREMIS, and digests. Nothing here knows of consent, sites or stages."""
