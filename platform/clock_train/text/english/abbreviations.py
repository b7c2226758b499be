"""Written short forms and how they are read."""

from __future__ import annotations

ABBREVIATIONS: dict[str, str] = {
    **{
        "Mr.": "Mister",
        "Mrs.": "Missus",
        "Ms.": "Miz",
        "Dr.": "Doctor",
        "Prof.": "Professor",
        "St.": "Saint",
        "Jr.": "Junior",
    },
    **{
        "Sr.": "Senior",
        "Gen.": "General",
        "Col.": "Colonel",
        "Capt.": "Captain",
        "Lt.": "Lieutenant",
        "Sgt.": "Sergeant",
    },
    **{
        "Rev.": "Reverend",
        "Hon.": "Honorable",
        "Gov.": "Governor",
        "Sen.": "Senator",
        "Rep.": "Representative",
        "Mt.": "Mount",
    },
    **{
        "vs.": "versus",
        "etc.": "et cetera",
        "e.g.": "for example",
        "i.e.": "that is",
        "approx.": "approximately",
        "dept.": "department",
    },
    **{
        "Inc.": "Incorporated",
        "Ltd.": "Limited",
        "Co.": "Company",
        "Corp.": "Corporation",
        "Ave.": "Avenue",
        "Blvd.": "Boulevard",
    },
    **{
        "Rd.": "Road",
        "No.": "Number",
        "no.": "number",
        "vol.": "volume",
        "Vol.": "Volume",
        "Fig.": "Figure",
        "fig.": "figure",
    },
    **{
        "Eq.": "Equation",
        "p.": "page",
        "pp.": "pages",
        "est.": "established",
        "tel.": "telephone",
        "Tel.": "Telephone",
        "ext.": "extension",
    },
    **{"Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Ms": "Miz", "vs": "versus", "w/": "with", "w/o": "without"},
}
