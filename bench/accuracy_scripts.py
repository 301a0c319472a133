"""Scripted sentences with names and terms, and with words that sound like them, for three voices of flite."""

from typing import NamedTuple


class Script(NamedTuple):
    """The participants' names and the room's terms, and the sentences, each with its voice."""

    name: str
    terms: tuple[str, ...]
    sentences: tuple[tuple[str, str], ...]


SCRIPTS = (
    Script(
        "scripted, open",
        (
            *("Priya Sharma", "Ada Lovell", "Ben Okafor", "Yildiz Kaya"),
            *("Kubernetes", "Grafana", "Zulip", "Dagster", "Terraform", "Nimbus"),
        ),
        (
            ("slt", "Ada, can you ask Priya whether Grafana shows the queue?"),
            ("rms", "The migration to Kubernetes is done, but Terraform still has the old names."),
            ("awb", "Yildiz posted the plan in Zulip yesterday, and Ben agreed."),
            ("slt", "The release date moves to Friday, and the data stays where it is."),
            ("rms", "We have been waiting for the bend in the curve for a while."),
            ("awb", "Nimbus is the name of the new project, as Priya Sharma said."),
            ("slt", "Dagster runs the assets, and Ada Lovell reviews them on Monday."),
            ("rms", "I ate a sandwich at noon and read the data sheet."),
            ("awb", "Please close the door, it is too cold near the window."),
            ("slt", "Ben Okafor will send the numbers to Yildiz Kaya before Wednesday."),
            ("rms", "Is there any risk that the migration loses data?"),
            ("awb", "The graph on the wall shows a small increase in real estate prices."),
        ),
    ),
    Script(
        "scripted, held out",
        (
            *("Siobhan Keane", "Matteo Ricci", "Ingrid Solberg", "Ravi Patel"),
            *("Prometheus", "Snowflake", "Jenkins", "Airtable", "Quokka", "Helm"),
        ),
        (
            ("rms", "Siobhan, did you see the alert that Prometheus sent last night?"),
            ("slt", "Matteo wants to move the reports from Airtable to Snowflake."),
            ("awb", "Ingrid Solberg and Ravi Patel will look at the helm chart tomorrow."),
            ("rms", "The ratio of errors to requests has been falling since the morning."),
            ("slt", "We should buy some ink for the printer, and a ravioli machine for the kitchen."),
            ("awb", "Jenkins failed again, so Ravi restarted it twice."),
            ("rms", "Quokka is what we call the internal tool, and Matteo Ricci wrote it."),
            ("slt", "The table in the air conditioned room is free this afternoon."),
            ("awb", "There were snow flakes on the road when I came in today."),
            ("rms", "Helm is installed, and Ingrid wrote down the steps."),
            ("slt", "The customers were promised that the theory of the method is explained."),
            ("awb", "Siobhan Keane asked for the budget, and nobody had it ready."),
        ),
    ),
)
