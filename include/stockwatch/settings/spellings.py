"""How portals and ERP systems name the columns of a table: what a proposed feed definition is guessed from.

Nothing here decides anything about a feed that is set up: there the definition says what a column means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PORTALS: Mapping[str, Mapping[str, str]] = {
    "Walmart Retail Link": {
        "date": "Daily",
        "location_id": "Store Nbr",
        "location_name": "Store Name",
        "gtin": "UPC",
        "item_id": "Item Nbr; Prime Item Nbr; Vendor Stk Nbr",
        "item_name": "Item Desc 1; Signing Desc",
        "category": "Fineline Description; Dept Category Description",
        "on_hand_units": "Curr Str On Hand Qty",
        "units_sold": "POS Qty",
        "in_transit_units": "Curr Str In Transit Qty",
        "on_order_units": "Curr Str On Order Qty",
        "pack": "VNPK Qty; WHPK Qty",
        "unused": "POS Sales; POS Cost; Curr Str In Whse Qty; Curr Whse On Hand Qty; Max Shelf Qty; "
        "Curr Traited Store/Item Comb.; Curr Valid Store/Item Comb.; Curr Repl Instock %; Item Status",
    },
    "Walmart Luminate": {
        "date": "business_date",
        "location_id": "store_number; store_nbr",
        "location_name": "store_name",
        "item_id": "walmart_item_number; all_links_item_number; vendor_stock_id",
        "on_hand_units": "store_on_hand_quantity_this_year; store_on_hand_quantity_this_year_eop; ty_on_hand_qty",
        "units_sold": "pos_quantity_this_year; pos_quantity",
        "in_transit_units": "store_in_transit_quantity_this_year; ty_in_trnst_qty",
        "on_order_units": "store_on_order_quantity_this_year; ty_on_order_qty",
        "unused": "pos_sales_this_year; store_in_warehouse_quantity_this_year; ty_in_whse_qty; "
        "traited_store_count_this_year; valid_store_count_this_year; max_shelf_quantity_this_year",
    },
    "Home Depot": {
        "location_id": "STR NBR",
        "item_id": "SKU Nbr",
        "item_name": "SKU Name",
        "on_hand_units": "Str OH Units; Str OH Units Dly",
        "on_order_units": "Str OO Units; Str OO Units Dly; Str On Order",
        "units_sold": "SALES Units; Units Sold",
    },
    "Target": {
        "item_id": "DPCI",
        "units_sold": "Sales U",
        "unused": "Sales $; OOS %",
    },
    "Kroger": {
        "location_id": "STORE; RE_STO_NUM",
        "gtin": "ITEM_CONSUMER_UPC; SCN_UPC_NO",
        "units_sold": "POS_UNITS; SCN_MOV_QY",
        "unused": "POS_UOM_QTY; POS_NET_DOL_AMOUNT; WGT_QY; SCN_RTL_AM",
    },
    "Costco CRX": {
        "date": "Time",
        "units_sold": "Unit Sales",
        "on_hand_units": "On Hand",
        "unused": "Dollar Sales; Avg Net Price",
    },
    "CVS": {
        "units_sold": "Total Units WTD",
        "unused": "Total Sales $ WTD",
    },
    "Amazon Vendor Central": {
        "item_id": "ASIN; (Child) ASIN; MSKU; FNSKU",
        "item_name": "Product Title; Titre du produit; Título del producto; Produkttitel; Titolo prodotto",
        "on_hand_units": "Sellable On Hand Units; Sellable On-Hand Units; afn-fulfillable-quantity; "
        "Ending Warehouse Balance; "
        "Unités disponibles à la vente; Unités vendables en stock; Unidades disponibles para la venta; "
        "Verkaufsfähige Einheiten auf Lager; Verfügbare Einheiten; Unità vendibili disponibili; "
        "sellableOnHandInventoryUnits",
        "on_order_units": "Open Purchase Order Quantity; openPurchaseOrderUnits; Quantité de commandes ouvertes; "
        "Cantidad de pedidos de compra abiertos; Offene Bestellmenge",
        "received_units": "Net Received Units; netReceivedInventoryUnits; Receipts",
        "units_sold": "Shipped Units; Ordered Units; Unités expédiées; Unidades enviadas",
        "unused": "Sellable On Hand Inventory; Sellable On-Hand Inventory; Unsellable On Hand Units; "
        "Unsellable On Hand Inventory; Sourceable Product OOS %; Unfilled Customer Ordered Units; "
        "Aged 90+ Days Sellable Inventory; Net Received; Starting Warehouse Balance; Unknown Events; "
        "afn-reserved-quantity; afn-inbound-shipped-quantity; Customer Shipments",
    },
    "Shopify": {
        "location_id": "Location",
        "item_id": "SKU; Handle",
        "item_name": "Title",
        "on_hand_units": "On hand (current)",
        "in_transit_units": "Incoming (not editable); Incoming",
        "available": "Available (not editable); Available",
        "unused": "On hand (new); Committed (not editable); Unavailable (not editable); Bin name",
    },
    "KeHE": {
        "period": "DateRangeSelected",
        "location_id": "AddressBookNumber",
        "location_name": "CustomerName",
        "item_name": "ProductDescription",
        "category": "ProductCategory",
        "units_sold": "CurrentYearQTY",
        "unused": "PriorYearQTY; CurrentYearCost; PriorYearCost; DC; VersionNumber; ProductSize",
    },
    "UNFI": {
        "location_id": "DC Number; Warehouse Number; Whs",
        "item_id": "UNFI Item Number; Prod #; Product Code",
        "on_hand_units": "Quantity On Hand; DC Quantity On Hand",
        "on_order_units": "Quantity On Order; Open PO Qty",
        "units_sold": "Shipped Qty; Qty Shipped",
    },
    "Vistar": {
        "location_id": "Customer #; Opco; OPCO #",
        "item_id": "Item #",
        "units_sold": "Cases Shipped; Ship Qty",
    },
    "VIP SRS": {
        "date": "BSDATE; INDATE",
        "location_id": "BSACCT; DISTID; INWHSE",
        "item_id": "BSITEM; INITEM",
        "code": "INTRANS",
        "units_sold": "BSQTY",
        "quantity": "INQUAN",
        "unit": "BSUOM; INUOM",
    },
    "Oracle Retail": {
        "date": "DAY_DT",
        "location_id": "ORG_NUM; LOC",
        "item_id": "PROD_NUM; ITEM",
        "on_hand_units": "INV_SOH_QTY; SOH_QTY; STOCK_ON_HAND",
        "in_transit_units": "INV_IN_TRAN_QTY; IN_TRANSIT_QTY",
        "on_order_units": "INV_ON_ORD_QTY; ON_ORDER_QTY",
    },
    "English": {
        "date": "Date; Day; Business Date; Inventory Date; Stock Date; Snapshot Date; As Of; As Of Date; Sales Date; "
        "Report Date; Calendar Date; Transaction Date; Trans Date; Txn Date; Bus Date; Sls Date; dt",
        "period": "Date Range; Period; Reporting Period; Week Ending; Week Ending Date; Week End Date; Fiscal Week",
        "location_id": "Store ID; Store Number; Store No; Store #; Store; Location ID; Location Code; Site; "
        "Site ID; Branch; "
        "Outlet; Ship To; Customer Number; Customer No; Warehouse; Warehouse ID; Whse; Plant; Location Number; "
        "GLN; Str; Str No; Str Num; Store Num; Store Code; Loc ID; Loc Nbr; Site Number; Site Code",
        "location_name": "Location Name; Site Name; Customer Name; Warehouse Name; DC Name; Outlet Name; Str Name; "
        "Store Desc; Store Description",
        "gtin": "GTIN; EAN; Barcode; UPC Code; EAN Code; GTIN-14; EAN13; UPC12; Item UPC; Upc Nbr",
        "item_id": "Item ID; Item Number; Item No; Item Code; Product ID; Product Code; Article Number; "
        "Article; Material; "
        "Vendor Item; Item; Style; Product Number",
        "item_name": "Item Name; Item Description; Product Name; Product Description; Description; Product; Name; "
        "Item Desc; Product Desc; Prod Desc; Prod Name; SKU Description; SKU Desc; Article Description",
        "category": "Category Name; Category Description; Category Desc; Category; Product Category; Department Name; "
        "Department Description; Department Desc; Dept Name; Dept Description; Dept Desc; Department; Dept; Class; "
        "Product Group; Item Group; Product Family",
        "on_hand_units": "On Hand; On Hand Units; On Hand Qty; On Hand Quantity; OH; OH Units; SOH; QOH; "
        "Stock On Hand; Stock; "
        "Stock Qty; Inventory; Inventory Level; Inventory Units; Inventory On Hand; Qty On Hand; Closing Stock; "
        "Ending Inventory; Balance On Hand; EOH; OH Qty; Qty OH; Units On Hand; Inventory Qty; Inventory Quantity; "
        "Stock Level; Stock Quantity; Stock Units; Current Stock; Current Inventory; Current On Hand; "
        "Closing Inventory",
        "units_sold": "Sold; Sales Qty; Qty Sold; Quantity Sold; Sold Units; Unit Sales Qty; Sell Out; Scan Units; "
        "Sales Quantity; Sls Qty; Sls Units; Net Units Sold; POS Sales Units; POS Sales Qty",
        "on_order_units": "On Order; On Order Units; On Order Qty; On Order Quantity; Open Orders; Units On Order; "
        "Qty On Order; On Ord; On Ord Qty; OO Qty; OO Units",
        "in_transit_units": "In Transit; In Transit Units; In Transit Qty; In Transit Quantity; Intransit; "
        "Units In Transit; Qty In Transit",
        "received_units": "Received; Units Received; Received Qty; Receipts Qty; Received Quantity; Quantity Received; "
        "Qty Received; Rcvd; Rcvd Qty; Rcvd Units; Qty Rcvd; Recd Qty; Recd Units; Qty Recd; Rec Qty; Qty Rec; "
        "Recv Qty; Receipt Qty",
        "returned_units": "Returned; Returns; Units Returned; Return Qty; Returned Qty; Qty Returned; Rtn Qty",
        "available": "Available Units; Available Qty; Available Quantity; Available For Sale; ATS",
        "price": "Price; Unit Price; Retail Price; Sell Price; Selling Price; Unit Retail; Retail",
        "currency": "Currency; Currency Code; Curr",
        "unit": "Unit; Unit Of Measure; UOM; UM; UOM Code; Qty UOM; Sales UOM; Sell Unit",
        "pack": "Pack; Pack Size; Case Pack; Units Per Case; Unit Per Pack; Case Qty",
        "code": "Measure; Metric; Qty Type; Quantity Type; Activity Code; Transaction Type",
        "quantity": "Quantity; Qty; Units; Value",
    },
    "German": {
        "date": "Datum; Stichtag; Buchungsdatum; Bestandsdatum; Verkaufsdatum; Tag",
        "location_id": "Filiale; Filial-Nr.; Filialnummer; Filialnr; Markt; Marktnummer; Werk; Lager; Lagerort; "
        "Kundennummer; "
        "Haus",
        "location_name": "Filialname; Marktname; Filialbezeichnung; Lagerbezeichnung",
        "gtin": "EAN-Code; EAN/GTIN; Strichcode; EAN-Nummer",
        "item_id": "Artikelnummer; Artikel-Nr.; Artikelnr; Materialnummer; Art.-Nr.; Lief.-Art.-Nr.",
        "item_name": "Artikel; Artikelbezeichnung; Bezeichnung; Artikeltext; Materialkurztext",
        "category": "Warengruppe; Gruppe; Kategorie; WGR",
        "on_hand_units": "Bestand; Lagerbestand; Bestandsmenge; Frei verwendbar; Endbestand; Bestand Stück",
        "units_sold": "Absatz; Absatzmenge; Verkauf; Verkaufsmenge; Verkaufte Menge; Abgang",
        "on_order_units": "Offene Bestellungen; Bestellt; Bestellmenge; Bestellbestand",
        "in_transit_units": "Unterwegs; Transit; In Zustellung; Umlagerungsbestand",
        "received_units": "Wareneingang; Zugang; Zugänge",
        "returned_units": "Retouren; Rückgaben",
        "price": "Preis; VK-Preis; VK; Verkaufspreis",
        "unit": "Einheit; Mengeneinheit; ME; BME",
        "quantity": "Menge",
    },
    "French": {
        "date": "Date de stock; Date stock; Jour; Date de vente",
        "location_id": "Magasin; Code magasin; N° magasin; Entrepôt; Code site; Point de vente",
        "location_name": "Nom du magasin; Libellé magasin; Nom magasin",
        "gtin": "Code EAN; Code-barres; Code barre; Gencod; Gencode",
        "item_id": "Code article; Référence; Réf.; Code produit",
        "item_name": "Libellé; Libellé article; Désignation; Libellé produit; Produit",
        "category": "Catégorie; Rayon; Famille",
        "on_hand_units": "Stock; Stock disponible; Quantité en stock; Qté stock; Stock magasin; En stock",
        "units_sold": "Ventes; Quantité vendue; Qté vendue; Ventes UVC; Ventes unités; Unités vendues",
        "on_order_units": "En commande; Qté en commande; Commandes en cours",
        "in_transit_units": "En transit",
        "received_units": "Réceptions; Quantité reçue",
        "returned_units": "Retours",
        "price": "Prix; Prix de vente; PVC; PVTTC",
        "unit": "Unité",
        "quantity": "Quantité; Qté",
    },
    "Spanish": {
        "date": "Fecha; Fecha de inventario; Día",
        "location_id": "Tienda; Código tienda; Nº tienda; Sucursal; Almacén; Centro; Punto de venta",
        "location_name": "Nombre tienda; Nombre de la tienda; Descripción tienda",
        "gtin": "Código EAN; Código de barras; Cod. barras",
        "item_id": "Código artículo; Referencia; Código; Código producto; Cod. artículo",
        "item_name": "Descripción; Artículo; Producto; Descripción artículo",
        "category": "Categoría; Familia; Sección",
        "on_hand_units": "Existencias; Inventario; Stock tienda; Unidades en stock; Stock actual",
        "units_sold": "Ventas; Unidades vendidas; Uds. vendidas; Venta unidades; Cantidad vendida",
        "on_order_units": "Pedidos pendientes; En pedido",
        "in_transit_units": "En tránsito",
        "received_units": "Recepciones; Recibido",
        "returned_units": "Devoluciones",
        "price": "Precio; PVP",
        "unit": "Unidad de medida",
        "quantity": "Cantidad; Unidades",
    },
    "Italian": {
        "date": "Data; Giorno; Data inventario",
        "location_id": "Negozio; Codice negozio; Punto vendita; Cod. PdV; PdV; Magazzino; Deposito",
        "location_name": "Nome negozio; Descrizione PdV; Ragione sociale",
        "gtin": "Codice EAN; Codice a barre",
        "item_id": "Codice articolo; Cod. articolo; Codice prodotto; Codice",
        "item_name": "Descrizione; Articolo; Prodotto; Descrizione articolo",
        "category": "Categoria; Reparto; Famiglia",
        "on_hand_units": "Giacenza; Giacenze; Esistenza; Stock negozio; Disponibilità; Rimanenza",
        "units_sold": "Venduto; Vendite; Pezzi venduti; Quantità venduta; Qtà venduta",
        "on_order_units": "In ordine; Ordinato",
        "in_transit_units": "In transito",
        "received_units": "Ricevuto; Entrate",
        "returned_units": "Resi",
        "price": "Prezzo; Prezzo di vendita",
        "unit": "Unità di misura; UM",
        "quantity": "Quantità; Qtà",
    },
    "Dutch": {
        "date": "Dag; Voorraaddatum; Verkoopdatum",
        "location_id": "Filiaal; Filiaalnummer; Winkel; Winkelnummer; Magazijn; Vestiging",
        "location_name": "Winkelnaam; Filiaalnaam",
        "gtin": "EAN-code; Streepjescode",
        "item_id": "Artikelnummer; Artikelcode; Artikelnr.",
        "item_name": "Omschrijving; Artikelomschrijving; Productnaam",
        "category": "Categorie; Productgroep; Artikelgroep",
        "on_hand_units": "Voorraad; Actuele voorraad; Voorraad stuks; Aantal op voorraad",
        "units_sold": "Verkocht; Verkoop; Aantal verkocht; Afzet; Verkochte aantallen",
        "on_order_units": "In bestelling; Besteld",
        "in_transit_units": "Onderweg",
        "received_units": "Ontvangen",
        "returned_units": "Retour",
        "price": "Prijs; Verkoopprijs",
        "unit": "Eenheid",
        "quantity": "Aantal; Hoeveelheid",
    },
}
"""Who writes it -> what it is -> how it is written, `; ` between spellings.

`unused` is known and is no observation: money, last year, bins.
"""

PITFALLS: Mapping[str, str] = {
    "Walmart Retail Link": "`Curr ...` is the stock when the report ran, whatever day the row is of; reports overlap, "
    "and items that are not traited have rows too",
    "Walmart Luminate": "this year and last year stand in one row; some stores are fulfilment centres",
    "Amazon Vendor Central": "one number for a whole country; a day is restated for some 72 hours",
    "Costco CRX": "rows of totals are mixed with rows of items; stock is that of the last day of the period",
    "Shopify": "on hand = available + committed + unavailable; `not stocked` is no zero; no date stands in the file",
    "KeHE": "a month of shipments to stores, and no sales at the till; rows of 0 exist for the sake of last year",
    "VIP SRS": "positions, movements and totals are mixed in one column; cases and bottles too",
}
"""What people who set up a feed from these portals have stumbled over."""

NEVER = (
    r"last year|prior|previous|\bly\b|\blast\b|vorjahr|forecast|plan|budget|target|percent|pct|%|\bmin\b|\bmax\b|"
    r"cost|amount|\bamt\b|\bvalue\b|dollars?|revenue|turnover|umsatz|\bwert\b|betrag|montant|chiffre|importe|valore?\b|"
    r"out of stock|in stock|unsellable|damaged|reserved|committed|aged|expir|weight|volume|discount|reorder|lead time|"
    r"status|flag|rate|share|safety|date|shelf|warehouse qty|pipeline"
)
"""Words in the name of a quantity that is not the one of today: it is never bound by a guess."""

NO_COUNT = (
    r"\b(ids?|keys?|no|nr|nbr|num|number|code|index|idx|seq|rank|row|year|month|week|day|hour|zip|phone|lat|lon)\b"
)
"""Words in the name of numbers that count nothing."""

PATTERNS: tuple[tuple[str, str], ...] = (
    ("price", r"\bprice\b"),
    ("in_transit_units", r"transit|intransit|unterwegs"),
    ("on_order_units", r"on order|open (po|order)|backorder"),
    ("received_units", r"receiv|receipt|\b(rcvd|recd|recv)\b"),
    ("returned_units", r"return"),
    (
        "on_hand_units",
        r"on hand|onhand|\bsoh\b|\boh\b|\bqoh\b|\bstock\b|inventory|bestand|voorraad|giacenza|existencias",
    ),
    (
        "units_sold",
        r"sold|sales? (units|qty|quantity)|units? sales|pos (qty|units)|\bsale\b|absatz|verkauf|ventes|venduto",
    ),
    ("available", r"\bavailable\b|available to (sell|promise)"),
    ("gtin", r"\b(upc|ean|gtin|barcode)\b"),
    (
        "location_id",
        r"\b(store|location|site|branch|outlet|warehouse|whse|dc|shop|customer)\b.*\b(id|nbr|no|num|number|code)\b",
    ),
    ("location_name", r"\b(store|location|site|branch|outlet|warehouse|customer)\b.*\bname\b"),
    ("item_name", r"\b(item|product|article|sku|prod)\b.*\b(name|desc|description|title)\b"),
    ("item_id", r"\b(item|product|article|sku|material|prod)\b.*\b(id|nbr|no|num|number|code)\b|\bsku\b"),
    ("category", r"\bcategory\b"),
    ("quantity", r"\b(qty|quantity|units)\b"),
)
"""What the words of a name nobody has listed may mean, in order: a guess, and always marked as one."""

TOTALS = re.compile(
    r"(?i)\W*(grand total|sub[- ]?total|totals?|gesamt(summe|ergebnis)?|summe|totale|totaal|suma|somme|all stores|"
    r"all locations)( (rows|général|general|geral|generale|(for|of|store|item)\b.*))?\W*"
)
"""The whole first text of a row that holds totals. Total Wine is a shop."""

NOT_RANGED = (
    *("not stocked", "not carried", "not ranged", "not listed", "not authorized", "nicht gelistet", "nicht geführt"),
    *("non référencé", "no surtido", "non trattato", "niet in assortiment"),
)
"""Texts in place of a quantity: the item is not carried at that location."""

NO_DATA = ("n/a", "na", "#n/a", "null", "none", "nan", "-", "--", "n.a.", "n.d.", "k.a.", "unknown", "no data")
"""Texts in place of a quantity that stand for none."""


LONGEST_NAME = 80
DATES = re.compile(r"\b\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b")
"""What some put into the name of a column: it is another one in each file."""


@dataclass(frozen=True)
class Meaning:
    """What a column may be: `role` is an observation column or one of the other names of `PORTALS`."""

    role: str
    known_from: str  # the portal whose spelling it is, "" for a guess by its words
    rank: int  # among several columns of one role the lowest comes first

    @property
    def sure(self) -> bool:
        """Whether the whole name is known."""
        return bool(self.known_from)


def spelled(name: str) -> str:
    """A name without what differs between two spellings: case, accents, blanks, all marks, `Range 1` before it."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return re.sub(r"[^\w]|_", "", re.sub(r"^\W*range \d+ ", "", plain))


def meaning_of(name: str) -> Meaning | None:
    """What a column of this name may be, none if nothing is known."""
    name = DATES.sub("", name)
    known = _KNOWN.get(spelled(name))
    if known or re.search(r"\d$", name):  # `Qty_1`, `Location_1`: one of several, and which one nobody says
        return known
    words = _words(name)
    is_never = re.search(NEVER, words) is not None
    for rank, (role, pattern) in enumerate(PATTERNS):
        if re.search(pattern, words):
            return (
                None
                if is_never and role.endswith(("units", "sold", "available", "quantity"))
                else Meaning(role, "", 1000 + rank)
            )
    return None


def names_a_count(name: str) -> bool:
    """Whether a column of numbers that nobody has listed may count anything: no id, no day, no money, no last year."""
    return re.search(f"{NO_COUNT}|{NEVER}", _words(DATES.sub("", name))) is None


def _words(name: str) -> str:
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).casefold().strip()
    return f"{words} %" if "%" in name else words


def known_names(cells: Iterable[str]) -> int:
    """How many of some texts are known names of columns."""
    return sum(1 for cell in set(cells) if 0 < len(cell) <= LONGEST_NAME and (found := meaning_of(cell)) and found.sure)


def _known() -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for portal, roles in PORTALS.items():
        for role, names in roles.items():
            for name in names.split("; "):
                found.setdefault(spelled(name), Meaning(role, portal, len(found)))
    return found


_KNOWN = _known()
