"""The console's lists: filtered, sorted and searched by an address, with chosen columns, saved under names, and exported as a whole."""
