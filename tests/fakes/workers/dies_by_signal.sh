# Ends by the signal that $1 names.
kill -s "$1" $$
