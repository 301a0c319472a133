"""What is said in a meeting to a language model that writes its minutes ("ignore your instructions and ...").

It stays in the transcript; minutes are written without it, so that a model can't obey it.
"""

import re
from collections.abc import Sequence

from domain.text.words import Sentence

# "the previous instructions" and "my instructions" are those of people.
_YOURS = (
    r"(?:(?:all|any|every)(?: of)?(?: (?:the|your|my|these|those))?|your|these|the(?= above))?\s*"
    r"(?:previous|prior|above|earlier|preceding|former|original|initial|existing|system|safety)?\s*"
)
# An order to a program: to drop its instructions, or to act as another program.
_PATTERNS = (
    rf"\b(?:ignore|ignoring|disregard|forget|override|overrule|bypass)\s+{_YOURS}(?:instructions?|prompts?|directives)\b"
    r"(?!\s+(?:I|we|he|she|they|from)\b)",
    r"\b(?:ignore|disregard|forget) (?:everything|all|anything) (?:that )?(?:you were|you(?: ha|')ve been|above)\b",
    r"\b(?:reveal|print|repeat|show|output|ignore|replace)\b.{0,40}\b(?:system|hidden|initial) prompt\b",
    r"\byou are (?:now|no longer) (?:an? |the )?(?:\w+ ){0,3}(?:assistant|language model|chat ?bot|summari[sz]er)\b",
    r"\b(?:note to|attention|dear|hey|listen|hello),? (?:the |all )?(?:AI|LLM|language model|chat ?bot|summari[sz]er|"
    r"note ?taker|transcription (?:bot|assistant))s?\s*[,:;–—-]",
    r"^(?:AI|ChatGPT|Claude|Gemini|Copilot),\s+(?:write|add|say|list|put|note|mark|make|send|ignore|forget)\b",
    r"(?<!\bich )(?<!\bwir )(?<!\ber )(?<!\bsie )(?<!\bhabe )\b"
    r"(?:ignorier(?:e|t|en sie)?|vergiss|vergesst|vergessen sie|missachte|verwirf|überschreibe?)\b(?! (?:ich|wir|er)\b)"
    r".{0,40}\b(?:anweisung|instruktion|anleitung|vorgabe|systemprompt|prompt)",
    r"\b(?:ignor(?:e|ez|er)|oubli(?:e|ez|er))\b.{0,40}\b(?:tes|vos|toutes|les|ces)\b.{0,20}\b(?:instructions|consignes|"
    r"directives)\b",
    r"\b(?:ignor[ae]|olvida|olvide|descarta)\b.{0,30}\b(?:tus|sus|todas|las|estas)\b.{0,20}\b(?:instrucciones|"
    r"indicaciones|directrices)\b",
    r"\b(?:ignora|dimentica|scarta)\b.{0,30}\b(?:tue|le|tutte)\b.{0,20}\b(?:istruzioni|indicazioni|direttive)\b",
    r"\b(?:ignor[ea]|esqueç[ae]|desconsidere)\b.{0,30}\b(?:suas|as|todas)\b.{0,20}\b(?:instruções|diretrizes)\b",
    r"\b(?:negeer|vergeet)\b.{0,30}\b(?:je|jouw|uw|alle|de)\b.{0,20}\b(?:instructies|richtlijnen)\b",
    r"\b(?:zignoruj|zapomnij|pomiń)\b.{0,40}\b(?:instrukcj|polece|wytyczn)",
    r"\b(?:про?игнорируй|игнорируй|забудь)\w*\b.{0,40}\b(?:инструкц|указани|промпт)",
    r"\b(?:проігноруй|ігноруй|забудь)\w*\b.{0,40}\b(?:інструкц|вказівк)",
    r"\b(?:talimat|yönerge|komut)\w*\b.{0,30}\b(?:yok say|unut|görmezden)",
    r"\b(?:ignorera?|glöm|glem|bortse från)\b.{0,20}\b(?:alla|alle|dina|dine|tidigare|tidligere)\b.{0,30}\b"
    r"(?:instru|anvisning)",
    r"\b(?:ohita|unohda)\b.{0,20}\b(?:kaikki|aiem\w+|omat)\b.{0,20}\bohje",
    r"\b(?:ignoruj|zapomeň|zabudni)(?:te)?\b.{0,20}\b(?:všechny|všetky|předchozí|predchádzajúce|své|svoje)\b"
    r".{0,30}\b(?:pokyny|in[sš]trukc)",
    r"\b(?:hagyd|hagyja|felejtsd)\b.{0,40}\b(?:utasítás|instrukci)",
    r"\b(?:ignor[ăa]|ignorați|uită|uitați)\b.{0,20}\b(?:toate|tale|anterioare)\b.{0,20}\b(?:instrucțiuni|indicați)",
    r"\b(?:αγνόησ|αγνοήστε|ξέχασ|ξεχάστε)\w*.{0,20}\b(?:όλες|προηγούμενες|σου)\b.{0,20}\b(?:οδηγίες|εντολές)",
    r"(?:התעלם|התעלמי|התעלמו|שכח|שכחי).{0,12}(?:הוראות|הנחיות)",
    r"(?:دستور|فرمان).{0,30}(?:نادیده بگیر|فراموش کن)",
    r"(?<![我你您他她们們])(?:忽略|无视|無視|忘记|忘記|忽視)(?!了).{0,12}(?:指令|指示|提示词|提示詞|系统提示|系統提示)",
    r"(?:指示|命令|プロンプト).{0,8}(?:無視|忘れ)",
    r"(?:지시|명령|프롬프트).{0,10}(?:무시|잊)",
    r"(?:تجاهل|تجاهلي|انس|انسَ).{0,30}(?:تعليمات|أوامر)",
    r"(?:निर्देश|आदेश).{0,25}(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल)",
    r"(?:ละเว้น|เพิกเฉย|ลืม).{0,20}คำสั่ง",
    r"(?:bỏ qua|quên).{0,25}(?:hướng dẫn|chỉ dẫn|chỉ thị)",
    r"\babaikan\b.{0,30}\b(?:instruksi|perintah|arahan)\b",
)
_ADDRESSED = re.compile("|".join(_PATTERNS), re.I)


def addresses_model(text: str) -> bool:
    """Return True if a text gives orders to a program that reads it."""
    return _ADDRESSED.search(text) is not None


def without_orders(spoken: Sequence[Sentence]) -> list[Sentence]:
    """Return sentences in their order, without orders to a program and what the same speaker goes on to say."""
    left: list[Sentence] = []
    silenced: int | None = None
    for sentence in spoken:
        if sentence.speaker != silenced:
            silenced = None
        if addresses_model(sentence.text):
            silenced = sentence.speaker
        if silenced is None:
            left.append(sentence)
    return left
