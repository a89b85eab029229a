"""All defences that can be taken out."""

from tests.attacks.without.amounts import AMOUNTS
from tests.attacks.without.cookies import COOKIES
from tests.attacks.without.leftovers import LEFTOVERS
from tests.attacks.without.texts import TEXTS

MENDS = (*COOKIES, *TEXTS, *AMOUNTS, *LEFTOVERS)
