"""What the offline model says in its own words, and the words by which it tells what a message is for.

They are the commonest words of English, German, French and Spanish; none belongs to a trade.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SAID = "You said: {}"
ASKED = "You asked: {}"
GREETING = "Hello. Ask me anything about the articles in the library, or tell me what I should keep in mind."
THANKS = "You're welcome."
NOTED = "I'll keep that in mind for this conversation."
CLARIFY = "Could you say a little more? I answer best when a question names its subject."
UNKNOWN = "I don't know: neither the library nor what you told me covers that."
NEAREST = " The nearest article is “{}”."
NOT_TOLD = "You haven't told me that in this conversation."
NEAREST_SAID = "You haven't told me that in so many words. The nearest that you said: {}"
OTHER_WORDS = "None of these words is in the library. Try others, or the language that its articles are written in."


GREETINGS = _set("hello hi hey hiya good morning afternoon evening day hallo guten tag bonjour salut hola")
THANKING = _set("thanks thank thx cheers bye goodbye danke merci gracias")
FILLING = _set("you very so much a lot ok okay great perfect for your help that helped that's all and there")
HELPLESS = _set("help me please hilfe bitte aide ayuda")
MINE = _set("my mine did mein meine meinen meiner mon ma mes mi mis")
"""Words of a question for something that is the person's."""
OWN = MINE | _set("i i'm i've i'd me myself we us our ich mir mich wir uns je j'ai moi nous yo nosotros")
"""Words by which people speak of themselves: what they said earlier is then looked at first."""
REFERRING = OWN | _set("it its them they that this those these there then es das dort ça là eso allí")
"""Words that stand for something that was said before."""
GOING_ON = _set("it it's its that's they es das c'est ce")
"""Words that open a sentence which goes on with what was said before it …"""
CORRECTING = _set(
    "sorry oops correction actually wrong meant wait instead rather moved changed nein falsch sondern pardon perdón"
)
"""… and words of one that corrects it."""
SPEAKING = _set("say said mention mentioned give gave given tell told again")
"""Words of a question that only say that something was said."""
AMOUNTS = _set(
    "much many long often far late early soon fast heavy when time until cost costs price fee fees charge surcharge "
    "discount rate amount number weight wann wie viel lange kostet combien quand coûte prix cuánto cuándo cuesta"
)
"""Words of a question whose answer holds a number."""
OPENING = _set(
    "what what's which where where's who who's whose was welche welcher welches wo wer quel quelle où qui qué cuál"
)
"""Words that open a question for a thing; those of ASKING open any question or request."""
ASKING = OPENING | _set(
    "how when why remind can could do does did is are am will would should may must have has tell show give please "
    "explain wie wann warum kann darf ist sind habt hat comment quand pourquoi puis peut est avez cómo cuándo"
)

FIRST_ASKED = ("What did I ask you first?", "What was my first question?", "What was the first thing I asked?")
LAST_ASKED = ("What did I ask you before?", "What was my last question?", "What did I just ask?")
NAME_ASKED = ("What is my name?", "Who am I?", "Do you know my name?", "Wie heiße ich?", "Comment je m'appelle ?")
NAMED = ("i'm ", "i am ", "my name is ", "call me ", "this is ", "it's ", "ich bin ", "ich heiße ", "je suis ", "soy ")
"""How people say who they are: no embedding brings these near to a question for a name."""
