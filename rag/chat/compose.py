"""One reply from sources, this person's earlier messages and their question: what to say, and its kind.

Pure. Every sentence is a fixed phrase, a quotation with its mark, or something that this person stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.chat import acts, phrases
from rag.chat.choosing import choose, unique
from rag.chat.evidence import Evidence, Pick, Similarity, weigh
from rag.chat.facts import Fact, Ledger, remember, state
from rag.chat.followup import Resolved, located, resolve
from rag.chat.intents import as_question
from rag.chat.prompt import Source
from rag.chat.quoting import quote
from rag.chat.recall import mine, missing, names_fact, recall, related
from rag.chat.terms import content_words, words
from rag.knowledge import COVERED
from rag.knowledge.embedding.synonyms import Synonyms
from rag.settings import Settings

_SYNONYMS = Synonyms.beside(Settings.model_fields["knowledge_dir"].default)
Kind = Literal["answer", "recall", "combine", "acknowledge", "dont_know", "clarify", "greeting", "thanks"]

ENOUGH, ENOUGH_UNSURE, ENOUGH_ALIKE = 0.51, 0.7, 0.6
NEAR, NEAREST, FITTING = 0.2, 0.85, 0.2
"""How much of a question the closest sources cover at least, which share of the best match they have, and how well
the sentence itself fits."""


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    kind: Kind


def compose(
    sources: Sequence[Source], earlier: Sequence[str], question: str, similarity: Similarity | None = None
) -> Draft:
    """The reply to `question` of somebody who wrote `earlier` before, oldest first."""
    social = _social(question, earlier)
    if social is not None:
        return social
    known = remember(earlier)
    now = known.copy()
    stated = state(now, question)
    return _Reply(sources, earlier, question, similarity, known, now, stated).draft()


def _social(question: str, earlier: Sequence[str]) -> Draft | None:
    if not words(question) or acts.is_noise(question):
        return Draft(phrases.NOISE, "clarify")
    if acts.is_goodbye(question):
        return Draft(phrases.GOODBYE, "thanks")
    if acts.is_thanks(question):
        return Draft(phrases.pick(phrases.THANKS, len(earlier)), "thanks")
    if acts.is_greeting(question):
        return Draft(phrases.HELLO_AGAIN if earlier else phrases.HELLO, "greeting")
    if acts.asks_about_others(question):
        return Draft(phrases.OTHERS, "dont_know")
    if acts.asks_about_assistant(question):
        return Draft(phrases.ABOUT, "answer")
    return None


@dataclass(slots=True)
class _Reply:
    sources: Sequence[Source]
    earlier: Sequence[str]
    question: str
    similarity: Similarity | None
    known: Ledger
    now: Ledger
    stated: list[Fact]

    def draft(self) -> Draft:
        recalls, questions, statements = self._parts()
        if acts.is_plea(self.question):
            return Draft(phrases.clarify(self.question), "clarify")
        told = recall(recalls, self.now) if recalls else ""
        resolved = [self._resolved(part) for part in questions]
        asked = [one for one in resolved if not acts.is_vague(one.text)]
        answer = self._answers(asked[:2])
        if recalls and not questions:
            return Draft(told, "recall") if told else Draft(phrases.untold(missing(recalls[0])), "dont_know")
        if answer:
            lead = told or self._lead()
            return Draft(f"{lead} {answer}".strip(), "combine" if lead else "answer")
        if told:
            return Draft(told, "recall")
        if asked:
            return self._unknown(asked[0].focus)
        if questions:
            return Draft(self._clarifying(questions[0]), "clarify")
        return self._statement(statements)

    def _parts(self) -> tuple[list[str], list[str], list[str]]:
        recalls: list[str] = []
        questions: list[str] = []
        statements: list[str] = []
        for said in acts.clauses(acts.without_opening(self.question)):
            part = mine(said, self.earlier)
            if acts.is_thanks(part) or acts.is_greeting(part):
                continue
            if acts.is_question(part):
                if not content_words(part) and self.earlier and acts.asks_to_recall(self.earlier[-1]):
                    part = f"{part} {self.earlier[-1]}"  # “And when?” after “What did I order?”
                (recalls if acts.asks_to_recall(part) or names_fact(part, self.now) else questions).append(part)
            else:
                statements.append(part)
        return recalls, questions, statements

    def _resolved(self, part: str) -> Resolved:
        asked = as_question(part)
        return resolve(asked, [*self.earlier, *self._before(part)]) if asked == part else Resolved(asked, asked)

    def _before(self, part: str) -> list[str]:
        """What stands before a question in the same message can be what it refers to."""
        head = self.question.split(part, 1)[0].strip(" ,.;:–—-")
        return [head] if head and head != self.question else []

    def _answers(self, asked: Sequence[Resolved]) -> str:
        """What the sources say to each question, else what they say to the whole message."""
        picks = [pick for one in asked for pick in self._picks(one)]
        if asked and not picks and asked[0].focus != acts.without_opening(self.question):
            picks = self._picks(resolve(self.question, self.earlier))
        if picks or not asked:
            return quote(unique(picks))
        return self._closest(asked[0])

    def _picks(self, asked: Resolved) -> list[Pick]:
        focus = located(asked.focus, self.now)
        evidence = weigh(self.sources, asked.focus, asked.context, self.similarity, self._known(asked))
        return choose(evidence, focus) if covers(evidence, self._unsure()) else []

    def _known(self, asked: Resolved) -> str:
        """What this person stated and the answer depends on."""
        return _added(located(asked.text, self.now), asked.text)

    def _unsure(self) -> bool:
        """Whether the search itself took nothing that it found to be about the question."""
        return 0 < max((source.score for source in self.sources), default=0.0) < COVERED

    def _closest(self, asked: Resolved) -> str:
        """What the search took to be about the question though they share few words, introduced as just that."""
        best = max((source.score for source in self.sources), default=0.0)
        if best < COVERED:
            return ""
        near = [source for source in self.sources if source.score >= NEAREST * best]
        focus = located(asked.focus, self.now)
        hints = f"{self._known(asked)} {_added(_SYNONYMS.widen(asked.focus), asked.focus)}"
        evidence = weigh(near, asked.focus, asked.context, self.similarity, hints)
        if evidence.own_name or evidence.coverage < NEAR or evidence.picks[0].fit < FITTING:
            return ""
        quoted = quote(unique(choose(evidence, focus)))
        return f"{phrases.CLOSEST} {quoted}" if quoted else ""

    def _lead(self) -> str:
        new = [fact for fact in self.stated if not fact.aside and not fact.key.startswith("said")]
        facts = new or related(self.question, self.known)
        return phrases.you_told(facts, noted=bool(new)) if facts else ""

    def _unknown(self, part: str) -> Draft:
        own = related(part, self.now)
        text = phrases.DONT_KNOW
        if own:
            text = f"{text} {phrases.you_told(own)}"
        return Draft(text, "dont_know")

    def _clarifying(self, part: str) -> str:
        return phrases.clarify(part)

    def _statement(self, statements: Sequence[str]) -> Draft:
        text = " ".join(statements) or self.question
        facts = [fact for fact in self.stated if not fact.aside] or self.stated
        solid = [fact for fact in facts if not fact.key.startswith(("said", "wish"))]
        if acts.is_vague(text) and not solid:
            return Draft(phrases.clarify(text), "clarify")
        if not solid or acts.states_need(text):
            told = facts and not acts.states_need(text) and acts.speaks_of_self(text)
            wish = self._resolved(text)
            answer = "" if told else quote(self._picks(wish)) or self._closest(wish)
            if answer:
                lead = phrases.noted(solid) if solid else ""
                return Draft(f"{lead} {answer}".strip(), "combine" if lead else "answer")
        if facts:
            return Draft(phrases.noted(facts), "acknowledge")
        if not acts.states_need(text) and len(words(text)) > 3:
            return Draft(phrases.DONT_KNOW, "dont_know")
        return Draft(phrases.clarify(text), "clarify")


def _added(text: str, to: str) -> str:
    return text.removeprefix(to.rstrip(" ?.!"))


def covers(evidence: Evidence, unsure: bool = False) -> bool:
    """Whether the sources cover the question well enough to be quoted; `unsure` asks for more."""
    if not evidence.picks or (not evidence.picks[0].covers and (evidence.meaning or 0) < ENOUGH_ALIKE):
        return False
    return evidence.coverage >= (ENOUGH_UNSURE if unsure else ENOUGH)
