-- The carriers' store: airports, and what carriers flew between them.
CREATE TABLE ports (
    code           text PRIMARY KEY,
    name           text NOT NULL,
    city           text,
    subdivision    text,
    country        text NOT NULL,
    latitude       double precision NOT NULL,
    longitude      double precision NOT NULL,
    elevation_feet integer,
    time_zone      text
);

CREATE TABLE movements (
    movement_id             text PRIMARY KEY,
    carrier                 text NOT NULL,
    flight_number           integer NOT NULL,
    aircraft                text,
    origin                  text NOT NULL,
    destination             text NOT NULL,
    scheduled_at            timestamptz NOT NULL,
    departure_delay_minutes integer,
    arrival_delay_minutes   integer,
    air_minutes             integer,
    distance_miles          integer NOT NULL,
    cancelled               boolean NOT NULL
);

-- An update of an entity carries every value, also those that did not change and are stored out of line.
ALTER TABLE ports REPLICA IDENTITY FULL;
