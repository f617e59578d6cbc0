"""The escalation book out of a real database, also where somebody wrote into it by hand."""

import psycopg

from alerts.escalation import Contact
from alerts.timescale_book import book
from tests.unit.alerts.stories import T0


def test_contacts_that_are_of_no_form_leave_their_person_out_and_nobody_else(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO oncall.person VALUES ('dora', %s), ('nina', %s), ('otto', %s), ('paul', %s)",
            ['[["webhook", "u"], ["apprise"]]', '[["webhook", "u", "v"]]', '[["smtp", null]]', '{"smtp": "a@b"}'],
        )
        assert book(connection, (), T0).contacts == {"dora": (Contact("webhook", "u"), Contact("apprise"))}
