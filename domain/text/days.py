"""Names of days and months, which are no subjects of a meeting."""

from collections.abc import Mapping

_LISTS: Mapping[str, str] = {
    "english": """monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays
        saturdays sundays january february march april may june july august september october november december""",
    "german": """montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag montags dienstags mittwochs
        donnerstags freitags samstags sonntags januar jänner februar märz april mai juni juli august september oktober
        november dezember""",
    "french": """lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril mai juin juillet août
        septembre octobre novembre décembre""",
    "spanish": """lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo junio julio agosto
        septiembre setiembre octubre noviembre diciembre""",
    "italian": """lunedì martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio marzo aprile maggio giugno
        luglio agosto settembre ottobre novembre dicembre""",
    "portuguese": """segunda terça quarta quinta sexta feira segunda-feira sábado domingo janeiro fevereiro março abril
        maio junho julho agosto setembro outubro novembro dezembro""",
    "catalan": """dilluns dimarts dimecres dijous divendres dissabte diumenge gener febrer març abril maig juny juliol
        agost setembre octubre novembre desembre""",
    "romanian": """luni marți miercuri joi vineri sâmbătă duminică lunea marțea miercurea joia vinerea ianuarie
        februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie""",
    "dutch": """maandag dinsdag woensdag donderdag vrijdag zaterdag zondag januari februari maart april mei juni juli
        augustus september oktober november december""",
    "danish": """mandag tirsdag onsdag torsdag fredag lørdag søndag januar februar marts april maj juni juli august
        september oktober november december""",
    "norwegian": """mandag tirsdag onsdag torsdag fredag lørdag søndag januar februar mars april mai juni juli august
        september oktober november desember""",
    "swedish": """måndag tisdag onsdag torsdag fredag lördag söndag måndagen tisdagen onsdagen torsdagen fredagen
        lördagen söndagen januari februari mars april maj juni juli augusti september oktober november december""",
    "finnish": """maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai maanantaina tiistaina
        keskiviikkona torstaina perjantaina lauantaina sunnuntaina tammikuu helmikuu maaliskuu huhtikuu toukokuu
        kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu tammikuussa helmikuussa maaliskuussa huhtikuussa
        toukokuussa kesäkuussa heinäkuussa elokuussa syyskuussa lokakuussa marraskuussa joulukuussa""",
    "polish": """poniedziałek wtorek środa środę czwartek piątek sobota sobotę niedziela niedzielę poniedziałku wtorku
        środy czwartku piątku soboty niedzieli styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień
        październik listopad grudzień stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października
        listopada grudnia styczniu lutym marcu kwietniu maju czerwcu lipcu sierpniu wrześniu październiku listopadzie
        grudniu""",
    "czech": """pondělí úterý středa středu čtvrtek pátek sobota sobotu neděle neděli pátku čtvrtku leden únor březen
        duben květen červen červenec srpen září říjen listopad prosinec ledna února března dubna května června července
        srpna října listopadu prosince lednu únoru březnu dubnu květnu červnu červenci srpnu říjnu prosinci""",
    "slovak": """pondelok utorok streda stredu štvrtok piatok sobota sobotu nedeľa nedeľu január február marec apríl máj
        jún júl august september október november december januára februára marca apríla mája júna júla augusta
        septembra októbra novembra decembra""",
    "hungarian": """hétfő kedd szerda csütörtök péntek szombat vasárnap hétfőn kedden szerdán csütörtökön pénteken
        szombaton január február március április május június július augusztus szeptember október november december
        januárban februárban márciusban áprilisban májusban júniusban júliusban augusztusban szeptemberben októberben
        novemberben decemberben""",
    "turkish": """pazartesi salı çarşamba perşembe cuma cumartesi pazar ocak şubat mart nisan mayıs haziran temmuz
        ağustos eylül ekim kasım aralık günü""",
    "russian": """понедельник вторник среда среду четверг пятница пятницу суббота субботу воскресенье понедельника
        вторника среды четверга пятницы субботы воскресенья январь февраль март апрель май июнь июль август сентябрь
        октябрь ноябрь декабрь января февраля марта апреля мая июня июля августа сентября октября ноября декабря январе
        феврале марте апреле мае июне июле августе сентябре октябре ноябре декабре""",
    "ukrainian": """понеділок вівторок середа середу четвер п'ятниця п'ятницю субота суботу неділя неділю понеділка
        вівторка середи четверга п'ятниці суботи неділі січень лютий березень квітень травень червень липень серпень
        вересень жовтень листопад грудень січня лютого березня квітня травня червня липня серпня вересня жовтня
        листопада грудня січні лютому березні квітні травні червні липні серпні вересні жовтні листопаді грудні""",
    "bulgarian": """понеделник вторник сряда четвъртък петък събота неделя януари февруари март април май юни юли август
        септември октомври ноември декември""",
    "greek": """δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή ιανουάριος φεβρουάριος μάρτιος απρίλιος μάιος
        ιούνιος ιούλιος αύγουστος σεπτέμβριος οκτώβριος νοέμβριος δεκέμβριος ιανουάριο φεβρουάριο μάρτιο απρίλιο μάιο
        ιούνιο ιούλιο αύγουστο σεπτέμβριο οκτώβριο νοέμβριο δεκέμβριο ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου
        ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου""",
    "arabic": """الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد يناير فبراير مارس أبريل إبريل مايو يونيو
        يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر""",
    "persian": "شنبه یکشنبه دوشنبه سه‌شنبه چهارشنبه پنجشنبه پنج‌شنبه جمعه ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت",
    "hebrew": "ראשון שני שלישי רביעי חמישי שישי שבת ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר",
    "hindi": """सोमवार मंगलवार बुधवार गुरुवार बृहस्पतिवार शुक्रवार शनिवार रविवार जनवरी फरवरी मार्च अप्रैल मई जून जुलाई
        अगस्त सितंबर सितम्बर अक्टूबर नवंबर नवम्बर दिसंबर दिसम्बर""",
    "indonesian": """senin selasa rabu kamis jumat sabtu minggu januari februari maret april mei juni juli agustus
        september oktober november desember""",
    "vietnamese": "thứ tháng",
    "korean": "월요일 화요일 수요일 목요일 금요일 토요일 일요일 월요일에 화요일에 수요일에 목요일에 금요일에 토요일에",
}
# "Martta", "péntekre", "perjantaihin", "금요일까지".
_ENDINGS: Mapping[str, str] = {
    "turkish": "da de ta te a e ya ye dan den tan ten ı i ın in un ün nın nin ki 'da 'de 'ta 'te 'a 'e 'ya 'ye",
    "finnish": "n na nä hin un hun ksi ta tä ssa ssä sta stä lle",
    "hungarian": "n on en ön ra re ig i tól től ban ben hoz hez ot et",
    "korean": "에 에는 은 는 이 가 을 를 의 까지 부터 날 마다",
}
DAYS: Mapping[str, frozenset[str]] = {
    language: frozenset(
        f"{word}{ending}" for word in words.split() for ending in ("", *_ENDINGS.get(language, "").split())
    )
    for language, words in _LISTS.items()
}
ALL = frozenset(word for words in DAYS.values() for word in words)


def days(language: str | None) -> frozenset[str]:
    """Return the names of days and months in a language; of all languages for an unknown one."""
    return DAYS.get(language or "", ALL)
