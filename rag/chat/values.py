"""Shapes of the values that customers state: order numbers, addresses, sizes, dates … Only shapes, no memory."""

from __future__ import annotations

import re

from rag.chat.terms import listed

ORDER = re.compile(r"\bORD[-\s]?\d{3,8}\b", re.IGNORECASE)
RETURN_NUMBER = re.compile(r"\bRMA[-\s]?\d{4,10}\b", re.IGNORECASE)
GIFT_CARD = re.compile(r"\bLARK(?:-[A-Z0-9]{4}){1,3}\b", re.IGNORECASE)
EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
PHONE = re.compile(r"(?<![\w-])\+?\(?\d{2,5}\)?(?:[\s.-]?\d{2,5}){2,4}(?![\w-])")

COLOURS = (
    "black|white|red|green|blue|navy|yellow|orange|purple|pink|brown|gr[ae]y|beige|teal|olive|khaki|turquoise|"
    "burgundy|maroon|cream|sand|charcoal|silver|gold|mustard|violet|tan|rust|moss"
)
COLOUR = re.compile(
    rf"\b((?:(?:dark|light|pale|bright|forest|navy|sky|royal|moss|sea) )?(?:{COLOURS}))\b", re.IGNORECASE
)

_LETTER_SIZE = r"(?:X{1,3}|[2-5]X)?[SL]\b|M\b|x+-?(?:small|large)|extra[- ](?:small|large)|small|medium|large"
_SIZE = rf"(?:(?:UK|EU|US)\s?)?\d{{1,3}}(?:[.,]5|½)?(?!\d|\s?(?:cm|mm|kg|l\b|%))|{_LETTER_SIZE}"
SIZE = re.compile(
    rf"\bsizes?(?: is| was| of|:)?(?: an?)? ({_SIZE})\b|\b((?:UK|EU|US)\s?(?:size )?\d{{1,2}}(?:[.,]5)?)\b|"
    rf"\b(?:take|wear|need|usually|normally|an?|in|it'?s|make (?:it|that)) (?:an? )?({_LETTER_SIZE})\b",
    re.IGNORECASE,
)
LONE_SIZE = re.compile(rf"(?:an? |the |size )*({_SIZE})$", re.IGNORECASE)
SHOES = re.compile(r"\b(?:shoe|boot|footwear|trainer|sneaker|foot|feet)s?\b", re.IGNORECASE)

_STREETS = (
    "Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Close|Drive|Way|Place|Square|Court|Crescent|Terrace|Gardens?|Grove|Hill|Row|"
    "Mews|Park|Boulevard|Blvd|Quay|Walk|Green|Yard|View|Rise|Parade|Wharf|Mount"
)
STREET = re.compile(
    rf"\b(?:(?:flat|apartment|apt|unit) \w+,? )?\d+[a-z]?,? (?:[A-Z][\w’'-]*\.? ){{1,4}}?(?:{_STREETS})\b\.?"
    r"(?:,? (?:[A-Z][\w’'-]+(?: (?=[A-Z]))?)+(?: ?\d\w{0,3}(?: \d[A-Z]{2})?)?)*",
)
STREET_LOWER = re.compile(rf"\b\d+[a-z]? (?:[a-z’'-]+ ){{1,3}}(?:{_STREETS})\b(?:, [a-z]+)?", re.IGNORECASE)
STREET_ABROAD = re.compile(
    r"\b[A-ZÄÖÜÅØ][\w’'-]*(?:straße|strasse|weg|platz|gasse|allee|gata|gate|vei|veien|laan|straat) \d+\w?"
    r"(?:,? \d{4,5})?(?:,? [A-ZÄÖÜÅØ][\w-]+)*|\b(?:Rue|Via|Calle|Avenue|"
    r"Rua) (?:[\w’'-]+ ){1,4}\d+(?:,? \d{4,5})?(?:,? [A-Z][\w-]+)*"
)
POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")

COUNTRIES = {
    "uk": "the UK", "united kingdom": "the United Kingdom", "england": "England", "scotland": "Scotland",
    "wales": "Wales",
    "northern ireland": "Northern Ireland", "ireland": "Ireland", "eu": "the EU", "us": "the US", "usa": "the USA",
    "united states": "the United States", "america": "America", "canada": "Canada", "norway": "Norway",
    "switzerland": "Switzerland", "germany": "Germany", "france": "France", "spain": "Spain", "italy": "Italy",
    "portugal": "Portugal", "austria": "Austria", "belgium": "Belgium", "netherlands": "the Netherlands",
    "holland": "Holland", "denmark": "Denmark", "sweden": "Sweden", "finland": "Finland", "poland": "Poland",
    "greece": "Greece", "iceland": "Iceland", "australia": "Australia", "new zealand": "New Zealand",
    "japan": "Japan",
    "china": "China", "india": "India", "brazil": "Brazil", "mexico": "Mexico", "czechia": "Czechia",
    "hungary": "Hungary",
    "romania": "Romania", "croatia": "Croatia", "estonia": "Estonia", "luxembourg": "Luxembourg", "turkey": "Turkey",
}  # fmt: skip
IN_EU = listed(
    "germany france spain italy portugal austria belgium netherlands holland denmark sweden finland "
    "poland greece czechia "
    "hungary romania croatia estonia luxembourg ireland"
)
_COUNTRY = "|".join(sorted((name for name in COUNTRIES if name != "us"), key=len, reverse=True))
COUNTRY = re.compile(rf"\b(?:(?:the )?(?:{_COUNTRY})\b|(?i:the )(?-i:US)\b|(?-i:US)\b)", re.IGNORECASE)
PLACE = re.compile(
    rf"(?:the )?(?:[A-ZÄÖÜÅØ][\w’'.-]+(?:(?:, | (?:of|upon|on|the|and|in) |"
    rf" )(?:the )?[A-ZÄÖÜÅØ][\w’'.-]+)*)|(?i:(?:the )?(?:{_COUNTRY})\b)"
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_COUNT = r"(?:\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a few|a couple of)"
DATE = re.compile(
    rf"\b(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?:,? \d{{4}})?|\b{_MONTH} \d{{1,2}}(?:st|nd|"
    rf"rd|th)?\b(?:,? \d{{4}})?|"
    rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|\b(?:last|this|next) (?:week|month|"
    rf"year|{_DAY})\b|"
    rf"\b(?:yesterday|today|tomorrow|the day before yesterday)\b|\b(?:about |over |"
    rf"almost )?{_COUNT} (?:days?|weeks?|months?|years?) ago\b|\b{_DAY}\b",
    re.IGNORECASE,
)
AMOUNT = re.compile(
    r"[£€$]\s?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*(?:\.\d+)? ?(?:pounds|euros?|dollars|CHF|GBP|EUR|USD)\b", re.IGNORECASE
)

PAYMENT = re.compile(
    r"\b(?:pay ?pal|visa|master ?card|amex|american express|apple pay|google pay|klarna|(?:credit|debit|"
    r"gift) card|bank transfer)\b",
    re.IGNORECASE,
)


def country_key(text: str) -> str | None:
    """The key in COUNTRIES of the first country in a text."""
    match = COUNTRY.search(text)
    return match[0].lower().removeprefix("the ") if match else None
