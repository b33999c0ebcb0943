"""A credit note or a cancellation that somebody asks for by hand: who must agree, and what billing booked."""
