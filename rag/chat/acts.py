"""What somebody does with a message: greets, thanks, asks, recalls, states. Rules over the message's own words."""

from __future__ import annotations

import re

from rag.chat.sentences import split_sentences
from rag.chat.terms import content_words, listed, words

_END = r"[\s!.,:;)…🙂😊👋🙏❤️-]*"
_HELLO = (
    r"(?:hi+|hello+|hey+|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hi there|"
    r"hello there|hey there)(?: there| all| everyone| again| team)?"
)
_THANKS = (
    r"(?:(?:ok(?:ay)?|great|perfect|super|cool|brilliant|lovely|awesome|nice|wonderful|excellent|got it|"
    r"alright|amazing|good|fine|right|yes|no)[,.! ]*)*"
    r"(?:many thanks|thanks?(?: you)?(?: so much| very much| a lot| a million| a bunch| again)?|thx|ty|"
    r"cheers|ta|much appreciated|i appreciate it)"
    r"(?:,? (?:so much|very much|a lot|again|for (?:your|the|all your) (?:help|time|answer|info|"
    r"information|patience|quick \w+)|that(?:'s| is| was| all)? ?(?:all|it|great|perfect|helpful|helps|"
    r"very helpful|really helpful|very kind)?(?: a lot)?|that helps|you(?:'ve| have)? (?:been|"
    r"were) (?:very |really |so )?helpful|mate|buddy|anyway|bye))*"
)
_PRAISE = (
    r"(?:(?:ok(?:ay)?|great|perfect|super|cool|brilliant|lovely|awesome|nice|wonderful|excellent|"
    r"got it|alright|amazing|good|fine|understood|i see|that(?:'s| is) (?:all|it|great|perfect|"
    r"helpful|good|fine|very helpful|good to know|what i needed)|that helps|"
    r"that's all(?: i needed)?(?: for now)?|good to know|sounds good|makes sense)[,.! ]*)+"
)
_BYE = (
    r"(?:(?:ok(?:ay)?|thanks?(?: you)?|alright|right)[,.! ]*)?(?:good ?bye|bye(?:[ -]bye)?|see (?:you|"
    r"ya)(?: later| soon)?|have a (?:nice|good|great|lovely) (?:day|evening|weekend|one)|good ?night|"
    r"take care|cya|farewell)(?:[,!. ]+(?:thanks?(?: you)?|then|now|and thanks|and have a (?:nice|"
    r"good) \w+))?"
)

_GREETING = re.compile(
    rf"{_END}{_HELLO}{_END}(?:how are you(?: doing)?(?: today)?\??|how(?:'s| is) it going\??|what's up\??|"
    rf"nice to meet you)?{_END}$",
    re.IGNORECASE,
)
_HOW_ARE_YOU = re.compile(
    r"(?:and )?how are you(?: doing)?(?: today)?\W*$|how(?:'s| is) it going\W*$|what'?s up\W*$", re.IGNORECASE
)
_THANKING = re.compile(rf"{_END}(?:{_THANKS}){_END}$", re.IGNORECASE)
_PRAISING = re.compile(rf"{_END}(?:{_PRAISE}){_END}$", re.IGNORECASE)
_LEAVING = re.compile(rf"{_END}(?:(?:{_THANKS})[,.! ]*(?:and )?)?(?:{_BYE}){_END}$", re.IGNORECASE)
_OPENING = re.compile(
    rf"\s*(?:(?:{_HELLO}|{_THANKS}|ok(?:ay)?|great|perfect|alright|right|cool|good|fine|yes|yeah|"
    rf"sure)(?:\s*[,!.:…-]+\s*|\s+(?=and\b|but\b|how|what|when|where|can|could|do|is|my|i\b|i'|one)))+",
    re.IGNORECASE,
)

QUESTION_START = (
    r"(?:how|hows|what|what's|whats|when|whens|where|where's|wheres|whos|whys|which|who|whom|whose|why|can|could|do|does|did|is|isn't|"
    r"are|was|were|will|would|"
    r"should|shall|may|might|have you|has|am i|any idea|don't you|doesn't)\b"
)
_ASKS = re.compile(
    rf"(?:and |but |so |or |also |then |well |now |just |please |sorry,? |ok(?:ay)?,? |hi,? |hello,? |"
    rf"hm+,? )*(?:{QUESTION_START}|"
    r"(?:please )?(?:ignore|disregard|write|sing|pretend|act as|print|reveal|translate|calculate|draw|"
    r"recommend|suggest|tell|remind|show|give|explain|describe|list|repeat|confirm|summari[sz]e|recap|"
    r"quote|help)\b|"
    r"i (?:want|need|would like|wanted|'d like)(?: you)? to (?:know|ask|understand)|i(?:'d|"
    r" would) like to (?:know|ask|understand)|i(?:'m| am) (?:wondering|curious|not sure|unsure)|"
    r"i wonder|i don't (?:know|understand) (?:how|what|when|where|which|why|if|whether)|(?:what|how) about)",
    re.IGNORECASE,
)
_NEED = re.compile(
    r"\b(?:i|we)(?:'d| would)? (?:also |just |really |still )?(?:want|need|like|love|have) to\b|\b(?:i|"
    r"we)(?:'d| would) (?:also )?(?:like|love|prefer)\b|"
    r"^\W*(?:want|need|trying|have) to\b|"
    r"\b(?:can not|cannot|(?:do|does|is|has|have|did) not|(?:ca|could|wo|would|do|does|is|are|has|have|did|was)n['’]?t|"
    r"never|unable|nothing|nobody|still no)\b|"
    r"\b(?:broken|broke|damaged|torn|ripped|faulty|defective|lost|missing|missed|late|wrong|stuck|locked|"
    r"declined|rejected|failed|failing|leaks?|leaking|"
    r"too (?:big|small|tight|large|long|short|loose)|doesn't fit|forgot|forgotten|stolen|cracked|delayed|"
    r"disappeared|overdue|hole|smashed|squashed|crushed|snapped|soaked|soaking|nicked|accident|mistake|"
    r"cancel|not fair|unfair|useless|not (?:work|working|arrived|fit|here))\b|"
    r"\b(?:i|we) need\b|\bi(?:'m| am) looking for\b",
    re.IGNORECASE,
)

_MINE = r"(?:my|our|the|that|this)"
_RECALL = (
    r"\b(?:do|did|can|could|would) (?:you )?(?:still )?(?:remember|recall|happen to remember)\b",
    r"\bremind me (?:of|what|which|where|about|again|when|who|how)\b",
    r"\bdid i (?:just |already |even |actually )?(?:say|tell|give|mention|order|buy|choose|pick|ask|want|"
    r"write|state|provide|send|share|purchase|pay|call)\b",
    r"\b(?:have i|i have|i've|i had|i'd|i) (?:just |already )?(?:said|told|given|gave|mentioned|provided)\b.*\?",
    r"\bwhat(?:'s| is| was|s| are| were)? (?:again )?(?:my|our)\b",
    r"\b(?:which|what) (?:\w+ ){1,3}(?:did i|do i (?:have(?! to)|take|wear|live)|have i|am i|was i|"
    r"was mine|is mine|i (?:said|gave|told|mentioned|ordered|bought|wanted))\b",
    r"\bwho am i\b|\bwhere do (?:i|we) live\b|\bwhere am i\b|\bwhat am i called\b|\bdo you know (?:my|"
    r"who i am|where i live)\b|\bwhat(?:'s| is) the name i\b",
    r"\b(?:what|which)(?: \w+)? (?:do|did) (?:you|we) (?:know|have|note|noted|got|write down|"
    r"store) (?:about|on|for|from|of) (?:me|my)\b",
    r"\bwhat (?:else )?(?:do|did) you (?:know|remember|have|note)\b",
    rf"\bwhere (?:is|'s|are|was|should|will|does|do) (?:it|they|{_MINE} (?:\w+ )?(?:order|parcel|package|"
    rf"delivery|tent|jacket|boots|things?|items?)) (?:supposed to (?:go|be sent)|be (?:going|sent|"
    rf"delivered|shipped)|going|go(?:es)?\b|headed|heading|being (?:sent|delivered|shipped))",
    r"\b(?:tell|give|read|repeat|confirm|show)(?: me| back)?(?: back)?(?: again)? (?:my|what i|"
    r"the (?:order number|address|e-?mail|phone|size|colou?r|name) (?:i|that i|again))\b",
    r"\b(?:summari[sz]e|recap|repeat)\b.*\b(?:i|me|my|so far|we)\b",
    r"\bwhat have i (?:told|said|given|ordered|bought)\b",
    r"\b(?:which|what) (?:order(?: number)?|address|size|colou?r|name|e-?mail(?: address)?|"
    r"phone(?: number)?|date|item|product|city|country)(?: again| was (?:it|that)| is (?:it|that))\b",
)
_RECALLS = re.compile("|".join(_RECALL), re.IGNORECASE)
_HOW_TO = re.compile(r"\W*(?:and |so |but )?(?:how|by what|from what|until what|from which)\b", re.IGNORECASE)
_SAID = re.compile(
    r"\b(?:did|have) i (?:\w+ )?(?:say|said|tell|told|give|gave|given|mention|mentioned|pay|spend|paid)\b",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:other|another|previous|last|next|different) (?:customer|user|person|people|visitor|guest|"
    r"client|session|shopper|member)s?\b|"
    r"\b(?:someone|somebody|anyone|anybody|everyone) else(?:['’]s)?\b|\bthe (?:customer|user|person|"
    r"one) (?:who|before|after|that)\b|"
    r"\b(?!Larkspur|Plus|What|Who|Where|It|That|There|Here|How|When|Let|She|"
    r"He)(?-i:[A-Z])\w+['’]s (?:\w+ )?(?:address|order|e-?mail|phone|name|password|history|messages?|"
    r"chats?|number)\b|"
    r"\b(?:before|after) me\b|\b(?:my (?:neighbou?r|friend|colleague|boss|ex|wife|husband|brother|sister|"
    r"mother|father))['’]s (?:order|address|e-?mail|phone|account|password|name|chat)",
    re.IGNORECASE,
)

_DATA = re.compile(
    r"\b(?:address|e-?mail|phone|name|order(?:s|ed)?|said|say|ask(?:ed)?|told|tell|wrote|write|"
    r"conversations?|sessions?|chats?|data|history|card|details|messages?|questions?|number|password|"
    r"account|bought|buy|live)\b",
    re.IGNORECASE,
)
_LETS = re.compile(
    r"\W*(?:and |so |but )?(?:can|could|may|is|will|does|do) (?:another|other|others|someone|somebody|"
    r"anyone|anybody|i\b|my)",
    re.IGNORECASE,
)
_ABOUT_BOT = re.compile(
    r"\b(?:who|what) (?:exactly )?are you\b|\bare you (?:a |an |really a |some |just a )?(?:real |"
    r"actual )?(?:bot|robot|human|person|ai|chatbot|llm|language model|machine|chatgpt|gpt|computer|"
    r"program|real|human being|offline|extractive)\b|"
    r"\bwhat can you do\b|\bwhat (?:do|can) you help\b|\bhow do you work\b|\bwho (?:made|built|wrote|"
    r"created) you\b|\bwhat(?:'s| is) your name\b|"
    r"\b(?:am i|is this|are we) (?:talking|speaking|chatting) (?:to|with) (?:a |an )?\w+|"
    r"\bis this a (?:bot|chatbot|human|real person)\b|\bwhich (?:ai |language )?model (?:are you|"
    r"is this)\b|\bare you (?:there|alive|sentient)\b|\bdo you (?:use|run on) (?:an? )?(?:llm|ai|gpt|"
    r"chatgpt|language model)\b",
    re.IGNORECASE,
)
_VAGUE_WORDS = listed(
    "order item product thing customer service support info information advise advice assistance "
    "situation stuff urgent confused "
    "wondering wonder curious understand explain matter case idea worry worried sure unsure strange "
    "weird odd again more details detail "
    "tell happen happened bad trouble kind regarding concern concerns something anything else assist "
    "answer answers questions"
)
_SPLIT = re.compile(
    rf"(?:[,;–—-]|\band\b|\bso\b|\bbut\b|,? and|,? also)\s*(?:and |so |but |also |then |now |"
    rf"please )*(?={QUESTION_START}(?! i\b.*\bbut\b))",
    re.IGNORECASE,
)


_RUNS_ON = re.compile(
    r"\s+(?=(?:(?:can|could|do|does|will|would|should|may|is|are) (?:i|you|we|it|they|he|she|that|this|there)(?=\s)|"
    r"(?:what|how|when|where) (?:do|does|is|are|can|much|long|many|should|will)\b))",
    re.IGNORECASE,
)


def is_greeting(text: str) -> bool:
    return bool(_GREETING.match(text) or _HOW_ARE_YOU.match(text))


def is_thanks(text: str) -> bool:
    return bool(_THANKING.match(text) or _PRAISING.match(text))


def is_goodbye(text: str) -> bool:
    return bool(_LEAVING.match(text))


def without_opening(text: str) -> str:
    """The message after its greeting, thanks or “OK”."""
    match = _OPENING.match(text)
    return (text[match.end() :] if match else text).strip() or text.strip()


def is_question(text: str) -> bool:
    return text.rstrip(' .!)"”').endswith("?") or bool(_ASKS.match(text.strip()))


def states_need(text: str) -> bool:
    """True for a statement that asks for help: a wish or a problem."""
    return bool(_NEED.search(text))


def speaks_of_self(text: str) -> bool:
    return bool(re.search(r"\b(?:i|i'm|i’m|i've|im|ive|my|we|our|me|mine)\b", text, re.IGNORECASE))


def asks_to_recall(text: str) -> bool:
    """True when a question is about what this person said, not about the library."""
    return bool(_RECALLS.search(text)) and (bool(_SAID.search(text)) or not _HOW_TO.match(text))


def asks_about_others(text: str) -> bool:
    """True for a question about another person's data, which nobody can answer here."""
    asked = [part for part in clauses(without_opening(text)) if is_question(part)]
    return any(_OTHERS.search(part) and _DATA.search(part) and not _LETS.match(part) for part in asked)


def asks_about_assistant(text: str) -> bool:
    return bool(_ABOUT_BOT.search(text)) and len(words(text)) <= 14


def is_noise(text: str) -> bool:
    """Keyboard mashing, punctuation, emoji: nothing that reads as words."""
    found = words(text)
    letters = [word for word in found if word.isalpha()]
    if not letters:
        return not any(char.isdigit() for char in text)
    odd = [word for word in letters if _unpronounceable(word)]
    return len(odd) * 2 > len(letters)


def is_vague(text: str) -> bool:
    """True when no content is left that could be looked up."""
    return not [word for word in content_words(text) if word not in _VAGUE_WORDS]


def is_plea(text: str) -> bool:
    """“Help”, “I need assistance please”: nothing but a wish for help, whatever was said before."""
    return is_vague(text) and bool(
        re.search(r"\b(?:help|assist\w*|support|problem|issue|trouble)\b", text, re.IGNORECASE)
    )


def clauses(text: str) -> list[str]:
    """Sentences, and within them a statement and the question that follows it."""
    found: list[str] = []
    for line in text.splitlines():
        for sentence in split_sentences(line.strip()):
            for part in _parts(sentence):
                found += _run_on(part.strip(" ,;–—"))
    return [part for part in found if part]


def _parts(sentence: str) -> list[str]:
    """Cut before each question, except at the start: “And to Norway?” stays whole."""
    cuts = [match for match in _SPLIT.finditer(sentence) if words(sentence[: match.start()])]
    starts = [0, *(match.end() for match in cuts)]
    ends = [*(match.start() for match in cuts), len(sentence)]
    return [sentence[start:end] for start, end in zip(starts, ends, strict=True)]


def _run_on(text: str) -> list[str]:
    """“boots are too tight can i swap them” is a statement and a question."""
    for match in _RUNS_ON.finditer(text):
        head = text[: match.start()]
        if len(content_words(head)) >= 1 and len(words(head)) >= 2 and not is_question(head):
            return [head.strip(" ,;–—"), text[match.end() :]]
        if re.fullmatch(r"(?:ORD|RMA|LARK)-[\w-]+", head.strip()):
            return [head, text[match.end() :]]
    return [text]


def _unpronounceable(word: str) -> bool:
    if len(word) < 4:
        return (
            len(word) > 1
            and not re.search(r"[aeiouy]", word)
            and word not in ("hmm", "pls", "thx", "ty", "pdf", "vat", "sms", "plz", "dr", "mr", "st", "uk", "tv")
        )
    return bool(
        re.search(
            r"[bcdfghjklmnpqrstvwxz]{6}|(.)\1{3}|^[^aeiouy]+$|asdf|sdfg|dfgh|fghj|ghjk|hjkl|qwert|werty|"
            r"zxcv|xcvb|lkjh|fdsa",
            word,
        )
    ) and word not in ("rhythm",)
