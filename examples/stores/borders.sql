-- The borders' store: people who travel, and when they crossed.  It checks nothing that the contracts promise: stores do not.
CREATE TABLE travellers (
    reference       text PRIMARY KEY,
    given_name      text,
    family_name     text,
    date_of_birth   date,
    nationality     text,
    document_number text,
    email           text,
    postcode        text,
    residence       text NOT NULL,
    watch_note      text
);

CREATE TABLE crossings (
    crossing_id         text PRIMARY KEY,
    traveller_reference text,
    movement_id         text,
    direction           text NOT NULL,
    port                text NOT NULL,
    crossed_at          timestamptz NOT NULL,
    document_number     text,
    match_confidence    double precision,
    officer_note        text
);

-- An update of an entity carries every value, also those that did not change and are stored out of line.
ALTER TABLE travellers REPLICA IDENTITY FULL;
