"""Units, currencies and signs with their English names."""

from __future__ import annotations

UNITS: dict[str, tuple[str, str]] = {
    # one, many
    **{
        "kg": ("kilogram", "kilograms"),
        "g": ("gram", "grams"),
        "mg": ("milligram", "milligrams"),
        "lb": ("pound", "pounds"),
    },
    **{
        "lbs": ("pound", "pounds"),
        "oz": ("ounce", "ounces"),
        "km": ("kilometer", "kilometers"),
        "m": ("meter", "meters"),
    },
    **{
        "cm": ("centimeter", "centimeters"),
        "mm": ("millimeter", "millimeters"),
        "ft": ("foot", "feet"),
        "in": ("inch", "inches"),
    },
    **{
        "mi": ("mile", "miles"),
        "mph": ("mile per hour", "miles per hour"),
        "km/h": ("kilometer per hour", "kilometers per hour"),
    },
    **{"kph": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second")},
    **{
        "L": ("liter", "liters"),
        "l": ("liter", "liters"),
        "ml": ("milliliter", "milliliters"),
        "mL": ("milliliter", "milliliters"),
    },
    **{"h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes")},
    **{"s": ("second", "seconds"), "sec": ("second", "seconds"), "ms": ("millisecond", "milliseconds")},
    **{
        "°C": ("degree Celsius", "degrees Celsius"),
        "℃": ("degree Celsius", "degrees Celsius"),
        "℉": ("degree Fahrenheit", "degrees Fahrenheit"),
    },
    **{
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
        "°": ("degree", "degrees"),
        "W": ("watt", "watts"),
        "kW": ("kilowatt", "kilowatts"),
    },
    **{
        "kWh": ("kilowatt hour", "kilowatt hours"),
        "V": ("volt", "volts"),
        "Hz": ("hertz", "hertz"),
        "kHz": ("kilohertz", "kilohertz"),
    },
    **{
        "MHz": ("megahertz", "megahertz"),
        "GHz": ("gigahertz", "gigahertz"),
        "KB": ("kilobyte", "kilobytes"),
        "MB": ("megabyte", "megabytes"),
    },
    **{
        "GB": ("gigabyte", "gigabytes"),
        "TB": ("terabyte", "terabytes"),
        "dB": ("decibel", "decibels"),
        "px": ("pixel", "pixels"),
    },
    **{
        "km²": ("square kilometer", "square kilometers"),
        "m²": ("square meter", "square meters"),
        "m³": ("cubic meter", "cubic meters"),
    },
    **{"㎡": ("square meter", "square meters"), "μm": ("micrometer", "micrometers"), "nm": ("nanometer", "nanometers")},
}

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    **{"$": ("dollar", "dollars", "cent", "cents"), "US$": ("US dollar", "US dollars", "cent", "cents")},
    **{"€": ("euro", "euros", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence")},
    **{"¥": ("yuan", "yuan", "fen", "fen"), "₩": ("won", "won", "", ""), "₹": ("rupee", "rupees", "paisa", "paise")},
    **{"₽": ("ruble", "rubles", "kopek", "kopeks"), "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents")},
}

SIGNS: dict[str, str] = {
    **{
        "&": "and",
        "+": "plus",
        "=": "equals",
        "×": "times",
        "÷": "divided by",
        "±": "plus or minus",
        "≈": "approximately equals",
    },
    **{
        "≠": "does not equal",
        "≤": "less than or equal to",
        "≥": "greater than or equal to",
        "<": "less than",
        ">": "greater than",
    },
    **{
        "@": "at",
        "%": "percent",
        "#": "hash",
        "^": "to the power of",
        "°": "degrees",
        "√": "square root of",
        "∞": "infinity",
        "™": "",
        "©": "copyright",
    },
    **{
        "α": "alpha",
        "β": "beta",
        "γ": "gamma",
        "δ": "delta",
        "Δ": "delta",
        "λ": "lambda",
        "μ": "mu",
        "π": "pi",
        "σ": "sigma",
    },
    **{
        "Ω": "ohm",
        "θ": "theta",
        "ω": "omega",
        "φ": "phi",
        "ε": "epsilon",
        "Σ": "sigma",
        "$": "dollar",
        "€": "euro",
        "£": "pound",
        "¥": "yuan",
    },
    **{"‰": "per mille", "²": "squared", "³": "cubed"},
}
