"""Nouns that are counted with letters: "plan B", "Gruppe A"."""

import re
from collections.abc import Mapping

# Surnames aren't listed ("Hall", "Block"): a letter behind one may be the initial of another name.
_LISTS: Mapping[str, str] = {
    "english": "plan option version variant group team class vitamin hepatitis phase",
    "german": "plan option version variante gruppe klasse alternative typ anlage anhang vitamin",
    "french": "plan option version variante groupe équipe classe vitamine hépatite",
    "spanish": "plan opción versión variante grupo equipo clase vitamina",
    "italian": "piano opzione versione variante gruppo squadra classe vitamina epatite",
    "portuguese": "plano opção versão variante grupo equipe equipa classe turma vitamina",
    "dutch": "plan optie versie variant groep team klas vitamine",
    "scandinavian": "plan alternativ version versjon variant grupp gruppe klass klasse vitamin",
    "finnish": "suunnitelma vaihtoehto versio ryhmä luokka vitamiini",
    "polish": """plan planu planem planie wariant wariantu wariancie opcja opcji opcję wersja wersji wersję grupa grupy
        grupie grupę klasa klasy klasie klasę witamina witaminy witaminę""",
    "czech": """plán plánu varianta variantu varianty skupina skupiny skupinu třída třídu verze verzi vitamín""",
    "russian": """план плана плану планом плане вариант варианта варианту варианте опция опцию версия версии версию
        группа группы группе группу команда команду класс класса классе витамин витамина""",
    "greek": "σχέδιο επιλογή έκδοση ομάδα τάξη βιταμίνη",
    "korean": "플랜 옵션 버전 그룹 비타민",
    "arabic": "خطة الخطة خيار الخيار مجموعة المجموعة فيتامين",
}
NOUNS = frozenset(noun for nouns in _LISTS.values() for noun in nouns.split())
# Ends of longer words: "Arbeitsgruppe A", "Ausbauvariante B", "werkgroep C".
COMPOUNDED = ("gruppe", "variante", "klasse", "version", "groep", "grupp")


def is_counted_with_letters(word: str) -> bool:
    """Return True if a letter behind a word numbers it and is no initial: "plan B", "Backup-Plan B"."""
    noun = re.sub(r"\W", "", word.rpartition("-")[2]).lower()
    return noun in NOUNS or noun.endswith(COMPOUNDED)
