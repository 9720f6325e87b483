"""The sample deposit: an invented weaver's TikTok export and her media, for the demo and for whoever wants to try a command.

Nobody in it exists. Handles end in `.fx`, mail is at example.org, addresses of machines are from the ranges kept for
documentation (RFC 5737), links look like the platform's and lead nowhere: never fetch them. `make.py` draws and writes it all;
its result is committed in `deposit/`, so that the demo needs no minutes of drawing.

What is in it on purpose: captions in many scripts, two posts in one second, posts for friends only, private posts and one whose
setting the export does not give, a deleted post, photo sets, two videos large enough for a unit of their own, one post whose
video was not handed in (`LEFT_OUT`), and one file that is an error page saved as a video (`NOT_MEDIA`).
"""

from pathlib import Path

DEPOSIT = Path(__file__).parent / "deposit"
EXPORT = DEPOSIT / "TikTok_Data_1748855647.zip"
MEDIA = DEPOSIT / "media"
CONSENT = DEPOSIT / "consent.json"
HANDLE = "runa.weaves.fx"

LEFT_OUT = "2025-03-22-07-41-16.mp4"
NOT_MEDIA = "2025-01-19-16-08-44.mp4"

# Other people's words and names, and her own sensitive data: all in sections that are never taken in. Not even in the package.
NEVER_TAKEN_IN: tuple[str, ...] = (
    "tove.spinner.fx",  # the partner of a conversation; stands in a JSON key
    "blue-kettle-1947",  # words of that conversation
    "moths in the spare room",  # the other conversation
    "nils.reed.fx",  # a follower
    "wooltroll.fx",  # blocked
    "gift.giver.fx",  # sent and got gifts
    "runa.lind@example.org",
    "+46700000117",
    "203.0.113.77",
    "198.51.100.23",
    "7D1C0A5E-51B0-4C8E-9F27-0B64E5D7A913",  # a device
    "Spindelgatan 99",  # her address, from the shop
    "Runa Lind",  # her civil name, likewise
)

# None of these may stand in a log, a catalogue, a flow's parameter or a file name on the shelf.
# The last three belong in the package.
CANARIES: tuple[str, ...] = (
    *NEVER_TAKEN_IN,
    HANDLE,
    "quiet-heron selvedge",  # in the caption of a private post
    "harpa.sounds.fx",  # another's handle in the name of a sound she used
)
