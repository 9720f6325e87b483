"""The work, in order. No stage imports another; the steps put them together.

| stage | takes | gives | event | may refuse with |
|---|---|---|---|---|
| consent | a consent document, or a decision about one | the revision in force; a clearance for one act on one thing | consent recorded | `consent-refuses`, `consent-transition-not-allowed` |
| intake | an export and the files saved beside it | a deposit in quarantine, scanned for malware, its media identified and decoded; a report of what it holds | deposit received | `not-a-zip`, `no-posts-read`, `another-account`, `malware-found` |
| packaging | the items that consent lets in | a version in staging: WARC units in a bag in an OCFL object | version planned | `consent-refuses`, `held-bytes-changed` |
| replication | a staged version | copies read back at every site, and the commit | replica completed, version committed, root advanced | `too-few-copies`, `different-bytes`, `read-back-differs` |
| integrity | what every site ought to hold | findings; damaged copies replaced from proved ones | fixity check, replication | `source-not-intact`, `site-unavailable` |
| access | the newest version of a package | plain files, and a site that opens from a folder | | `nothing-held`, `no-intact-copy`, `payload-differs` |
| withdrawal | a withdrawal on record | nothing left at any site, receipts, a tombstone | withdrawal, secrets shredded, deletion, deaccession | `no-withdrawal`, `not-erased` |
"""  # noqa: E501
