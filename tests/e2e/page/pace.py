"""A person at the page, whose clicks and keys are counted, and how long they would take: the keystroke-level model (Card, Moran, Newell,
The keystroke-level model for user performance time with interactive systems, CACM 1980).

A pointing and a click 1.1 + 0.2 s, a key 0.28 s (an average typist), a hand that moves between mouse and keyboard 0.4 s, and 1.35 s of
thought before each click and each field. The model knows no searching with the eyes and no error; the machine's own time is left out.
"""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page

from tests.e2e.page.visits import settled
from tests.e2e.vigils import Running

KEY_S, POINT_S, PRESS_S, THINK_S, HOME_S = 0.28, 1.1, 0.2, 1.35, 0.4


@dataclass(slots=True)
class Hand:
    """One person's hand on mouse (or screen) and keyboard."""

    page: Page
    clicks: int = 0
    keys: int = 0
    seconds: float = 0.0
    typing: bool = False

    def click(self, on: Locator) -> None:
        """Thinks, points, presses."""
        self._to(typing=False)
        self.clicks += 1
        self.seconds += THINK_S + POINT_S + PRESS_S
        settled(self.page)
        on.click()

    def write(self, into: Locator, text: str) -> None:
        """Clicks into the field, then types."""
        self.click(into)
        self._type(len(text))
        into.fill(text)

    def press(self, key: str) -> None:
        """One key more where the hand is."""
        self._type(1)
        self.page.keyboard.press(key)

    def choose(self, of: Locator, value: str) -> None:
        """Opens a list, and clicks on what is wanted."""
        self.click(of)
        self.clicks += 1
        self.seconds += THINK_S + POINT_S + PRESS_S
        of.select_option(value)

    def log_in(self, vigil: Running, role: str) -> None:
        """As the demonstration account of that role: the first field has the focus, Tab leads to the second, Enter goes."""
        account = next(a for a in vigil.endpoints["accounts"] if a["role"] == role)
        self.page.goto(vigil.endpoints["http"])
        self.write(self.page.get_by_label("User name"), account["username"])
        self.press("Tab")
        self._type(len(account["password"]))
        self.page.get_by_label("Password").fill(account["password"])
        self.press("Enter")
        self.page.wait_for_selector(".top")

    def _type(self, keys: int) -> None:
        self._to(typing=True)
        self.keys += keys
        self.seconds += keys * KEY_S

    def _to(self, *, typing: bool) -> None:
        self.seconds += HOME_S if typing != self.typing else 0.0
        self.typing = typing


def row(task: str, hand: Hand) -> str:
    """A line of the table: task, clicks, keys, seconds."""
    return f"| {task} | {hand.clicks} | {hand.keys} | {hand.seconds:.0f} |"
