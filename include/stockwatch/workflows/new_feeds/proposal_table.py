"""A feed definition for a table that nobody has described: what it says by itself, and a comment on every guess."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from include.stockwatch.adapters.feeds.sniff import shown
from include.stockwatch.adapters.feeds.sniff_columns import Column
from include.stockwatch.adapters.feeds.sniff_dates import DateForm, odd_texts
from include.stockwatch.adapters.feeds.sniff_table import Table, Total
from include.stockwatch.domain.reported import FLOWS
from include.stockwatch.settings.draft import listed, scalar
from include.stockwatch.settings.feed import PIECES
from include.stockwatch.settings.spellings import DATES, NO_DATA, NOT_RANGED, PITFALLS
from include.stockwatch.workflows.new_feeds.choices import SELLABLE, Choices, Item, named
from include.stockwatch.workflows.new_feeds.proposal import (
    NoProposal,
    Partner,
    Proposal,
    code_lines,
    counted,
    finish,
    landing,
    most_of,
    rhythm,
    start,
)

PACKS = ("CA", "CS", "BX", "PK", "DZ", "CT", "CTN", "CASE", "KAR", "KRT", "PAL", "B", "C")
"""Units of quantities that are no pieces. A column with any other text is no unit of quantities: OZ is a size."""

CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
CURRENCY = re.compile(r"\b(USD|EUR|GBP|CAD|CHF|MXN|AUD|SEK|NOK|DKK|PLN)\b")
ENOUGH_OF_PORTAL = 4
HEADER_USUALLY_WITHIN = 40
MOST_LISTED = 3
CHECKED_TEXTS = 1000


def of_table(table: Table, kind: str, file_name: str, partner: Partner, dates: Iterable[dt.date] = ()) -> Proposal:
    """A definition of a table; `dates` are those of other files of the feed. Raises: NoProposal"""
    choices = Choices(table, file_name)
    if choices.item is None:
        raise NoProposal("no column could be the item: every feed needs a GTIN or the partner's own item number")
    if not (choices.measures or choices.is_long):
        raise NoProposal("no column holds numbers that could be a quantity, such as stock or units sold")
    return _OfTable(table, kind, choices, choices.item, partner, dates).proposal()


class _OfTable:
    """One definition while it is written."""

    def __init__(
        self, table: Table, kind: str, choices: Choices, item: Item, partner: Partner, dates: Iterable[dt.date]
    ) -> None:
        self.table, self.kind, self.choices, self.item, self.partner = table, kind, choices, item, partner
        self.draft = start(choices.file_name, partner)
        self.currency: str | None = None
        form = table.date.form
        self.covers = form.covers if form else 1
        self.rhythm = rhythm([*(form.dates if form else ()), *dates], self.covers)

    def proposal(self) -> Proposal:
        place, sure = self.choices.location_type
        self.draft.say(f"location_type: {place}", "" if sure else "store, or dc for warehouses", sure=sure)
        self._format()
        landed = scalar(landing(self.choices.file_name))
        self.draft.say(f"landing: {{pattern: {landed}}}", "as this file is called", sure=False)
        self._portal()
        self._date()
        self._location()
        self._item()
        if self.choices.is_long:
            self._codes()
        self._columns()
        self._drops()
        self._texts()
        self._units()
        self._repeats()
        finish(self.draft, self.covers, self.rhythm, self._presence())
        return Proposal(self.partner.feed_id(place), str(self.draft), self.draft.guesses)

    def _format(self) -> None:
        facts = {fact.what: fact for fact in self.table.facts}
        self.draft.say("format:")
        self.draft.say(f"  kind: {self.kind}")
        for name, value in self.table.settings.items():
            fact = facts.get(name)
            text = str(value).lower() if isinstance(value, bool) else scalar(str(value))
            sure = fact is None or fact.sure
            self.draft.say(f"  {name}: {text}", "" if sure or fact is None else fact.why, sure=sure)
        numbers = self.table.numbers
        if numbers.decimal != "." or numbers.thousands or not numbers.sure:
            self.draft.say(f'  decimal: "{numbers.decimal}"', numbers.why, sure=numbers.sure)
        if numbers.thousands:
            self.draft.say(f'  thousands: "{numbers.thousands}"')
        row = len(self.table.preamble) + 1
        if row > HEADER_USUALLY_WITHIN:
            self.draft.say(f"  header_within: {row + HEADER_USUALLY_WITHIN}", f"the header is row {row}")

    def _portal(self) -> None:
        """What is known of the portal that the names of the columns are from."""
        meanings = [one.meaning for one in self.table.columns if one.meaning]
        portals = Counter(one.known_from for one in meanings if one.known_from in PITFALLS)
        for portal, columns in portals.most_common(1):
            if columns >= ENOUGH_OF_PORTAL:
                self.draft.remark(f"looks like {portal}: {PITFALLS[portal]}")

    def _date(self) -> None:
        form = self.table.date.form
        self.draft.say("date:")
        if form:
            self._written_date(form)
            return
        unread = [f"`{shown(one.name)}` holds {one.samples}, which name no day" for one in self.table.date.unread]
        note = "; ".join(["NO date was found: not in a column, above the header or in the file's name", *unread])
        self.draft.say("  source: receipt", note, sure=False)
        self.draft.say("  days_before_receipt: 1", "of which day is a file that arrives today?", sure=False)

    def _written_date(self, form: DateForm) -> None:
        place = self.table.date
        column = place.column
        if column:
            unnamed = "" if column.meaning else "its name says nothing, its texts are dates"
            note = f"other columns with dates: {named(place.others)}" if place.others else unnamed
            self.draft.say(f"  column: {scalar(column.name)}", note, sure=not note)
        else:
            self.draft.say(f"  source: {place.source}", f"found in `{shown(place.text, 60)}`", sure=False)
        self.draft.say(f"  format: {scalar(form.format)}", form.why, sure=form.sure)
        if form.pattern:
            self.draft.say(f"  pattern: {scalar(form.pattern)}")
        said = " ".join([column.name, *column.different[:MOST_LISTED]]) if column else place.text
        has_flows = any(measure in FLOWS for measure in self.choices.measures)
        if not form.is_period and ("week" in said.casefold() or (has_flows and len(self.rhythm.weekdays) == 1)):
            self.draft.say("  period_days: 7", "do sales cover a week, and is this its last day?", sure=False)
        odd = odd_texts(column.texts, form) if column else None
        if odd:
            self.draft.remark(f"no such dates, and rejected: {most_of(odd)}", "  ")

    def _location(self) -> None:
        column = self.choices.location
        self.draft.say("location_id:")
        if column is None:
            note = "no column names a location; one name for all rows: a warehouse, or the whole country"
            self.draft.say("  constant: all", note, sure=False)
            return
        others = self.choices.locations[1:]
        note = f"or is it {named(others)}?" if others else "" if column.is_known else "guessed by its name"
        self.draft.say(f"  column: {scalar(column.name)}", note, sure=not note)
        blank = len(self.table.rows) - column.filled
        if blank:
            self.draft.remark(f"{counted(blank, 'row')} without location, rejected", "  ")
        self._width(column, "store numbers")

    def _width(self, column: Column, what: str) -> None:
        if len(column.digits) < len(column.different) or len(column.widths) == 1 or not column.digits:
            return
        have = f"{what} have {min(column.widths)} to {max(column.widths)} digits"
        if any(text.startswith("0") and text != "0" for text in column.digits):
            note = f"{have}, and some begin with 0: zeros were lost"
            self.draft.say(f"  width: {max(column.widths)}", note, sure=False)
        else:
            note = f"{have}; if zeros were lost, say how many digits there are"
            self.draft.say("  width: 0", note, sure=False)

    def _item(self) -> None:
        item = self.item
        column, is_gtin = item.column, item.kind == "gtin"
        self.draft.say("item_id:")
        self.draft.say(f"  column: {scalar(column.name)}", "" if is_gtin else item.note, sure=item.sure or is_gtin)
        self.draft.say(f"  kind: {item.kind}", item.note if is_gtin else "", sure=item.sure or not is_gtin)
        if column.rounded:
            ids = f"{counted(len(column.rounded), 'id')} such as `{shown(column.rounded[0], 30)}`"
            self.draft.remark(f"{ids}: a spreadsheet has rounded them, rejected", "  ")
        if not is_gtin:
            self._width(column, "item numbers")

    def _columns(self) -> None:
        self.draft.open("columns:")
        for measure, (column, *others) in self.choices.measures.items():
            note = "; ".join(self._doubts(measure, column, others))
            self.draft.say(f"  {measure}: {scalar(column.name)}", note, sure=not note)
        self._price()
        for name in ("item_name", "location_name", "category"):
            columns = [one for one in self.choices.filled(name) if _informs(one)]
            if columns:
                self.draft.say(f"  {name}: {scalar(columns[0].name)}")

    def _doubts(self, measure: str, column: Column, others: Sequence[Column]) -> Iterator[str]:
        """What speaks against a column as a measure."""
        if not (column.is_known and column.meaning and column.meaning.role == measure):
            yield "guessed: is it the number of units?"
        if DATES.search(column.name):
            yield "its name holds dates, so the next file will have another"
        if column.meaning is None and others:
            yield "no feed can read one column for each location: is this such a table?"
        rivals = [*others, *(self.choices.filled("available") if measure == "on_hand_units" else ())]
        for other in [one for one in dict.fromkeys(rivals) if one is not column][:2]:
            differ = sum(row[column.place] != row[other.place] for row in self.table.rows)
            sums = f"sums {self.choices.total(column):g} and {self.choices.total(other):g}"
            yield f"or `{shown(other.name)}`? {sums}, {counted(differ, 'row')} differ"
        if measure in FLOWS and column.is_mostly_fractions:
            yield f"values such as {column.samples}: units, or money or weight?"

    def _codes(self) -> None:
        code, quantity = self.choices.filled("code")[0], self.choices.filled("quantity")[0]
        self.draft.say("codes:")
        self.draft.say(f"  code_column: {scalar(code.name)}", "one quantity a row, and this says which", sure=False)
        self.draft.say(f"  quantity_column: {scalar(quantity.name)}")
        sums: dict[str, float] = {}
        for row in self.table.rows:
            number = self.choices.number(row[quantity.place])
            sums[row[code.place]] = sums.get(row[code.place], 0.0) + (number or 0.0)
        code_lines(self.draft, {text: (code.texts[text], sums[text]) for text in code.different}, "table")

    def _price(self) -> None:
        """The price, if the file says its currency: none is made up."""
        column = next(iter(self.choices.filled("price")), None)
        if column is None:
            return
        texts = column.different[:CHECKED_TEXTS]
        found = {code for sign, code in CURRENCIES.items() if any(sign in text for text in texts)}
        beside = [text for one in self.choices.filled("currency")[:1] for text in one.different]
        found = found or {text for text in [*beside, column.name] for text in CURRENCY.findall(text)}
        if len(found) == 1:
            self.draft.say(f"  price: {scalar(column.name)}", "of one unit, not of a case?", sure=False)
            self.currency = found.pop()
            return
        why = "several currencies are named" if found else "no currency is named"
        self.draft.remark(f"{why}: with e.g. `currency: USD` set, add:", "  ", sure=False)
        self.draft.suggest(f"  price: {scalar(column.name)}")

    def _drops(self) -> None:
        rules = [*self._header_again(), *self._total_rules(), *self._sellable()]
        if rules:
            self.draft.say("drop:")
        for rule, note in rules:
            self.draft.say(f"  - {rule}", note, sure=False)
        blank = len(self.table.rows) - self.item.column.filled
        if blank:
            note = f"{counted(blank, 'row')} without item, rejected; if they are no observations, a rule drops them:"
            self.draft.remark(note, sure=False)
            rule = f"  - {{name: no_item, column: {scalar(self.item.column.name)}, blank: true}}"
            self.draft.suggest(*(() if rules else ("drop:",)), rule)

    def _header_again(self) -> Iterator[tuple[str, str]]:
        if self.table.headers_again:
            name = scalar(self.item.column.name)
            rule = f"{{name: header_again, column: {name}, equals: [{name}]}}"
            yield rule, f"{counted(self.table.headers_again, 'row')} below the header repeat it"

    def _total_rules(self) -> Iterator[tuple[str, str]]:
        columns = list(dict.fromkeys(total.column for total in self.table.totals))
        for number, column in enumerate(columns):
            rows = [total for total in self.table.totals if total.column == column]
            texts = list(dict.fromkeys(total.text for total in rows))
            few = len(texts) <= MOST_LISTED
            which = f"equals: {listed(texts)}" if few else f"matches: {scalar('(?i)^ *(sub|grand)? *total')}"
            control = self._control(rows[0]) if len(self.table.totals) == 1 else ""
            note = f"row {rows[0].line} looks like a total" + ("; the rows must add up to it" if control else "")
            name = f"totals_{number + 1}" if number else "totals"
            yield f"{{name: {name}, column: {scalar(column)}, {which}{control}}}", note

    def _control(self, total: Total) -> str:
        """The measure whose sum the only total row gives right."""
        for measure, (column, *_) in self.choices.measures.items():
            stated = self.choices.number(total.values[column.place])
            if stated is not None and abs(stated - self.choices.total(column)) <= 1e-6 * max(1.0, abs(stated)):
                return f", total_of: {measure}"
        return ""

    def _sellable(self) -> Iterator[tuple[str, str]]:
        column = self.choices.of_stock_kind
        if column:
            others = {text: count for text, count in column.texts.items() if text not in (SELLABLE, "")}
            rule = f"{{name: not_sellable, column: {scalar(column.name)}, unless: [{SELLABLE}]}}"
            yield rule, f"the others are {most_of(others)}"

    def _texts(self) -> None:
        """Texts that stand in place of quantities."""
        words: Counter[str] = Counter()
        for column, *_ in self.choices.measures.values():
            words += column.words
        for name, known, what in (
            ("not_ranged", NOT_RANGED, "the item is not carried there"),
            ("no_data", NO_DATA, "nothing is known, as for a blank"),
        ):
            found = {text: count for text, count in words.items() if text.casefold() in known}
            if found:
                self.draft.say(f"{name}: {listed(found)}", f"{most_of(found)} in quantities: {what}?", sure=False)
        other = {text: count for text, count in words.items() if text.casefold() not in (*NOT_RANGED, *NO_DATA)}
        if other:
            self.draft.remark(f"texts in quantities that are rejected: {most_of(other)}", sure=False)

    def _units(self) -> None:
        if self.currency:
            self.draft.say(f"currency: {self.currency}")
        column = next(iter(self.choices.filled("unit")), None)
        if column is None:
            return
        packs = [text for text in column.different if text.upper() in PACKS]
        if any(text.upper() not in (*PIECES, *PACKS) for text in column.different):
            note = f"`{shown(column.name)}` holds {column.samples}: not all are units of quantities, so it is not used"
            self.draft.remark(note, sure=False)
            return
        pack = next(iter(self.choices.filled("pack")), None) if packs else None
        beside = f", pack_column: {scalar(pack.name)}" if pack else ""
        which = "right" if pack else f"say e.g. packs: {{{scalar(packs[0])}: 12}}" if packs else ""
        note = f"pieces in each of {listed(packs)}: {which}?" if packs else ""
        self.draft.say(f"units: {{column: {scalar(column.name)}{beside}}}", note, sure=not note)

    def _repeats(self) -> None:
        places = self.choices.key_places(self.item.column)
        rows = [row for row in self.choices.rows if row[self.item.column.place]]
        keys = Counter(tuple(row[place] for place in places) for row in rows)
        again = len(rows) - len(keys)
        if not again:
            self.draft.say("repeats: reject", "no date, location and item stands twice in this file")
            return
        key = next(key for key, count in keys.items() if count > 1)
        equal = len(rows) - len(set(map(tuple, rows)))
        are_flows = bool(self.choices.measures) and all(measure in FLOWS for measure in self.choices.measures)
        guess = "sum" if are_flows else "collapse" if equal == again else "reject"
        first = " / ".join(f"`{shown(text, 30)}`" for text in key)
        note = f"{counted(again, 'row')} with the date, location and item of another, {equal} equal in every column, "
        note += f"such as {first}: sum, collapse equal ones, take the last, or reject them?"
        self.draft.say(f"repeats: {guess}", note, sure=False)

    def _presence(self) -> str:
        """How many series have a row on a date, where there are several dates and not all series have one."""
        places = self.choices.key_places(self.item.column)
        date = self.table.date.column
        if date is None:
            return ""
        keys = {tuple(row[place] for place in places) for row in self.choices.rows}
        at = places.index(date.place)
        series = len({(*key[:at], *key[at + 1 :]) for key in keys})
        per_date = sorted(Counter(key[at] for key in keys).values())
        if len(per_date) == 1 or per_date[0] == series:
            return ""
        return f"on a date {per_date[0]} to {per_date[-1]} of {series} series have a row"


def _informs(column: Column) -> bool:
    """Whether a column of names says more than its own heading."""
    return len(column.different) > 1 or column.name.casefold() not in (text.casefold() for text in column.different)
