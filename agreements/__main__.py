"""`python -m agreements` writes what is made from the model: the table of `docs/formats/agreement.md`, and the JSON Schema."""

from agreements.drafting.json_schema import schema_text
from agreements.drafting.reference import PAGE, SCHEMA, page

PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
SCHEMA.write_text(schema_text(), encoding="utf-8")
