"""The ways in which people state facts: “my name is …”, “send it to …”, “I ordered …”. Each function reads one clause
that is not a question and returns what it states. No memory here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.chat import values
from rag.chat.terms import listed
from rag.chat.voice import second_person


@dataclass(frozen=True, slots=True)
class Found:
    """One stated value; `said` is it in the second person. An aside is already told by another one's `said`."""

    key: str
    value: str
    said: str
    aside: bool = False


_I = re.IGNORECASE
_CUT = re.compile(
    r"(?<!\bSt)[.!?;](?:\s|$)|\s+(?:[-–—])\s+|,?\s+(?:and|but|so|because|please|thanks|instead|though|if|"
    r"which|while|since|or)\b(?:,| (?:i|i'm|i've|my|it|it's|the|we|please|would|want|send|they|you|not|"
    r"need|that|can|is|he|she)\b|$)|"
    r",\s*(?:not|please|thanks|thank you|instead|by the way|btw|i|i'm|my|it|and|but|so|because|sorry|"
    r"actually|the|right|ok)\b|\s+(?:please|instead|by the way|btw|now|then|thanks)\W*$",
    _I,
)
_NAME = re.compile(
    r"\b(?:my (?:full |first |last |sur|real )?name(?:'s|’s| is)(?: actually| now)?|call me|(?:i am|i'm|"
    r"i’m) called|name:)\s+(?P<v>[^\W\d_].*)",
    _I,
)
_IM = re.compile(
    r"(?:^|[,.!]\s*)(?i:hi|hello|hey)?[ ,]*(?:I'm|I’m|I am|[Tt]his is|[Ii]t's|[Ii]t is|i'm|"
    r"i am)\s+(?P<v>[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2})(?=$|[\s,.!])(?! (?:order|delivery|street))"
)
_NO_NAME = listed(
    "Sorry Not Just Still Also Very So In At From On Looking Having Trying Waiting Happy Sure Fine Good "
    "OK Okay Plus Visa Klarna PayPal"
)
_ADDRESS = re.compile(
    r"\b(?:(?:my|the|our|delivery|shipping|new|home|postal|correct|right|work|"
    r"billing)\s+)*address(?:\s+(?:is|was|should be|will be|changed to|for \w+ is)(?: now| actually)?|'s|"
    r"’s|:)\s+(?P<v>.+)",
    _I,
)
_LIVE = re.compile(
    r"\b(?:i|we)(?:'m|’m|'re| am| are)?(?: now| currently| actually)? (?:live|living|stay|staying|moved|"
    r"reside|based|located)(?: now)? (?:at|in|to|on|near|outside)\s+(?P<v>.+)",
    _I,
)
_SEND = re.compile(
    r"\b(?:go|goes|going|sent|send|sending|deliver|delivered|delivering|ship|shipped|shipping|post|posted|"
    r"bring|addressed)(?: (?:it|them|that|this|everything|my \w+|the \w+|mine|out|all))?(?: is| be|"
    r" should be| go)? to\s+(?!me\b|you\b|us\b(?! )|return|know|see|ask|buy|get)(?P<v>.+)",
    _I,
)
_IN = re.compile(
    r"\b(?:i'm|i’m|i am|we're|we are|im) (?:currently |now |actually |writing )?(?:in|from|at)\s+(?P<v>.+)", _I
)
_COUNTRY_IS = re.compile(r"\b(?:my |the )?(?P<k>country|city|town)(?: is|'s|:)\s+(?P<v>.+)", _I)
_MY = re.compile(
    r"\b(?:my|our|the) (?P<k>(?!name\b|address\b)[a-z][\w’'-]*(?: (?!is\b|are\b|was\b|were\b|has\b|will\b|"
    r"called\b)[a-z][\w’'-]*){0,3})(?:'s|’s| is| are| was| were| will be)(?: called| named| now| actually|"
    r" still)?\s+(?P<v>.+)",
    _I,
)
_VERBS = r"ordered|bought|purchased|got|received|picked|chose|returned|sent back|paid for|placed an order for"
_ITEM = re.compile(
    rf"\b(?:i|we)(?:'ve|’ve| have| had)?(?: just| already| also| only| recently| now|"
    rf" actually)* (?P<verb>{_VERBS})\s+(?P<v>.+)",
    _I,
)
_WANT = re.compile(
    r"\b(?:i|we)(?:'d|’d|'m|’m| am| would)?(?: also| just| really| still)* (?P<verb>(?:want|need|like|"
    r"love|wish|plan|planning|going|looking|hoping|trying) to (?:buy|order|return|exchange|get|send back|"
    r"purchase|swap|replace|wear|give)|looking for|want|need)\s+(?P<v>(?:a|an|the|my|some|two|three|four|"
    r"\d+|this|these)\b.+)",
    _I,
)
_IT_IS = re.compile(
    r"\b(?:it|that)(?:'s|’s| is| was) (?:for )?(?P<v>(?:an?|two|three) (?!gift|present|bit|pity|"
    r"shame)(?:[\w’'-]+ ){0,3}?"
    r"(?:jacket|coat|boots?|shoes?|tent|pack|backpack|rucksack|fleece|trousers|shirt|t-shirt|hat|gloves|socks|hoodie|"
    r"parka|vest|shorts|dress|sweater|jumper|sleeping bag|mat|stove|lamp)\b.*)",
    _I,
)
_NOUN_END = re.compile(
    r"\s+(?:on|in|for|from|last|yesterday|today|with|at|to|which|that|because|and (?:it|they|i|paid|want|"
    r"the)|but|by|via|using|about|over|a week|a month|two|three|under|as|when|this|\d+ (?:days|weeks|"
    r"months))\b|[,;.!?(]",
    _I,
)
_ARTICLE = re.compile(r"(?:a|an|the|my|some|this|these|our) ", _I)
_ORDERED = re.compile(r"\b(?:order(?:ed)?|bought|purchased?|placed)\b", _I)
_ARRIVED = re.compile(r"\b(?:arrived?|came|delivered|received|got|delivery)\b", _I)
_KEYS = (
    (re.compile(r"\b(?:order|purchase)(?: number| no\.?| id)?$", _I), "order"),
    (re.compile(r"\b(?:e-?mail)(?: address)?$", _I), "e-mail address"),
    (re.compile(r"\b(?:phone|telephone|mobile|cell)(?: number)?$", _I), "phone number"),
    (re.compile(r"\b(?:shoe|boot|foot) size$", _I), "shoe size"),
    (re.compile(r"^(?:clothing |jacket |usual |normal )?size$", _I), "size"),
    (re.compile(r"^colou?r$", _I), "colour"),
    (re.compile(r"\b(?:post ?code|zip ?code)$", _I), "postcode"),
    (re.compile(r"^(?:country|city|town)$", _I), "place"),
    (re.compile(r"\bbudget$", _I), "budget"),
)


def cut(text: str) -> str:
    """A value up to where the clause goes on about something else."""
    text = _CUT.split(text.strip(), maxsplit=1)[0]
    return text.strip(" .,;:!\"'“”")


def named(clause: str) -> list[Found]:
    """Name, and anything said as “my X is Y”."""
    found: list[Found] = []
    name = _name(clause)
    if name:
        found.append(Found("name", name, f"your name is {name}"))
    if (
        not values.EMAIL.search(clause)
        and not values.ORDER.search(clause)
        and re.search(r"\b(?:phone|mobile|number|call|ring|reach|cell|\+\d)", clause, _I)
    ):
        phone = values.PHONE.search(values.DATE.sub(" ", clause))
        if phone and sum(char.isdigit() for char in phone[0]) >= 7:
            found.append(Found("phone number", phone[0], f"your phone number is {phone[0]}"))
    match = _MY.search(clause)
    if match:
        key, value = _key(match["k"]), cut(match["v"])
        if values.ORDER.search(match["k"]):
            return found
        typed = key in ("order", "e-mail address", "phone number", "return number") and not re.search(r"\d", value)
        taken = any(
            pattern.search(value) for pattern in (values.ORDER, values.EMAIL, values.RETURN_NUMBER, values.GIFT_CARD)
        )
        if value and not typed and not taken and not any(one.key == key for one in found):
            found.append(
                Found(
                    key,
                    value,
                    f"your {match['k'].lower() if key not in KNOWN else key} is {value}"
                    if match[0].lower().startswith(("my", "our"))
                    and " are " not in match[0]
                    and " was" not in match[0]
                    and " were" not in match[0]
                    and " will " not in match[0]
                    else second_person(cut(clause[match.start() :])),
                )
            )
    return found


KNOWN = frozenset({"order", "e-mail address", "phone number", "shoe size", "size", "colour", "postcode", "budget"})


def places(clause: str) -> list[Found]:
    """Where something goes and where the person is."""
    for pattern, going in ((_ADDRESS, True), (_SEND, True), (_LIVE, False), (_IN, False), (_COUNTRY_IS, False)):
        match = pattern.search(clause)
        if match is None:
            continue
        value = cut(match["v"])
        if re.search(r"\d", value) or _street(value) or pattern is _ADDRESS:
            if (
                len(value.split()) <= 14
                and value
                and not value.lower().startswith(("wrong", "missing", "incomplete", "not "))
            ):
                return [
                    Found(
                        "address", value, f"it is going to {value}" if pattern is _SEND else f"the address is {value}"
                    ),
                    *_country_of(value),
                ]
            continue
        place = values.PLACE.match(value)
        if place:
            name = _place_name(place[0])
            return [Found("place", name, f"it is going to {name}" if going else f"you are in {name}")]
        if pattern is _SEND and re.match(r"(?:my|our|the) (?!depot|help)", value, _I) and len(value.split()) <= 5:
            where = second_person(value)
            return [Found("address", where, f"it is going to {where}"), *_country_of(value)]
    street = _street(clause)
    return [Found("address", street, f"the address is {street}"), *_country_of(street)] if street else []


def items(clause: str) -> list[Found]:
    """What was bought or is wanted, with size, colour, date and amount as asides."""
    found: list[Found] = []
    match = _ITEM.search(clause) or _WANT.search(clause) or _IT_IS.search(clause)
    if match:
        thing = _noun(match["v"])
        wanted = match.re is _WANT
        if (
            thing
            and not values.ORDER.search(thing)
            and not re.match(
                r"(?:it|them|an? (?:e-?mail|message|question|refund|problem|order|answer|code|link|"
                r"invoice)|my (?:money|order|refund|account|password)|the (?:wrong|e-?mail|message|"
                r"tracking)|help|to)\b",
                thing,
                _I,
            )
        ):
            said = second_person(cut(clause[match.start() :]))
            found.append(Found("wish" if wanted else "item", thing, said))
    found += _asides(clause, bool(found))
    found += _standing(clause)
    return found


def _standing(clause: str) -> Iterator[Found]:
    """How this person paid, and their membership: answers depend on these."""
    paid = values.PAYMENT.search(clause)
    if paid and re.search(r"\b(?:paid|pay|payment|paying|used)\b", clause, _I):
        yield Found("payment", paid[0], second_person(cut(clause)))
    member = re.search(r"\b(plus|larkspur plus)\b(?:[ -]member(?:ship)?)?", clause, _I)
    if (
        member
        and re.search(r"\b(?:i|i'm|i’m|im|we) ?(?:am|have|'m|are|joined|got|bought|subscribed)?\b", clause, _I)
        and not re.search(r"\bnot\b|n't\b|cancel|want|join\b", clause, _I)
    ):
        yield Found("membership", "Plus", second_person(cut(clause)))


def _asides(clause: str, told: bool) -> Iterator[Found]:
    size = values.SIZE.search(clause)
    if size:
        value = next(group for group in size.groups() if group)
        key = "shoe size" if values.SHOES.search(clause) else "size"
        yield Found(key, value, f"your {key} is {value}" if key == "shoe size" else f"the size is {value}", told)
    colour = values.COLOUR.search(clause)
    if colour and not re.search(r"\bfavou?rite\b", clause, _I):
        yield Found("colour", colour[1], f"the colour is {colour[1]}", told)
    date = values.DATE.search(clause)
    if date and not re.fullmatch(r"today|tomorrow", date[0], _I):
        yield _dated(clause, date[0], told)
    amount = values.AMOUNT.search(clause)
    if amount:
        yield Found("amount", amount[0], f"the amount is {amount[0]}", told)


def _dated(clause: str, date: str, told: bool) -> Found:
    when = date if re.match(r"\d{1,2}\b(?!\D*(?:ago|days|weeks))", date) is None else f"on {date}"
    if _ARRIVED.search(clause) and not re.search(r"\bordered\b|\bbought\b", clause, _I):
        return Found("delivery date", date, f"it arrived {when}", told)
    if _ORDERED.search(clause):
        return Found("order date", date, f"you ordered {when}", told)
    return Found("date", date, second_person(cut(clause)), told)


def _name(clause: str) -> str:
    match = _NAME.search(clause)
    if match:
        raw = cut(match["v"]).split(",")[0]
        words = re.findall(r"[^\W\d_][\w’'.-]*", raw)
        if any(word[0].isupper() for word in words):
            words = _while(
                words, lambda word: word[0].isupper() or word in ("de", "van", "von", "der", "da", "di", "la")
            )
        stop = ("and", "but", "from", "i", "by", "not", "with")
        return " ".join(_while(words, lambda word: word.lower() not in stop)[:4])
    match = _IM.search(clause)
    if (
        match
        and not any(char.isdigit() for char in match["v"])
        and match["v"].split()[0] not in _NO_NAME
        and not values.COUNTRY.fullmatch(match["v"])
        and not values.COLOUR.fullmatch(match["v"])
        and not values.DATE.fullmatch(match["v"])
    ):
        return match["v"]
    return ""


def _while(words: list[str], keep: Callable[[str], bool]) -> list[str]:
    kept = []
    for word in words:
        if not keep(word):
            break
        kept.append(word)
    return kept


def _key(said: str) -> str:
    said = said.strip().lower().replace("’", "'")
    for pattern, key in _KEYS:
        if pattern.search(said):
            return key
    return said


def _street(text: str) -> str:
    for pattern in (values.STREET, values.STREET_ABROAD, values.STREET_LOWER):
        match = pattern.search(text)
        if match:
            return match[0].strip(" ,.")
    return ""


def _country_of(address: str) -> list[Found]:
    key = values.country_key(address)
    return [Found("place", values.COUNTRIES[key], f"it is going to {values.COUNTRIES[key]}", aside=True)] if key else []


def _place_name(text: str) -> str:
    key = text.lower().removeprefix("the ")
    return values.COUNTRIES.get(key, text.strip(" ,."))


def _noun(text: str) -> str:
    return _NOUN_END.split(cut(text), maxsplit=1)[0].strip(" .,;:!")
