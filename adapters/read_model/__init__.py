"""What lists, pages and reports read: the queries behind the API and the console."""
