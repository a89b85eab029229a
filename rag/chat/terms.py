"""Words as the offline assistant compares them: lower case, stemmed, synonyms folded into one concept.

Everything here is a pure function of its argument. Nothing is cached, because the words are users' words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*(?:-[^\W_]+)*")


def listed(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


_STOP = listed(
    """
    one two three first second
    a an the and or but if so as of at by for from in into on onto to with within about than then there here is
    are was were be been being am do does did done doing have has had having will would shall should can could
    may might must i me my mine myself we us our ours you your yours he him his she her it its they them their
    theirs this that these those who whom whose which what when where why how not no nor yes yeah yep nope ok
    okay please just also too very really actually still even only again already yet hi hello hey thanks thank
    cheers sorry well right sure great good fine nice cool oh hmm um know tell say said ask asked like want
    wanted need needed wish think guess mean meant get gets got getting give gave given let make makes made go
    goes going gone come comes take takes taking took use using used see look thing things stuff something
    anything everything someone anyone way lot bit kind sort much many long often big far any some all every
    each other another more most less least few both either possible able allowed supposed happen happens
    happened work works im ive dont doesnt didnt cant couldnt wont wouldnt isnt arent wasnt werent havent hasnt
    whats wheres hows thats theres youre youve i'm i've i'd i'll don't doesn't didn't can't couldn't won't
    wouldn't isn't aren't wasn't weren't haven't hasn't what's where's how's that's it's there's you're you've
    they're let's who's when's question help problem issue trouble exactly basically currently now today soon
    ago until since during while cannot otherwise whenever besides although though because once ever never
    always usually maybe perhaps quite anyway kindly hope trying try tried find found happy tells told says high
    low tall old new ones turned somebody nobody ur u pls plz whether per via
    """
)

_GROUPS = """
    delivery deliver delivers delivered delivering deliveries shipping ship ships shipped shipment shipments
    delivery shipping postage dispatch dispatched courier
    price prices priced pricing cost costs costing fee fees expensive rate rates
    return returns returned returning sendback
    refund refunds refunded refunding reimbursement reimburse moneyback money cash
    parcel parcels package packages box
    order orders ordered ordering purchase purchases purchased purchasing buy buying bought
    damaged damage smashed squashed crushed soaked leaking leaks leak broken broke break breaks faulty
    damaged defective torn ripped rip tear smashed cracked defect fault
    repair repairs repaired repairing fix fixed fixing mend mended
    warranty guarantee guaranteed
    phone telephone ring
    e-mail email mail mails emails e-mails
    password passwords passcode
    forgot forgotten forget forgets
    delete deletes deleted deleting deletion remove removed removing erase erased close closing
    cancel cancels cancelled canceled cancelling cancellation
    change changes changed changing edit modify switch amend alter
    update updates updated updating refresh refreshes refreshed
    pay pays paying paid payment payments charge charges charged charging
    voucher vouchers code codes coupon coupons promo
    discount discounts discounted
    wash washing washed washes laundry clean cleaning
    shoe shoes footwear boot boots trainers sneakers
    pack packs backpack backpacks rucksack rucksacks
    waterproof waterproofing rainproof watertight
    size sizes sizing
    kid kids child children childrens
    missing lost lose vanished disappeared
    late delayed delay delays overdue
    track tracking tracked tracker trace
    exchange exchanges exchanged exchanging swap swapped swapping swop swopping
    account accounts profile
    uk britain england kingdom scotland wales british
    eu europe european
    usa america american states
    minute minutes
    day days
    week weeks
    month months
    year years
    member membership members
    customs duty duties import
    card cards visa mastercard amex
    instalment instalments installment installments
    invoice invoices receipt receipts
    complain complaint complaints complaining
    outage outages offline crash crashed
    depot depots
    underwear pants knickers briefs
    birthday present presents gift gifts
    chat conversation conversations
    open opens opened opening hours
    weight weigh weighs weighing weighed heavy kg grams
    deep depth
    job jobs career careers vacancy
    status statuses
    store stores stored storing keep keeps kept save saved
    sign login signin log-in sign-in
    two-factor 2fa authenticator
    student students
    address addresses
    tent tents
    jacket jackets coat coats parka
    zip zips zipper zippers
    wrong incorrect mistaken
    expire expires expired expiry expiration valid validity
    contact reach call calling speak talk
    begin start starts begins starting
    maximum max limit limits limited most
    minimum min least
    fast faster quick quickly express urgent
    island islands
    pickup pick-up fetch fetched collect collection collecting collected
    cheque cheques
    arrive arrives arrived arriving arrival came come comes reached
    cheaper cheap drop drops dropped reduced reduction
    adjust adjustment
    replace replaced replacement replacing resend resent resending
    quote quotes offer
    home house doorstep door
    carrier driver postman courier dhl ups
    attempt attempts try tries
    print printer printed printing
    club clubs team teams company scouts school group
    trousers pants jeans
    hoodie hoodies jumper jumpers sweater sweaters fleece
    warm warmth cold
    temperature degrees
    breathable breathability membrane membranes
    reset resetting
    cart basket baskets
    gdpr privacy private personal
    export download downloads downloaded
    cookie cookies
    human agent person staff advisor
    deaf blind disabled disability accessibility accessible wheelchair
    married surname rename
    share sharing shared
    wife husband partner family relatives brother sister son daughter
    crypto bitcoin cryptocurrency ethereum
    session sessions
    customer customers client clients shopper shoppers
    tab tabs
    safe safely secure security
    data information info
    bulk wholesale
    sustainable sustainability recycled eco environment environmental environmentally green
""".strip().split("\n")

_CONCEPTS = {word: group.split()[0] for group in _GROUPS for word in group.split()}
_CONCEPTS.pop("green")
_PHRASES = (
    (re.compile(r"\bUS\b"), "usa"),
    (
        re.compile(
            r"\bwhere(?:['’]?s| is)? (?:my|our|the) (order|parcel|package|delivery|stuff)\b(?! go)", re.IGNORECASE
        ),
        r"track \1",
    ),
    (
        re.compile(
            r"\b(?:send|sent|bring|brought|give|gave|take|took|post|posted|ship|shipped|"
            r"hand)(?:ing)?((?: \w+){0,3}) back\b",
            re.IGNORECASE,
        ),
        r"return\1",
    ),
    (re.compile(r"\b(?:money|cash)(?: \w+)? back\b|\bmy money\b", re.IGNORECASE), "refund"),
    (
        re.compile(r"\b(?:turn|turned|show|showed|shown)(?:ing)? up\b|\bget here\b|\bgot here\b", re.IGNORECASE),
        "arrive",
    ),
    (re.compile(r"\b(?:came|come|comes|fell|fallen|falling) (?:off|apart)\b", re.IGNORECASE), "broken"),
    (re.compile(r"\btop up\b", re.IGNORECASE), "topup"),
)

_SUFFIXES = (
    ("ations", "at"), ("ation", "at"), ("ements", ""), ("ement", ""), ("ments", ""), ("ment", ""), ("nesses", ""),
    ("ness", ""), ("ingly", ""), ("edly", ""), ("able", ""), ("ability", ""), ("ies", "y"), ("ied", "y"),
    ("ing", ""), ("ers", ""), ("er", ""), ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip

MONEY = re.compile(
    r"[£€$]\s?\d|\d\s?(?:CHF|GBP|EUR|USD|%)|\bfree\b|\bpounds?\b|\bno (?:extra )?(?:charge|cost|fee)", re.IGNORECASE
)
DURATION = re.compile(
    r"\d+\s*(?:[-–]|to)?\s*\d*\s*(?:working |business |bank |calendar )?(?:min|minute|hour|h\b|day|week|month|year)|"
    r"\b(?:next|same)[ -](?:working )?day|instant|immediately|\b\d{1,2}(?::\d\d)\b|\b\d{1,2} (?:Jan|Feb|"
    r"Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d")

_MAY_HOLD_PHRASE = re.compile(r"\b(?:back|up|here|off|apart|money|US|where|wheres)\b", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The words of a text in lower case, with straight apostrophes."""
    if _MAY_HOLD_PHRASE.search(text):
        for pattern, new in _PHRASES:
            text = pattern.sub(new, text)
    return [match[0].lower().replace("’", "'") for match in WORD.finditer(text)]


def concept(word: str) -> str:
    """The concept of a lower-case word: its synonym group, else its stem."""
    known = _CONCEPTS.get(word)
    if known is not None:
        return known
    bare = word.removesuffix("'s")
    root = stem(bare)
    return _CONCEPTS.get(bare) or _STEMMED.get(root) or root


def stem(word: str) -> str:
    """A light suffix stripper: enough to match inflections, never shorter than three letters."""
    if len(word) < 4 or not word.isalpha():
        return word
    for suffix, new in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) + len(new) >= 3 and not word.endswith("ss"):
            root = word[: -len(suffix)] + new
            return root[:-1] if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "aeiouls" else root
    return word


def is_content(word: str) -> bool:
    """False for words that say nothing about a topic."""
    return word not in _STOP and (len(word) > 1 or word.isdigit())


def content_words(text: str) -> list[str]:
    return [word for word in words(text) if is_content(word)]


def concepts(text: str) -> list[str]:
    """The concepts of the content words, in order, each once."""
    return list(dict.fromkeys(concept(word) for word in content_words(text)))


def bag(text: str) -> frozenset[str]:
    """The concepts that a text covers; parts of hyphenated words count too."""
    found = words(text)
    parts = [part for word in found if "-" in word for part in word.split("-")]
    return frozenset(concept(word) for word in (*found, *parts) if is_content(word))


def distinct(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


_STEMMED = {stem(word): group for word, group in _CONCEPTS.items()}
