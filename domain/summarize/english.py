"""English word lists: fillers of speech, boundaries of noun phrases, and verbs of tasks."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# In addition to scikit-learn's stop words: fillers of speech, contractions, and words without content.
SPOKEN = _words("""
    yeah yes no ok okay oh ah uh um hmm hi hello hey bye goodbye welcome thank thanks please sorry sure right
    exactly great good perfect wonderful nice fine cool awesome absolutely definitely probably maybe actually
    basically really just like well so then now today tomorrow yesterday here there let lets gonna wanna gotta kind
    sort bit lot lots thing things stuff guy guys everyone everybody anyone anybody someone somebody nobody
    something anything nothing everything way point points mean know think guess say said says tell told want wants
    wanted need needs look looks see seen going go goes gone went come comes came get gets got getting make makes
    made take takes took taken put give gives gave given do does did done doing have has had having morning
    afternoon evening night week weeks month months year years day days hour hours minute minutes second seconds
    time times moment course agree talk talking talked question questions idea case example part quite pretty much
    many little able sound sounds long longer short shorter big bigger small large one two three four five six seven
    eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
    first third fourth fifth last next new old same other another about also still already euro euros dollar dollars
    percent number numbers end beginning start i'm i'll i've i'd you're you'll you've you'd we're we'll we've we'd
    they're they'll they've they'd he's she's it's that's there's here's what's who's let's don't doesn't didn't
    won't wouldn't can't couldn't shouldn't isn't aren't wasn't weren't haven't hasn't hadn't
""")

# A noun phrase can start after these.
DETERMINERS = _words("""
    the a an our your my his her their its this that these those some any all both every each no another of for in
    with about from on to into
""")

# Verbs that follow a noun; a noun phrase ends before them.
VERBS = _words("""
    ends ended begins began includes included contains grows grew breaks broke changed remains opens closes exists
    is are was were be been will would can could should shall may might must has have had do does did go goes went
    take takes took send sends sent work works worked wait waits waited need needs want wants find found finds fail
    fails failed stay stays stayed become becomes fall falls fell cost costs pay pays paid spend spends spent say
    says said keep keeps kept use uses used show shows showed run runs ran start starts started stop stops stopped
    lose loses lost get gets got give gives gave make makes made see sees saw help helps look looks looked seem
    seems seemed arrive arrives arrived agree agrees agreed decide decides decided move moves moved complain
    complains ask asks asked tell tells told buy buys bought sell sells sold write writes wrote read reads call
    calls called happen happens happened come comes came know knows knew think thinks thought mean means meant let
    lets put puts set sets ready available finished done separate
""")

# A verb follows these.
PRONOUNS = _words("""
    i you we they he she it to will would can could should must please
""")

# Verbs of tasks; "I will be late", "I will say this" and "I can hear you" are not tasks.
ACTIONS = _words("""
    add adjust answer approve arrange ask assign book bring build buy call cancel change check clean clarify collect
    compare compile complete confirm contact coordinate copy correct create debug define delete deliver deploy
    design discuss distribute document draft drive edit email estimate evaluate examine extend file fill find
    finalise finalize finish fix follow forward gather get give handle help hire host implement improve include
    inform inspect install integrate interview introduce investigate invite join launch lead list look mail make
    manage measure meet merge message migrate monitor move negotiate notify open order organise organize pay phone
    pick ping plan post prepare present print prioritise prioritize propose provide publish pull purchase push put
    raise reach read record reduce refactor refine register release remind remove rename renew reorder repair
    replace reply report request research reserve resend resolve respond restart restore review revise rewrite run
    save schedule search sell send set share ship show sign sort speak start submit summarise summarize support sync
    take talk tell test trace track train translate try turn update upgrade upload validate verify visit work write
""")

# Not tasks, even with a date.
NOT_ACTIONS = _words("""
    be have see say think know guess like love hear agree admit assume hope believe mean understand feel remember
    forget never not no always probably maybe definitely wait let excuse note hold stay stop continue go come
    imagine pardon
""")

# Verbs that after "we need to" are as often talk as a task.
AMBIGUOUS = _words("""
    talk speak look pay take get give put start read discuss try turn find handle lead
""")

# With a name only, these are as often a part of the meeting: "Ben, present your slides".
DURING = AMBIGUOUS | _words("""
    present introduce summarise summarize lead join show help support move answer raise share open
""")

# Also nouns, so that "Order number five comes on Friday" is no order.
NOUNS = _words("""
    answer book call change check copy design document draft drive edit email estimate extend file fill follow forward
    handle help hire interview join launch lead list look mail make measure message move order pay phone pick plan post
    present print pull purchase push put raise reach read record register release report request research reserve
    review run save schedule search set share ship show sign sort speak start submit support sync take talk tell test
    trace track train try turn update upgrade visit work
""")

# First words that refer to the sentence before, which isn't quoted.
REFERRING = _words("""
    it that they he she this these those them and but or because which so
""")
