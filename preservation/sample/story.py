"""What the invented weaver posted: when, in which words, for whom, and what the picture shows. Content only, no drawing."""

from dataclasses import dataclass

from preservation.sample import HANDLE

OWN_SOUND = f"original sound - {HANDLE}"
EVERYONE, FRIENDS, ONLY_ME, NOT_GIVEN = "Everyone", "Friends", "Only me", ""


@dataclass(frozen=True)
class Told:
    """One post. `at` is UTC as the export writes it; `pictures` 0 means a video of `seconds`; `large` means a fine, heavy one."""

    at: str
    title: str
    scene: str
    style: str
    palette: str
    seconds: float = 2.5
    pictures: int = 0
    who: str = EVERYONE
    likes: int = 0
    sound: str = OWN_SOUND
    place: str = ""
    large: bool = False

    @property
    def stem(self) -> str:
        """The name its media are saved under: the time of posting, dashes throughout."""
        return self.at.replace(" ", "-").replace(":", "-")

    @property
    def media_names(self) -> tuple[str, ...]:
        """The names of its media, in order."""
        return tuple(f"{self.stem}-{n + 1}.jpg" for n in range(self.pictures)) or (f"{self.stem}.mp4",)


STORY: tuple[Told, ...] = (
    Told(
        "2024-09-14 08:12:31",
        "First warp on the new loom. Four metres of hope, one crossed thread. #handweaving #fourshafts",
        "shed",
        "calm",
        "linen",
        3.0,
        likes=412,
    ),
    Told(
        "2024-09-17 17:40:02",
        "Kypert på fyra skaft. Man hör när det blir rätt. #vävning",
        "cloth",
        "twill",
        "fjord",
        3.0,
        likes=96,
    ),
    Told(
        "2024-09-21 06:55:49",
        "Madder recipe, as promised:\n1 part dried root\n3 parts rain water\nDate: never on a Monday",
        "vat",
        "",
        "madder",
        2.5,
        likes=1840,
    ),
    Told(
        "2024-09-28 11:30:00",
        "藍は生きもの。今朝の泡はごきげん。 #藍染め",
        "vat",
        "deep",
        "indigo",
        3.0,
        likes=733,
        place="Tokushima",
    ),
    Told(
        "2024-10-03 19:22:17",
        "Swatches from the dye week: weld, madder, woad, and the happy accident",
        "cloth",
        "mixed",
        "rosehip",
        pictures=4,
        likes=2205,
    ),
    Told("2024-10-06 15:03:38", "Aṣọ òkè: bí màmá mi ṣe kọ́ mi. 🧵", "cloth", "plain", "heather", 2.5, likes=518),
    Told("2024-10-11 20:45:10", "winding on, winding down", "ball", "", "lichen", 2.0, likes=77),
    Told(
        "2024-10-19 09:18:26",
        "Cochinilla, limón y paciencia: tres rojos de un solo bicho ❤️",
        "vat",
        "",
        "cochineal",
        2.5,
        likes=3120,
        place="Oaxaca",
    ),
    Told("2024-10-26 13:37:55", "خيط فوق خيط، يوم بعد يوم #نسيج", "cloth", "diamond", "walnut", 2.5, likes=640),
    Told("2024-11-02 07:07:07", "इकत: धागा पहले सपना देखता है, फिर कपड़ा बनता है।", "ikat", "", "indigo", 2.5, likes=1290),
    Told(
        "2024-11-02 07:07:07",
        "Ikat, the still pictures (same second, two posts, sorry)",
        "ikat",
        "",
        "indigo",
        pictures=2,
        likes=288,
    ),
    Told("2024-11-09 18:26:40", "Рушник для сестри. Червоне — це дорога. 🌾", "sampler", "star", "madder", 3.0, likes=904),
    Told("2024-11-16 16:00:21", "Της γιαγιάς μου, κι ακόμα τραγουδάει.", "shed", "quick", "heather", 2.5, likes=365),
    Told("2024-11-24 10:51:33", "조각보: 남은 천이 모여 창이 된다.", "quilt", "", "weld", 2.5, likes=1477),
    Told("2024-12-01 21:09:12", "🧶🪡🧵🐈‍⬛", "ball", "", "cochineal", 2.0, likes=58),
    Told(
        "2024-12-07 12:24:59",
        "The blanket, whole. 96 hours, 2.1 kg of wool, one very patient cat.",
        "cloth",
        "herringbone",
        "fjord",
        4.0,
        likes=5210,
        large=True,
    ),
    Told("2024-12-14 08:33:04", "Gwlân Cymru, tywydd Cymru. 🐑🏴󠁧󠁢󠁷󠁬󠁳󠁿", "knit", "snow", "lichen", 2.5, likes=830),
    Told(
        "2024-12-20 17:15:48",
        "Mittens for the fishermen's choir, all twelve pairs",
        "knit",
        "snow",
        "fjord",
        pictures=3,
        likes=1666,
    ),
    Told(
        "2024-12-24 14:02:30",
        "God jul från mig och vävstolen ✨ (friends only, the table is a mess)",
        "sampler",
        "tree",
        "rosehip",
        2.5,
        who=FRIENDS,
        likes=41,
    ),
    Told("2025-01-04 09:44:20", "New year, new reed: 60/10, do not sneeze", "shed", "quick", "indigo", 2.0, likes=203),
    Told(
        "2025-01-11 19:58:03",
        "Fadenkreuz sortieren: Meditation oder Strafe?",
        "braid",
        "",
        "linen",
        2.0,
        likes=149,
        sound="Slow Reel - The Heddle Trio",
    ),
    Told("2025-01-19 16:08:44", "Navette perdue, navette retrouvée (sous le chat)", "shed", "calm", "rosehip", 2.0, likes=322),
    Told("2025-01-26 11:11:11", "", "wheel", "", "walnut", 2.5, likes=12, who=ONLY_ME),
    Told("2025-02-02 15:36:27", "Carded, spun, plied, washed, sworn at.", "wheel", "", "weld", 2.5, likes=987),
    Told(
        "2025-02-09 20:20:20",
        "the quiet-heron selvedge, not ready to show anyone yet",
        "cloth",
        "rosepath",
        "lichen",
        2.5,
        who=ONLY_ME,
    ),
    Told(
        "2025-02-15 10:05:52",
        "Rosepath sampler, pages 1 to 3 of my pattern book",
        "cloth",
        "rosepath",
        "cochineal",
        pictures=3,
        likes=2750,
    ),
    Told("2025-02-22 07:29:35", "بافتن یعنی صبر کردن", "cloth", "diamond", "indigo", 2.5, likes=455),
    Told(
        "2025-03-01 18:47:14",
        "Kumihimo with students. Eight strands, eight ways to lose count 😅",
        "braid",
        "wide",
        "heather",
        2.5,
        who=FRIENDS,
        likes=33,
    ),
    Told(
        "2025-03-08 13:13:40",
        "8 March: the weavers who taught me, one colour each",
        "quilt",
        "",
        "rosehip",
        pictures=2,
        likes=4012,
    ),
    Told(
        "2025-03-15 09:00:05",
        "Duet with @tidal.dyer.fx: your woad, my weft 💙",
        "ikat",
        "",
        "fjord",
        2.5,
        likes=611,
        sound="original sound - harpa.sounds.fx",
    ),
    Told(
        "2025-03-22 07:41:16", "Spring shearing at Lindö. The noise is the sheep, not me.", "wheel", "", "lichen", 2.5, likes=1023
    ),
    Told(
        "2025-03-30 16:52:08",
        "Overshot coverlet draft, found in a biscuit tin. Anyone know this one?",
        "cloth",
        "overshot",
        "indigo",
        4.0,
        likes=6120,
        large=True,
    ),
    Told(
        "2025-04-06 12:40:44",
        "Tear de pente liso: o primeiro cachecol da Inês (7 anos!) 🎉",
        "cloth",
        "plain",
        "weld",
        2.0,
        who=FRIENDS,
        likes=64,
    ),
    Told(
        "2025-04-13 08:08:28",
        "Knitting the tide table: one row per day, blue for high water",
        "knit",
        "wave",
        "indigo",
        2.5,
        likes=1384,
    ),
    Told(
        "2025-04-19 17:33:51", "Påskägg i flamskvav. Or: what to do with thrums", "sampler", "star", "weld", pictures=3, likes=507
    ),
    Told("2025-04-27 19:05:36", "ทอผ้า ทอใจ", "braid", "", "cochineal", 2.0, likes=276),
    Told(
        "2025-05-10 10:10:10",
        "Open studio, Saturday. Bring your holes, I will show you visible mending.",
        "sampler",
        "tree",
        "fjord",
        2.5,
        likes=719,
        place="Uppsala",
    ),
    Told(
        "2025-05-24 06:30:19",
        "A setting the export forgot to write down, as exports do",
        "ball",
        "",
        "fjord",
        2.0,
        who=NOT_GIVEN,
        likes=88,
    ),
    Told("2025-05-31 20:59:42", "Cut from the loom! Listen to that sound. ✂️", "cloth", "houndstooth", "walnut", 2.5, likes=2418),
    Told("2025-06-01 18:24:57", "What is on the wall this month", "cloth", "mixed", "heather", pictures=4, likes=154),
)
