# Says a word, writes $1 if it is given, and then falls silent until it is ended.
echo "on it"
[ -z "$1" ] || echo "half done" > "$1"
exec sleep 600
